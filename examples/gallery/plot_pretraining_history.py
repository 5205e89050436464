"""
Watch a pretraining
===================

A tokenizer learns codes, then an encoder learns to predict the codes of hidden seconds. Is the
codebook in use? Does the loss still fall for people outside the training set? The histories tell.
"""

# %%
# A tokenizer
# -----------
# On EEGMAT if its files are available, otherwise on simulated EEG. One person in four is held out:
# ``groups`` keeps all windows of a person on the same side.

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
tokenizer = DDRVQTransformer(max_epochs=4, **settings).fit(eeg.X, groups=eeg.subjects)

# %%
# Does the loss of the person held out fall as well?

plot_training(tokenizer, panels=["loss"])

# %%
# The loss is the sum of its parts: the errors of the decoded waveform, amplitude, phase and
# standard deviation, and the distance of the encoder's vectors from their codewords. The perplexity
# says how many of the 64 codes of each level are effectively in use. The learning rate warms up,
# then follows a cosine.

plot_training(tokenizer, panels=["parts", "perplexity", "lr"])

# %%
# The encoder
# -----------
# Its loss is a cross-entropy in nats. Coarse codes are easier to predict than fine ones: compare an
# accuracy with the share of the most frequent code before you call it good.

pretrainer = BrainRVQPretrainer(tokenizer.weights_, max_epochs=6, **settings)
pretrainer.fit(eeg.X, groups=eeg.subjects)
plot_training(pretrainer)

# %%
# The result
# ----------
# Features of all windows, projected to two dimensions and coloured by person. In real recordings
# people differ more than conditions do, with or without training: this is why people, not windows,
# are held out. (Simulated people do not differ like this.)

plot_embedding(pretrainer.transform(eeg.X), eeg.subjects, label="subject")
