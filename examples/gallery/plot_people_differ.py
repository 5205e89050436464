"""
People differ: centre them
==========================

In a table of EEG features people lie farther apart than their states do. A classifier that has
learnt from some people then has its threshold in the wrong place for the next. Taking off what
belongs to the person, which needs no labels, puts everybody in one place. This page shows the
picture, and what that is worth.
"""

# %%
# Epochs that know whom they are of
# ---------------------------------
# Twelve people of EEGMAT, at rest and during mental arithmetic, in windows of five seconds;
# simulated people where the files are not at hand. The person stands in the column "subject" of the
# metadata, as MOABB writes it; recordings and files tell by their names or headers.

import os
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
# These files were filtered before they were published, so that no filter is asked for.

plain = BrainRVQEmbedder(filters=None)
centred = BrainRVQEmbedder(filters=None, center_by="subject")
features = {"as they are": plain.fit_transform(epochs), "each person centred": None}
features["each person centred"] = centred.fit_transform(epochs)

# %%
# Two principal components. Above, a colour is a person: people are clouds of their own, and fall
# together once each is centred. Below, the same points by state.

figure, axes = plt.subplots(2, 2, figsize=(8.6, 7.6), layout="constrained")
people = np.searchsorted(np.unique(eeg.subjects), eeg.subjects)
for column, (title, table) in enumerate(features.items()):
    points = PCA(2, random_state=0).fit_transform(StandardScaler().fit_transform(table))
    axes[0, column].scatter(*points.T, c=people, cmap="tab20", s=9, linewidth=0)
    axes[0, column].set_title(title, loc="left")
    for label, (colour, marker) in enumerate((("#0072B2", "o"), ("#E69F00", "x"))):
        rows = eeg.y == label
        axes[1, column].scatter(
            *points[rows].T, c=colour, marker=marker, s=13, linewidth=0.8, label=eeg.classes[label]
        )
for ax in axes.ravel():
    ax.set(xticks=[], yticks=[])
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xlabel("First component")
    ax.set_ylabel("Second component")
axes[1, 1].legend(frameon=False, loc="best")

# %%
# What it is worth
# ----------------
# Cross-validation over people. Neither embedder learns anything from other people's windows, and
# all windows of a person lie in one fold, so that the tables above serve for every fold; put into
# the pipeline, the embedders give the same figures. Balanced accuracy asks for one threshold that
# fits everybody, and gains most. Twelve people are few: expect these figures to move by several
# points with others.

folds, measures = GroupKFold(n_splits=6), ("roc_auc", "balanced_accuracy")
for name, table in features.items():
    classifier = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
    pipeline = make_pipeline(StandardScaler(), classifier)
    scores = cross_validate(pipeline, table, eeg.y, groups=eeg.subjects, cv=folds, scoring=measures)
    for measure in measures:
        print(f"{name:20} {measure:18} {scores[f'test_{measure}'].mean():.3f}")

# %%
# Not without reading on
# ----------------------
# Centring uses the windows of the person who is predicted for, and it takes away whatever belongs
# to the person. Where every person is of one class, as with a diagnosis, it takes away the answer,
# and ``fit`` says so:

with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    centred.fit(epochs, (people % 2 == 0).astype(int))
print(next(str(w.message) for w in heard if "one class" in str(w.message)))

# %%
# :doc:`/people` says when to centre, how many windows it takes, and what to do where windows come
# one by one.
