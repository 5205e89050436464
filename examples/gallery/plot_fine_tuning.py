"""
Fine-tune the model that comes with the package
===============================================

The bundled model learns a task from labelled windows of four people, once training only its head
and once the whole network, and is tested on four others. The histories show when to stop.
"""

# %%
# Labelled EEG, split by person
# -----------------------------
# EEGMAT if its files are available, otherwise simulated EEG. There are three sets of people: for
# training, for early stopping, and for testing. The model was pretrained on EEG of all of them,
# without labels.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

from sk_brainrvq import BrainRVQClassifier
from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.viz import plot_training

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", range(18, 28))
except FileNotFoundError:
    eeg = make_eeg(n_subjects=10, n_windows=24, random_state=0)
people = np.unique(eeg.subjects)
known, watched, unseen = (
    eeg.of_subjects(some.tolist()) for some in (people[:4], people[4:6], people[6:])
)
print(f"{len(known.X)} windows to learn from, {len(watched.X)} to stop by, {len(unseen.X)} to test")

# %%
# Train only the head, or everything
# ----------------------------------
# With ``strategy="frozen"`` only a linear head is trained; with ``"full"`` the encoder is trained
# too, lower blocks more slowly. ``early_stopping`` keeps the epoch with the best AUROC on two
# people that are not used for training.

classifiers = {}
for strategy, lr, max_epochs in (("frozen", 3e-3, 6), ("full", 5e-4, 3)):
    classifiers[strategy] = BrainRVQClassifier(
        strategy=strategy,
        lr=lr,
        max_epochs=max_epochs,
        batch_size=16,
        class_weight="balanced",
        validation=(watched.X, watched.y),
        early_stopping=max_epochs,
        sfreq=eeg.sfreq,
        ch_names=eeg.ch_names,
        filters=None,  # the files are already filtered
        random_state=0,
    )
    classifiers[strategy].fit(known.X, known.y)
    print(f"{strategy}: {classifiers[strategy].n_trained_parameters_:,} parameters trained")

# %%
# If only the head is trained, little changes from epoch to epoch:

plot_training(classifiers["frozen"])

# %%
# The head starts as the best linear model of the embedding. With ``"full"``, encoder and head
# continue from there. What matters is the validation curve, not that of training:

plot_training(classifiers["full"])

# %%
# Test on people without labels
# -----------------------------
# Four people prove little: on others the AUROC may be higher or lower by a tenth. To compare
# strategies, test on all people in turn, as in :ref:`sphx_glr_gallery_plot_cross_validation.py`.

# sphinx_gallery_thumbnail_number = 3
_, ax = plt.subplots(figsize=(5, 4), layout="constrained")
looks = (("#0072B2", "-"), ("#E69F00", "--"))
for (strategy, classifier), (colour, dashes) in zip(classifiers.items(), looks, strict=True):
    logits = classifier.decision_function(unseen.X)
    false_positive, true_positive, _ = roc_curve(unseen.y, logits)
    name = f"{strategy}, AUROC {roc_auc_score(unseen.y, logits):.2f}"
    ax.plot(false_positive, true_positive, color=colour, linestyle=dashes, label=name)
ax.plot([0, 1], [0, 1], color="0.5", linestyle=":", linewidth=1, label="chance")
ax.set_xlabel(f"{eeg.classes[0].capitalize()} taken for {eeg.classes[1]}")
ax.set_ylabel(f"{eeg.classes[1].capitalize()} found")
ax.set_aspect("equal")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="lower right")
