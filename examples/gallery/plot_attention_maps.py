"""
Where a model looks
===================

Besides the tokens of the seconds of EEG, the encoder has a class token that belongs to none of
them. Here its attention is drawn on the head, block by block.
"""

# %%
# Pretrain a small encoder
# ------------------------
# Without labels, on EEGMAT if its files are available, otherwise on simulated EEG.

import os
from pathlib import Path

import matplotlib.pyplot as plt

from sk_brainrvq import BrainRVQClassifier, BrainRVQPretrainer
from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.viz import plot_attention

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", [0, 1, 2, 3])
except FileNotFoundError:
    eeg = make_eeg(n_subjects=4, n_windows=40, random_state=0)
settings = {
    "architecture": "tiny",
    "batch_size": 8,
    "sfreq": eeg.sfreq,
    "ch_names": eeg.ch_names,
    "random_state": 0,
}
pretrainer = BrainRVQPretrainer(tokenizer_max_epochs=3, max_epochs=5, lr=2e-3, **settings)
pretrainer.fit(eeg.X)

# %%
# The blocks of the encoder
# -------------------------
# The figure shows the mean over all epochs. Uniform attention would give each channel 100 % divided
# by the number of channels. Note the colour bar: after such a short training, differences are
# small.

plot_attention(pretrainer, eeg.X, layer=range(2))

# %%
# Rest and task
# -------------
# The last block at rest and during the task, drawn on our own axes; each has its own colour scale.

_, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for number, (ax, condition) in enumerate(zip(axes, eeg.classes, strict=True)):
    plot_attention(pretrainer, eeg.X[eeg.y == number], ax=ax)
    ax.set_title(condition.capitalize(), loc="left", fontsize=10)

# %%
# After fine-tuning
# -----------------
# The same encoder after further training with labels. A word of caution: attention is part of what
# a network computes, not an explanation of its decisions. This classifier does not even use the
# class token: its head takes the mean of all patch tokens, and spectra and covariances.

classifier = BrainRVQClassifier(weights=pretrainer.weights_, max_epochs=3, lr=1e-3, **settings)
classifier.fit(eeg.X, eeg.y)
plot_attention(classifier, eeg.X, layer=range(2))
