"""
What a code means
=================

A code is a number between 0 and the size of the codebook. To see what it stands for, look at the
seconds of EEG that have it: their waveforms, their spectrum, and where on the head they occur.
"""

# %%
# Train a tokenizer without labels
# --------------------------------
# On EEGMAT if its files are available, otherwise on simulated EEG.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sk_brainrvq import DDRVQTransformer
from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.viz import plot_codeword

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", [0, 1, 2, 3])
except FileNotFoundError:
    eeg = make_eeg(n_subjects=4, n_windows=40, random_state=0)
tokenizer = DDRVQTransformer(
    architecture="tiny",
    max_epochs=4,
    lr=2e-3,
    batch_size=8,
    sfreq=eeg.sfreq,
    ch_names=eeg.ch_names,
    random_state=0,
)
codes = tokenizer.fit_transform(eeg.X)

# %%
# A code of the alpha rhythm
# --------------------------
# Which of the coarse codes of the spectrum occurs most often at the back of the head, where the
# alpha rhythm is strongest? Only codes that occur at least a hundred times are considered.

coarse = codes[..., 1, 0]
occipital = [eeg.ch_names.index(name) for name in ("O1", "O2")]
size = int(coarse.max()) + 1
everywhere = np.bincount(coarse.ravel(), minlength=size)
at_the_back = np.bincount(coarse[:, occipital].ravel(), minlength=size)
preference = np.where(everywhere >= 100, at_the_back / np.maximum(everywhere, 1), 0)
alpha_code = int(preference.argmax())
print(f"code {alpha_code}: {preference[alpha_code]:.0%} of it at O1 and O2")

# %%
# The seconds with this code; their mean spectrum, which has a peak at the alpha rhythm; and where
# they occur. The dashed line is the mean of what the tokenizer decodes for this code, the dotted
# line that of all EEG.

# sphinx_gallery_thumbnail_number = 2
axes = [plt.subplots(figsize=(4.8, 3.4), layout="constrained")[1] for _ in range(3)]
plot_codeword(tokenizer, eeg.X, alpha_code, domain="frequency", ax=axes)

# %%
# The opposite
# ------------
# The code that occurs least often at the back of the head.

fewest = np.where(everywhere >= 100, at_the_back / np.maximum(everywhere, 1), 1)
plot_codeword(tokenizer, eeg.X, int(fewest.argmin()), domain="frequency")

# %%
# A code of the waveform
# ----------------------
# Codes of the time domain also fix the phase, so the mean over all seconds with a code is still a
# wave. If no code is given, the most frequent one of the level is drawn.

plot_codeword(tokenizer, eeg.X, domain="time", level=2)
