"""Warnings point at the user's line, and silence of one thread is no silence of others."""

import threading
import warnings

import mne
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from tiny import make_eeg, make_labels, tiny

from sk_brainrvq.exceptions import EEGWarning
from sk_brainrvq.user_warnings import quiet, warn


def said(run):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run()
    return [w for w in caught if issubclass(w.category, EEGWarning)]


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer", "embedder", "classifier"])
def test_warning__of_a_fit__points_at_the_line_that_called_it(name):
    estimator = tiny(name, sfreq=None)
    (warning,) = said(lambda: estimator.fit(make_eeg(), make_labels()))
    assert "No sampling rate" in str(warning.message)
    assert warning.filename == __file__


def test_warnings__of_a_cross_validation__point_at_its_line():
    raw = mne.io.RawArray(np.hstack(make_eeg() * 1e-6), mne.create_info(4, 200.0, "eeg"))
    raw.rename_channels(dict(zip(raw.ch_names, ["Fp1", "C3", "Cz", "?"], strict=True)))
    epochs = mne.make_fixed_length_epochs(raw, 3.0, preload=True, verbose=False)
    pipeline = make_pipeline(tiny("embedder"), LogisticRegression())
    y = make_labels(len(epochs))
    warnings_of_folds = said(lambda: cross_val_score(pipeline, epochs, y, cv=KFold(3)))
    assert len({str(w.message) for w in warnings_of_folds}) == 1
    assert len({(w.filename, w.lineno) for w in warnings_of_folds}) == 1
    assert warnings_of_folds[0].filename == __file__


def test_quiet__in_one_thread__others_still_warn():
    inside, may_leave = threading.Event(), threading.Event()

    def stay_quiet():
        with quiet():
            inside.set()
            may_leave.wait(10)
            warn("not to be said")

    thread = threading.Thread(target=stay_quiet)

    def warn_meanwhile():
        thread.start()
        inside.wait(10)
        warn("to be said")
        may_leave.set()
        thread.join()
        warn("to be said afterwards")

    assert [str(w.message) for w in said(warn_meanwhile)] == ["to be said", "to be said afterwards"]


def test_quiet__beginning_of_a_text__leaves_out_only_such_texts():
    def run():
        with quiet("The corpus"):
            warn("The corpus is small.")
            warn("The channel is flat.")

    assert [str(w.message) for w in said(run)] == ["The channel is flat."]
