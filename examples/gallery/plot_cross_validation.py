"""
Cross-validation, grid search and learning curve, with rivals
=============================================================

How good are the features of a frozen model for people without any labels, and are they better than
band power? The tools are those of scikit-learn; just make sure that no person is on both sides of a
split. This page is also a notebook: the button is at the end.
"""

# %%
# EEG with labels
# ---------------
# Windows of five seconds from twelve people of EEGMAT, at rest and during mental arithmetic, if the
# files are available; otherwise from simulated people. The bundled model was pretrained without
# labels on subjects 0 to 27 of EEGMAT: it has seen EEG of these twelve people, but not their
# labels. The :doc:`model card </model_card>` has scores on people that it has not seen at all.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from pyriemann.estimation import Covariances
from pyriemann.tangentspace import TangentSpace
from scipy.signal import welch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import load_eegmat, make_eeg

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", range(16, 28))
except FileNotFoundError:
    eeg = make_eeg(n_subjects=12, n_windows=24, random_state=0)
print(f"{len(eeg.X)} windows of {len(np.unique(eeg.subjects))} people, {eeg.classes}")

# %%
# Features of the frozen model
# ----------------------------
# In a pipeline the embedder comes first, ``make_pipeline(BrainRVQEmbedder(), ...)``. It does not
# learn from the EEG it is given, so all windows can be embedded once for all folds. These files
# were filtered before they were published, so no filter is needed.

embedder = BrainRVQEmbedder(sfreq=eeg.sfreq, ch_names=eeg.ch_names, filters=None)
embedding = embedder.fit_transform(eeg.X)
print("features:", embedding.shape)

# %%
# Two rivals
# ----------
# Log power in seven bands of each channel, which takes ten lines of code, and the tangent space of
# covariance matrices (pyRiemann). All use the same classifier, with ``C=0.01`` fixed beforehand.

BANDS = ((1, 4), (4, 8), (8, 10), (10, 13), (13, 20), (20, 30), (30, 45))


def log_band_power(X):
    """Compute log power of each channel in each band, (n_windows, n_channels * n_bands)."""
    frequencies, power = welch(X, fs=eeg.sfreq, nperseg=400)
    bands = [
        power[..., (frequencies >= low) & (frequencies < high)].mean(-1) for low, high in BANDS
    ]
    return np.log(np.concatenate(bands, axis=1) + 1e-12)


def classifier(C=0.01):
    """Make a linear classifier with equal weight for both classes."""
    return LogisticRegression(C=C, class_weight="balanced", max_iter=2000)


contenders = {
    "band power": (FunctionTransformer(log_band_power), eeg.X),
    "tangent space": (make_pipeline(Covariances("oas"), TangentSpace()), eeg.X.astype(float)),
    "BrainRVQ, frozen": (FunctionTransformer(), embedding),
}

# %%
# Cross-validation over people
# ----------------------------
# There are six folds, each with two test people. All models use the same folds, so that they can be
# compared fold by fold.

folds = GroupKFold(n_splits=6)
scores = {}
for name, (features, X) in contenders.items():
    model = make_pipeline(features, StandardScaler(), classifier())
    scores[name] = cross_val_score(
        model, X, eeg.y, groups=eeg.subjects, cv=folds, scoring="roc_auc"
    )
    print(f"{name:18} AUROC {scores[name].mean():.3f}, sd over folds {scores[name].std():.3f}")

# %%
# Each line is a fold, each thick dash a mean. If lines cross, the order of the means says little;
# twelve people are few.

_, ax = plt.subplots(figsize=(5.6, 3.9), layout="constrained")
table = np.array(list(scores.values()))
ax.plot(range(len(table)), table, color="0.7", linewidth=1, zorder=1)
for place, (values, colour, marker) in enumerate(
    zip(table, ("#0072B2", "#E69F00", "#009E73"), ("o", "s", "^"), strict=True)
):
    ax.scatter(np.full(len(values), place), values, color=colour, marker=marker, zorder=2)
    ax.hlines(values.mean(), place - 0.18, place + 0.18, color=colour, linewidth=3)
ax.axhline(0.5, color="0.4", linestyle=":", linewidth=1)
ax.text(0.02, 0.51, "chance", transform=ax.get_yaxis_transform(), color="0.3", fontsize=9)
ax.set_xticks(range(len(scores)), scores)
ax.set_xlim(-0.5, len(scores) - 0.5)
ax.set_ylabel("AUROC of two unseen people")
ax.spines[["top", "right"]].set_visible(False)

# %%
# What happens if people are mixed
# --------------------------------
# The same features with folds of windows instead of people. Windows of one recording are similar,
# and each recording has one class here, so the score rises but is meaningless.

