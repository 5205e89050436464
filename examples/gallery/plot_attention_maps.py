"""
Where a model looks
===================

Besides the tokens of the seconds of EEG, the encoder has a class token that belongs to none of
them. Here its attention is drawn on the head, block by block.
"""

# %%
# A pretrained encoder
# --------------------
# The one that comes with the package, and EEGMAT if its files are available, otherwise simulated
# EEG. The files are already filtered.

import os
from pathlib import Path

import matplotlib.pyplot as plt

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.viz import plot_attention

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", [0, 1, 2, 3])
except FileNotFoundError:
    eeg = make_eeg(n_subjects=4, n_windows=40, random_state=0)
embedder = BrainRVQEmbedder(sfreq=eeg.sfreq, ch_names=eeg.ch_names, filters=None)
embedder.fit(eeg.X)

# %%
# The blocks of the encoder
# -------------------------
# The figure shows the mean over all epochs. Uniform attention would give each channel 100 % divided
# by the number of channels.

plot_attention(embedder, eeg.X, layer=range(6))

# %%
# Rest and task
# -------------
# The second block at rest and during the task, drawn on our own axes; each has its own colour
# scale.

# sphinx_gallery_thumbnail_number = 2
for number, condition in enumerate(eeg.classes):
    _, ax = plt.subplots(figsize=(4.8, 3.5), layout="constrained")
    plot_attention(embedder, eeg.X[eeg.y == number], layer=1, ax=ax)
    ax.set_title(f"Block 2, {condition}", loc="left")

# %%
# A word of caution
# -----------------
# Attention is part of what a network computes, not an explanation of decisions. A classifier on
# these features does not even use the class token: they are the mean of all patch tokens, spectra
# and covariances. For explanations see :ref:`sphx_glr_gallery_plot_what_decided.py`.
