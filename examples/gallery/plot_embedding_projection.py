"""
What is in an embedding
=======================

A frozen model computes thousands of features per window. Projected to two dimensions, they show
what dominates: by far, the person. Single columns show where on the head, and at which frequency,
two conditions differ.
"""

# %%
# Embed
# -----
# Four people of EEGMAT, at rest and during mental arithmetic, if the files are available; otherwise
# simulated people. The model was pretrained on their EEG without labels. The files are already
# filtered.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.viz import plot_embedding

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", range(24, 28))
except FileNotFoundError:
    eeg = make_eeg(n_subjects=4, n_windows=40, random_state=0)
embedder = BrainRVQEmbedder(sfreq=eeg.sfreq, ch_names=eeg.ch_names, filters=None)
features = embedder.fit_transform(eeg.X)
names = embedder.get_feature_names_out()
print(f"{len(features)} windows of {len(np.unique(eeg.subjects))} people, {len(names)} features")

# %%
# People and conditions
# ---------------------
# The same points twice. People are well separated (first figure), conditions hardly (second). A
# classifier that is tested on people it was trained on can exploit the former.


def draw(table):
    """Draw a table by person, and again by condition."""
    for label, values, classes in (
        ("person", eeg.subjects, None),
        ("condition", eeg.y, eeg.classes),
    ):
        _, ax = plt.subplots(figsize=(5.6, 4), layout="constrained")
        plot_embedding(table, values, classes=classes, label=label, ax=ax)


draw(features)

# %%
# Each person around their own mean
# ---------------------------------
# After subtracting the mean of each person, only changes within people remain. This needs no
# labels, but all windows of a person, so it is possible if a recording is complete before it is
# classified.

centred = features.copy()
for person in np.unique(eeg.subjects):
    centred[eeg.subjects == person] -= features[eeg.subjects == person].mean(0)
draw(centred)

# %%
# Where and at which frequency
# ----------------------------
# The columns of the spectrum are named by region and frequency. How well does each of them
# distinguish the conditions within people? At 0.5 not at all; below 0.5, amplitude falls during the
# task, and above, it rises.

regions = [name.removesuffix("_10Hz") for name in names if name.endswith("_10Hz")]
columns = {name: number for number, name in enumerate(names)}
area = np.array(
    [
        [roc_auc_score(eeg.y, centred[:, columns[f"{region}_{f}Hz"]]) for f in range(1, 46)]
        for region in regions
    ]
)
_, ax = plt.subplots(figsize=(9, 3.8), layout="constrained")
limit = np.abs(area - 0.5).max()
image = ax.imshow(
    area,
    extent=(0.5, 45.5, len(regions) - 0.5, -0.5),
    cmap="RdBu_r",
    vmin=0.5 - limit,
    vmax=0.5 + limit,
    aspect="auto",
    interpolation="nearest",
)
ax.set_yticks(range(len(regions)), regions)
ax.set_xlabel("Frequency (Hz)")
ax.set_ylabel("Region")
ax.set_title("Log amplitude: AUROC of each single column", loc="left", fontsize=10)
plt.colorbar(image, ax=ax, label=f"{eeg.classes[0]}  <  AUROC  <  {eeg.classes[1]}")

# %%
# The other columns
# -----------------
# There are also the tokens of the network, which are only numbered, and the covariance of signals
# at 19 positions, with names such as "C3xO1". How many of each kind vary with the condition, and
# how strongly?

spectrum = np.array([name.endswith(("Hz", "log_std")) for name in names])
tokens = np.array([name.startswith("brainrvqembedder") for name in names])
alone = np.array([roc_auc_score(eeg.y, column) for column in centred.T])
strength = np.abs(alone - 0.5) + 0.5
_, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
bins = np.linspace(0.5, 1, 41)
looks = (
    (tokens, "tokens", "#0072B2", "-"),
    (spectrum, "spectrum", "#E69F00", "--"),
    (~(tokens | spectrum), "covariance", "#009E73", "-."),
)
for kind, name, colour, dashes in looks:
    share = np.full(kind.sum(), 100 / kind.sum())
    ax.hist(
        strength[kind],
        bins,
        weights=share,
        histtype="step",
        color=colour,
        linestyle=dashes,
        linewidth=1.8,
        label=f"{name} ({kind.sum()} columns)",
    )
ax.set_xlabel("AUROC of a single column, in its better direction")
ax.set_ylabel("Columns (%)")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