pipeline = make_pipeline(StandardScaler(), classifier())
shuffled = StratifiedKFold(n_splits=6, shuffle=True, random_state=0)
mixed = cross_val_score(pipeline, embedding, eeg.y, cv=shuffled, scoring="roc_auc")
print(f"people apart {scores['BrainRVQ, frozen'].mean():.3f}, people mixed {mixed.mean():.3f}")

# %%
# Grid search
# -----------
# How strong should the regularisation be, and are fewer dimensions enough? The search also splits
# by person. Its best score is too optimistic because it was selected; an outer loop, here with
# three folds, gives an unbiased one.

pipeline = Pipeline([("scale", StandardScaler()), ("reduce", PCA()), ("classify", classifier())])
strengths = [1e-4, 1e-3, 1e-2, 1e-1]
reductions = [PCA(10, random_state=0), PCA(40, random_state=0), "passthrough"]
search = GridSearchCV(
    pipeline,
    {"classify__C": strengths, "reduce": reductions},
    cv=GroupKFold(n_splits=4),
    scoring="roc_auc",
)
search.fit(embedding, eeg.y, groups=eeg.subjects)

outer = []
for train, test in GroupKFold(n_splits=3).split(embedding, groups=eeg.subjects):
    search_inside = GridSearchCV(**search.get_params(deep=False))
    search_inside.fit(embedding[train], eeg.y[train], groups=eeg.subjects[train])
    outer.append(search_inside.score(embedding[test], eeg.y[test]))
print(f"best of the search {search.best_score_:.3f}, nested {np.mean(outer):.3f}")

_, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
grid = search.cv_results_["mean_test_score"].reshape(len(strengths), len(reductions))
image = ax.imshow(grid, cmap="cividis", aspect="auto")
for (row, column), value in np.ndenumerate(grid):
    dark = value < grid.min() + 0.5 * np.ptp(grid)
    ax.text(column, row, f"{value:.3f}", ha="center", va="center", color="w" if dark else "k")
ax.set_xticks(range(len(reductions)), ["10 components", "40 components", "all features"])
ax.set_yticks(range(len(strengths)), [f"{C:g}" for C in strengths])
ax.set_ylabel("C (small is strong regularisation)")
plt.colorbar(image, ax=ax, label="AUROC, mean of 4 folds")

# %%
# Learning curve
# --------------
# How many people with labels are needed? The axis counts people, because further windows of the
# same person add little. Bands show the standard deviation over six random splits.

power = log_band_power(eeg.X)
sizes = (2, 4, 6, 8, 10)
_, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
looks = (("#0072B2", "o", "-"), ("#009E73", "^", "--"))
named = {"band power": power, "BrainRVQ, frozen": embedding}
for (name, X), (colour, marker, dashes) in zip(named.items(), looks, strict=True):
    curve = np.array(
        [
            cross_val_score(
                make_pipeline(StandardScaler(), classifier()),
                X,
                eeg.y,
                groups=eeg.subjects,
                cv=GroupShuffleSplit(n_splits=6, train_size=size, test_size=2, random_state=0),
                scoring="roc_auc",
            )
            for size in sizes
        ]
    )
    mean, spread = curve.mean(1), curve.std(1)
    ax.plot(sizes, mean, color=colour, marker=marker, linestyle=dashes, label=name)
    highest = np.minimum(mean + spread, 1)
    ax.fill_between(sizes, mean - spread, highest, color=colour, alpha=0.15, linewidth=0)
ax.set_xlabel("People to learn from")
ax.set_ylabel("AUROC of two unseen people")
ax.set_xticks(sizes)
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="lower right")

# %%
# Person by person
# ----------------
# A mean hides that some people are easy to classify and others impossible. The figure shows the
# probability of the second class for each window, from a model without labels of this person.

model = make_pipeline(StandardScaler(), classifier())
probability = cross_val_predict(
    model, embedding, eeg.y, groups=eeg.subjects, cv=folds, method="predict_proba"
)[:, 1]
_, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
spread = np.random.default_rng(0).uniform(-0.12, 0.12, len(eeg.y))
people = np.searchsorted(np.unique(eeg.subjects), eeg.subjects)
for label, (colour, marker) in enumerate((("#0072B2", "o"), ("#E69F00", "x"))):
    rows = eeg.y == label
    ax.scatter(
        people[rows] + (0.2 if label else -0.2) + spread[rows],
        probability[rows],
        color=colour,
        marker=marker,
        s=16,
        linewidth=0.9,
        label=eeg.classes[label],
    )
ax.axhline(0.5, color="0.4", linestyle=":", linewidth=1)
ax.set_xticks(range(len(np.unique(eeg.subjects))), np.unique(eeg.subjects))
ax.set_xlabel("Person")
ax.set_ylabel(f"Probability of {eeg.classes[1]}")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.17), ncols=2)
