"""
People differ: centre them
==========================

In a table of EEG features, people differ more than their states do. A classifier trained on some
people then has its threshold in the wrong place for the next person. Subtracting each person's
centre, which needs no labels, brings everybody to the same place. This page shows what it looks
like, and what it gains.
"""

# %%
# Epochs with subjects
# --------------------
# Windows of five seconds from twelve people of EEGMAT, at rest and during mental arithmetic, if the
# files are available; otherwise from simulated people. The person is in the column "subject" of the
# metadata, as MOABB writes it; for recordings and files it is found in their headers or names.

import os
import textwrap
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import mne
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import load_eegmat, make_eeg

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", range(16, 28))
except FileNotFoundError:
    eeg = make_eeg(n_subjects=12, n_windows=24, random_state=0)

epochs = mne.EpochsArray(
    eeg.X * 1e-6,
    mne.create_info(eeg.ch_names, eeg.sfreq, "eeg"),
    metadata=pd.DataFrame({"subject": eeg.subjects}),
    verbose="error",
)
print(f"{len(epochs)} windows of {len(np.unique(eeg.subjects))} people, {eeg.classes}")

# %%
# The same windows, before and after
# ----------------------------------
# These files were filtered before they were published, so no filter is needed.

plain = BrainRVQEmbedder(filters=None)
centred = BrainRVQEmbedder(filters=None, center_by="subject")
features = {"as they are": plain.fit_transform(epochs), "each person centred": None}
features["each person centred"] = centred.fit_transform(epochs)

# %%
# Two principal components. Colours show people, who form separate clouds that merge when each
# person is centred.


def two_axes():
    """Make axes for both tables."""
    _, axes = plt.subplots(1, 2, figsize=(6.6, 3.6), layout="constrained")
    for ax, title in zip(axes, features, strict=True):
        ax.set(xticks=[], yticks=[], xlabel="First component", ylabel="Second component")
        ax.set_title(title[0].upper() + title[1:], loc="left")
        ax.spines[["top", "right"]].set_visible(False)
    return axes


points = [
    PCA(2, random_state=0).fit_transform(StandardScaler().fit_transform(table))
    for table in features.values()
]
people = np.searchsorted(np.unique(eeg.subjects), eeg.subjects)
for ax, places in zip(two_axes(), points, strict=True):
    ax.scatter(*places.T, c=people, cmap="tab20", s=9, linewidth=0)

# %%
# The same points by state.

axes = two_axes()
for ax, places in zip(axes, points, strict=True):
    for label, (colour, marker) in enumerate((("#0072B2", "o"), ("#E69F00", "x"))):
        state = places[eeg.y == label].T
        ax.scatter(*state, c=colour, marker=marker, s=13, linewidth=0.8, label=eeg.classes[label])
axes[1].legend(frameon=False)

# %%
# What it gains
# -------------
# Cross-validation over people. Neither embedder learns from the windows of other people, and all
# windows of a person are in one fold, so the tables above can be used for every fold; embedders
# inside the pipeline would give the same scores. Balanced accuracy needs one threshold for
# everybody and gains most. Twelve people are few: with others, expect these scores to change by
# several points.

folds, measures = GroupKFold(n_splits=6), ("roc_auc", "balanced_accuracy")
for name, table in features.items():
    classifier = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
    pipeline = make_pipeline(StandardScaler(), classifier)
    scores = cross_validate(pipeline, table, eeg.y, groups=eeg.subjects, cv=folds, scoring=measures)
    for measure in measures:
        print(f"{name:20} {measure:18} {scores[f'test_{measure}'].mean():.3f}")

# %%
# When not to centre
# ------------------
# Centring uses the windows of the person to predict for, and removes everything that is constant
# within a person. If every person has only one class, as with a diagnosis, it removes the answer,
# and ``fit`` says so:

with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    centred.fit(epochs, (people % 2 == 0).astype(int))
print(textwrap.fill(next(str(w.message) for w in heard if "one class" in str(w.message)), 80))

# %%
# :doc:`/people` says when to centre, how many windows this needs, and what to do if windows arrive
# one by one.
