"""
One label per recording
=======================

A clinic labels files, not windows: normal or abnormal, patient or control. ``RecordingClassifier``
learns from windows, with equal weight for each recording, and gives one answer per recording. Here
it is tested on people without any labels.
"""

# %%
# Recordings with labels
# ----------------------
# Two recordings from each of twelve people of EEGMAT, one at rest and one during mental arithmetic,
# if the files are available; otherwise from simulated people. Only the first minute is used, so
# that this page builds quickly: recordings may differ in length, and paths work as well as Raw.

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import mne
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import BrainRVQEmbedder, RecordingClassifier, Recordings
from sk_brainrvq.datasets import EEGMAT, make_eeg

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
classes, people = ("rest", "arithmetic"), list(range(16, 28))
folder = shared / "data" / "eegmat"
if not folder.is_dir():
    folder = Path(tempfile.mkdtemp())
    eeg = make_eeg(n_subjects=len(people), n_windows=24, random_state=0)
    info = mne.create_info(eeg.ch_names, eeg.sfreq, "eeg")
    for number, person in enumerate(people):
        for task in (0, 1):
            windows = eeg.X[(eeg.subjects == number) & (eeg.y == task)]
            signals = np.concatenate(list(windows), axis=1) * 1e-6  # MNE uses volts
            raw = mne.io.RawArray(signals, info, verbose="error")
            raw.save(folder / f"Subject{person}_{task + 1}_raw.fif", verbose="error")

raws, y, subjects = [], [], []
for person in people:
    for task in (0, 1):
        file = next(folder.glob(f"Subject{person}_{task + 1}*"))
        raw = mne.io.read_raw(file, verbose="error")
        raws.append(raw.crop(tmax=min(60, raw.times[-1])))
        y.append(task)
        subjects.append(person)
recordings = Recordings(raws, y, subjects=subjects)
print(recordings)

# %%
# The classifier
# --------------
# It takes any classifier of windows, or a pipeline that starts with an embedder. The embedder is
# not trained. These files were filtered before they were published, so no filter is needed;
# ``C=0.01`` was fixed beforehand.

pipeline = make_pipeline(
    BrainRVQEmbedder(filters=None), StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)
)
model = RecordingClassifier(pipeline, window=5)

# %%
# Test on other people
# --------------------
# In each of three folds the model is trained on eight people and tested on the four others. Both
# recordings of a person are on the same side. If you only need the score, one call is enough,
# ``cross_val_score(model, recordings, y, groups=recordings.subjects, cv=GroupKFold(3))``; the loop
# also keeps the probabilities of the windows, to draw them.

of_recordings = np.empty((len(recordings), 2))
of_windows, recording_of = [], []
for train, test in GroupKFold(3).split(recordings, groups=recordings.subjects):
    model.fit(recordings[train])
    of_recordings[test] = model.predict_proba(recordings[test])
    windows = recordings[test].windows(5)
    of_windows.append(model.estimator_.predict_proba(windows))
    recording_of.append(test[windows.recording_of])
of_windows, recording_of = np.concatenate(of_windows), np.concatenate(recording_of)

# %%
# Windows and recordings
# ----------------------
# A small marker is a window, a large one a recording: the geometric mean of its windows, scaled so
# that both classes sum to one. A few windows on the wrong side are outvoted; if most are wrong, so
# is the recording. Arithmetic should be above the dotted line, rest below it.

_, ax = plt.subplots(figsize=(6, 4.2), layout="constrained")
labels = recordings.y
place = np.searchsorted(people, recordings.subjects) + np.where(labels == 1, 0.19, -0.19)
jitter = np.random.default_rng(0).uniform(-0.09, 0.09, len(of_windows))
for label, (colour, marker) in enumerate((("#0072B2", "o"), ("#E69F00", "D"))):
    rows = labels[recording_of] == label
    ax.scatter(
        place[recording_of][rows] + jitter[rows],
        of_windows[rows, 1],
        color=colour,
        marker=marker,
        s=13,
        alpha=0.55,
        linewidth=0,
    )
    ax.scatter(
        place[labels == label],
        of_recordings[labels == label, 1],
        color=colour,
        marker=marker,
        edgecolor="k",
        s=62,
        zorder=3,
        label=classes[label],
    )
ax.axhline(0.5, color="0.4", linestyle=":", linewidth=1)
ax.set_xticks(range(len(people)), people)
ax.set_ylim(-0.03, 1.03)
ax.set_xlabel("Person")
ax.set_ylabel(f"Probability of {classes[1]}")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.15), ncols=2)

# %%
# The same in numbers
# -------------------
# ``report`` of a protocol scores windows, as papers do, and recordings, as clinics do. Several
# windows together are usually right more often than a single one, so never compare the two scores.
# And 24 recordings are few: one more on the right side is four points of accuracy.

report = EEGMAT().report(labels[recording_of], of_windows, recordings=recording_of)
for level, figures in report.items():
    accuracy, auroc = figures["balanced_accuracy"], figures["auroc"]
    print(f"{figures['n']:4} {level:11} balanced accuracy {accuracy:.2f}, AUROC {auroc:.2f}")

# %%
# What this does not show
# -----------------------
# In EEGMAT rest always comes before arithmetic, so anything that changes with time also
# distinguishes the classes. And the bundled model was pretrained on EEG of these people, without
# labels: on people it has never seen it may do worse (:doc:`model card </model_card>`). For your
# own recordings, pass paths, or a BIDS folder with the labels in ``participants.tsv``:
# :doc:`/recordings`.
