"""
One model, other montages
=========================

You trained a classifier on nineteen electrodes, and the next recording has eight, or a bipolar
montage. Features by scalp region have the same number of columns for any channels, so the
classifier still accepts them. How much is lost?
"""

# %%
# The same windows with fewer channels
# ------------------------------------
# EEGMAT if its files are available, otherwise simulated EEG; each window in five montages.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.viz import plot_electrodes

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", range(20, 28))
except FileNotFoundError:
    eeg = make_eeg(n_subjects=8, n_windows=24, random_state=0)

ALL = "Fp1 Fp2 F3 F4 F7 F8 T3 T4 C3 C4 T5 T6 P3 P4 O1 O2 Fz Cz Pz".split()  # noqa: SIM905
PAIRS = "Fp1-F3 F3-C3 C3-P3 P3-O1 Fp2-F4 F4-C4 C4-P4 P4-O2 Fz-Cz Cz-Pz".split()  # noqa: SIM905
montages = {
    "19 electrodes": ALL,
    "8 electrodes": ["Fp1", "Fp2", "C3", "C4", "T3", "T4", "O1", "O2"],
    "4 at the back": ["P3", "P4", "O1", "O2"],
    "2 in front": ["Fp1", "Fp2"],
    "10 bipolar": PAIRS,
}


def signals_of(names):
    """Return the signals of windows at electrodes, or between two of them."""
    # The simulation uses the modern names of the temporal electrodes.
    modern = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
    rows = {name: row for row, name in enumerate(eeg.ch_names)}
    rows |= {old: rows[new] for old, new in modern.items() if new in rows}

    def signal(name):
        first, _, second = name.partition("-")
        return eeg.X[:, rows[first]] - (eeg.X[:, rows[second]] if second else 0)

    return np.stack([signal(name) for name in names], axis=1)


_, axes = plt.subplots(3, 1, figsize=(6, 10.8), layout="constrained")
for ax, name in zip(axes, ("8 electrodes", "4 at the back", "10 bipolar"), strict=True):
    plot_electrodes(montages[name], ax=ax)
    ax.set_title(name, loc="left", fontsize=10)

# %%
# Embed each of them
# ------------------
# One embedder per montage, all with the same model. The tables have the same columns. The files are
# already filtered.

settings = {"sfreq": eeg.sfreq, "filters": None}
features = {
    name: BrainRVQEmbedder(ch_names=names, **settings).fit_transform(signals_of(names))
    for name, names in montages.items()
}
for name, table in features.items():
    print(f"{name:14} {table.shape}")

# %%
# Train on nineteen, test on others
# ---------------------------------
# Four folds of two people. In each, a classifier is trained on nineteen electrodes and tested on
# unknown people in every montage. Next to it is one that was trained on the tested montage: if it
# is far better, the montage has the information, but the features have shifted.


def score(trained_on, tested_on):
    """Compute the AUROC of each fold."""
    folds = GroupKFold(n_splits=4).split(eeg.X, groups=eeg.subjects)
    areas = []
    for train, test in folds:
        regression = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
        model = make_pipeline(StandardScaler(), regression)
        model.fit(features[trained_on][train], eeg.y[train])
        logits = model.decision_function(features[tested_on][test])
        areas.append(roc_auc_score(eeg.y[test], logits))
    return np.array(areas)


places = np.arange(len(montages))
# sphinx_gallery_thumbnail_number = 2
_, ax = plt.subplots(figsize=(6, 4.2), layout="constrained")
looks = (("#0072B2", "o", "trained on 19 electrodes"), ("#E69F00", "s", "trained on the same"))
for shift, (colour, marker, label) in zip((-0.12, 0.12), looks, strict=True):
    scores = np.array([score("19 electrodes" if shift < 0 else name, name) for name in montages])
    ax.scatter(
        np.repeat(places + shift, scores.shape[1]),
        scores,
        color=colour,
        marker=marker,
        s=14,
        alpha=0.5,
    )
    ax.errorbar(
        places + shift,
        scores.mean(1),
        scores.std(1),
        color=colour,
        marker=marker,
        capsize=3,
        linestyle="none",
        label=label,
    )
ax.axhline(0.5, color="0.4", linestyle=":", linewidth=1)
ax.set_xticks(places, [name.replace(" ", "\n", 1) for name in montages])
ax.set_ylabel("AUROC, mean and sd of 4 folds")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.18), ncols=2)
