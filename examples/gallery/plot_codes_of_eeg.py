"""
Codes of EEG, coarse to fine
============================

A tokenizer turns each second of each channel into a few codes for its waveform and a few for its
spectrum. Here a tokenizer of the smallest size learns from four people and encodes the EEG of a
fifth, whom it has never seen. What do the codes look like, and how much of the signal do they keep?
"""

# %%
# Load EEG
# --------
# Windows of five seconds from EEGMAT (rest and mental arithmetic) if its files are available,
# otherwise from a simulation.

import os
from pathlib import Path

import matplotlib.pyplot as plt

from sk_brainrvq import DDRVQTransformer
from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.viz import plot_codebook_usage, plot_codes, plot_reconstruction

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
subjects = [0, 1, 2, 3, 4]
try:
    eeg = load_eegmat(shared / "data" / "eegmat", subjects)
except FileNotFoundError:
    eeg = make_eeg(n_subjects=5, n_windows=40, random_state=0)
seen, unseen = eeg.of_subjects(subjects[:4]), eeg.of_subjects(subjects[4:])
print(f"{len(seen.X)} windows to learn from, {len(unseen.X)} of a person never seen")

# %%
# Learn a tokenizer
# -----------------
# No labels are needed. This takes ten seconds on one core; for real work use
# ``architecture="small"`` or ``"base"``, more people, and the default number of epochs.

tokenizer = DDRVQTransformer(
    architecture="tiny",
    max_epochs=4,
    lr=2e-3,
    batch_size=8,
    sfreq=eeg.sfreq,
    ch_names=eeg.ch_names,
    random_state=0,
)
tokenizer.fit(seen.X)
codes = tokenizer.transform(unseen.X)
print("epochs, channels, seconds, domains, levels:", codes.shape)

# %%
# An epoch as codes
# -----------------
# One image per domain and level. Similar colours mean similar codewords. In the first level,
# neighbouring channels often agree, as their signals do; what is left for the finer levels is
# increasingly specific to each channel.

plot_codes(codes, tokenizer, epoch=3)

# %%
# Reconstruction
# --------------
# Each level adds detail. Slow waves come first because they carry most of the variance; a tokenizer
# this small hardly reaches beyond the alpha rhythm, as the spectrum shows.

# sphinx_gallery_thumbnail_number = 2
_, signals = plt.subplots(3, 1, figsize=(5.8, 4.2), layout="constrained")
_, spectra = plt.subplots(figsize=(5.8, 4.2), layout="constrained")
plot_reconstruction(tokenizer, unseen.X, epoch=3, channel="O1", ax=[*signals, spectra])

# %%
# Is the codebook used?
# ---------------------
# In the EEG of the unseen person, most codes of each level occur, but not equally often: the
# perplexity is the number of equally frequent codes that would carry as much information.

plot_codebook_usage(tokenizer, codes)
