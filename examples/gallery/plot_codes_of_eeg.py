"""
Codes of EEG, coarse to fine
============================

A tokenizer turns each second of each channel into a few codes of its waveform and a few of its
spectrum. Here a tokenizer of the smallest size learns from four people, and codes a fifth, whom
it has never seen. What do the codes look like, and how much of the signal do they keep?
"""

# %%
# EEG to start with
# -----------------
# Windows of five seconds from EEGMAT (rest and mental arithmetic) where its files are at hand, from
# a simulation elsewhere.

import os
from pathlib import Path

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
# No labels are involved. Half a minute on one core; for real work take ``architecture="small"`` or
# ``"base"``, more people, and the default number of epochs.

tokenizer = DDRVQTransformer(
    architecture="tiny",
    max_epochs=8,
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
# One image for each domain and level. Similar colours are similar codewords. In the first level
# neighbouring channels often agree, as their signals do; what is left for the finer levels is more
# and more each channel's own.

plot_codes(codes, tokenizer, epoch=3)

# %%
# And back again
# --------------
# Each level adds detail. The slow waves come first, since they carry most of the variance; a
# tokenizer as small as this hardly reaches beyond the alpha rhythm, as the spectrum below shows.

plot_reconstruction(tokenizer, unseen.X, epoch=3, channel="O1")

# %%
# Is the codebook used?
# ---------------------
# On the person never seen, most codes of each level occur, but not equally often: the perplexity is
# the number of codes that would carry as much if all were equally frequent.

plot_codebook_usage(tokenizer, codes)
