"""
Watch a pretraining
===================

A tokenizer learns codes, then an encoder learns to predict the codes of hidden seconds. Is the
codebook in use? Does the loss still fall on people who are not trained on? The histories tell.
"""

# %%
# A tokenizer
# -----------
# From EEGMAT where its files are at hand, from simulated EEG elsewhere. One person in four is held
# out: ``groups`` keeps all of a person's windows on one side.

import os
from pathlib import Path

from sk_brainrvq import BrainRVQPretrainer, DDRVQTransformer
from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.viz import plot_embedding, plot_training

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", [0, 1, 2, 3])
except FileNotFoundError:
    eeg = make_eeg(n_subjects=4, n_windows=40, random_state=0)
settings = {
    "architecture": "tiny",
    "lr": 2e-3,
    "batch_size": 8,
    "validation": 0.25,
    "sfreq": eeg.sfreq,
    "ch_names": eeg.ch_names,
    "random_state": 0,
}
tokenizer = DDRVQTransformer(max_epochs=5, **settings).fit(eeg.X, groups=eeg.subjects)

# %%
# The loss is the sum of its parts: how far the decoded waveform, amplitude, phase and standard
# deviation are off, and how far the encoder's vectors lie from their codewords. The perplexity says
# how many of the 64 codes of each level are effectively in use. The learning rate warms up, then
# follows a cosine.

plot_training(tokenizer)

# %%
# The encoder
# -----------
# Its loss is a cross-entropy, in nats. Coarse codes are easier to predict than fine ones: compare
# with the share of the most frequent code before calling an accuracy good.

pretrainer = BrainRVQPretrainer(tokenizer.weights_, max_epochs=8, **settings)
pretrainer.fit(eeg.X, groups=eeg.subjects)
plot_training(pretrainer)

# %%
# What came of it
# ---------------
# Features of all windows, projected to two dimensions and coloured by person. In recordings people
# differ more than conditions do, with or without training: that is why people, not windows, are
# held out. (Simulated people have no such traits.)

plot_embedding(pretrainer.transform(eeg.X), eeg.subjects, label="subject")
