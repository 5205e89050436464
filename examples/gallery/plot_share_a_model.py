"""
Share a model
=============

Train a classifier, test it on people it has not seen, and prepare it for others: write a model card
and a folder of safetensors and JSON, and publish both on the Hugging Face Hub with one call.
"""

# %%
# Train it, and test it on other people
# -------------------------------------
# A card is only as good as its scores: here the model is trained on four simulated people and
# tested on two others.

import tempfile
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from sk_brainrvq import BrainRVQClassifier, Weights
from sk_brainrvq.datasets import make_eeg
from sk_brainrvq.viz import plot_training

names = ["Fp1", "Fp2", "C3", "C4", "O1", "O2"]
eeg = make_eeg(n_subjects=6, n_windows=24, duration=4, ch_names=names, random_state=0)
known = np.isin(eeg.subjects, np.unique(eeg.subjects)[:4])
classifier = BrainRVQClassifier(
    weights=None,
    architecture="tiny",
    max_epochs=8,
    sfreq=eeg.sfreq,
    ch_names=eeg.ch_names,
    random_state=0,
)
classifier.fit(eeg.X[known], eeg.y[known])
auroc = roc_auc_score(eeg.y[~known], classifier.predict_proba(eeg.X[~known])[:, 1])
plot_training(classifier, panels=["loss"])

# %%
# What the card says
# ------------------
# The model knows its network, its channels, its parameters and the scores of its training. You
# provide the licence, the data, scores on other people and limits; what is missing is marked as not
# stated.

facts = {
    "license": "cc-by-4.0",
    "summary": "An example: rest against task in simulated EEG.",
    "data": "Simulated EEG of four people, sk_brainrvq.datasets.make_eeg(random_state=0).",
    "figures": {"AUROC, two people not seen in training": auroc},
    "limits": "It has seen no EEG of any human.",
}
card = classifier.model_card(facts, repo="owner/name")
print(card)

# %%
# Publish it
# ----------
# With an account on the Hub (``hf auth login``) and the extra ``hub``:
#
# .. code-block:: python
#
#    address = classifier.push_to_hub("owner/name", card=facts, private=True)
#
# ``address`` is ``hf://owner/name@`` and the commit. Anyone with access to the repository can then
# write
#
# .. code-block:: python
#
#    classifier = BrainRVQClassifier.from_pretrained("hf://owner/name")
#    embedder = BrainRVQEmbedder(weights="hf://owner/name")   # only its encoder
#
# Only the card and the files that ``save_pretrained`` writes are uploaded. If you have no network,
# share a folder with these files on a file server or a memory stick.

folder = Path(tempfile.mkdtemp())
classifier.save_pretrained(folder)
(folder / "README.md").write_text(card, encoding="utf-8")
for file in sorted(folder.iterdir()):
    print(f"{file.name:<18} {file.stat().st_size / 1e3:8.1f} kB")

# %%
# Load the model elsewhere
# ------------------------
# The card contains the digest, so that others can check that they have the model that was tested.

there = BrainRVQClassifier.from_pretrained(folder)
print(Weights(folder))
print(f"digest in the card: {Weights(folder).digest in card}")
print(f"same predictions: {(there.predict(eeg.X) == classifier.predict(eeg.X)).all()}")
