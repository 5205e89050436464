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

from sk_brainrvq import Filters
from sk_brainrvq.exceptions import EEGWarning
from sk_brainrvq.user_warnings import quiet, warn


def said(run):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run()
    return [w for w in caught if issubclass(w.category, EEGWarning)]


def shown_by_default(run):
    """What a user sees under Python's filter "default"."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        run()
    return [str(w.message) for w in caught]


def plain(message):
    warnings.warn(message, EEGWarning, stacklevel=2)


def in_changed_filters(say):
    """As scikit-learn runs each fold, which makes Python forget what it has shown."""
    with warnings.catch_warnings():
        say()


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


# How often a text is shown


def recorded_anew(say):
    return [len(shown_by_default(lambda: say("flat"))) for _ in range(2)]


def recorded_always(say):
    return len(said(lambda: [say("flat") for _ in range(3)]))


def raised_always(say):
    raised = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            try:
                say("flat")
            except EEGWarning:
                raised += 1
    return raised


def unheard_then_heard(say):
    def run():
        for action in ("ignore", "default"):
            warnings.simplefilter(action)
            say("flat")

    return shown_by_default(run)


def one_text_on_two_lines(say):
    def run():
        for _ in range(2):
            say("flat")
        for _ in range(2):
            say("flat")

    return shown_by_default(run)


def two_texts_on_a_line(say):
    return shown_by_default(lambda: [say(text) for text in ("flat", "short", "flat")])


def met_by_pytest(say):
    for _ in range(2):
        with pytest.warns(EEGWarning, match="flat"):
            say("flat")
    return "both"


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (recorded_anew, [1, 1]),
        (recorded_always, 3),
        (raised_always, 2),
        (unheard_then_heard, ["flat"]),
        (one_text_on_two_lines, ["flat", "flat"]),
        (two_texts_on_a_line, ["flat", "short"]),
        (met_by_pytest, "both"),
    ],
)
def test_warn__under_any_filter__is_shown_as_often_as_python_shows_its_own(situation, expected):
    assert situation(plain) == expected
    assert situation(warn) == expected


def test_warn__filters_changed_and_put_back__is_shown_once_per_line():
    def run(say):
        for _ in range(3):
            in_changed_filters(lambda: say("flat"))

    assert shown_by_default(lambda: run(plain)) == ["flat"] * 3
    assert shown_by_default(lambda: run(warn)) == ["flat"]


def test_warn__from_threads_that_change_filters__is_shown_once_per_line():
    barrier = threading.Barrier(4)

    def fold():
        barrier.wait(10)
        for _ in range(20):
            warn("flat")
            warnings.filterwarnings("ignore", category=ImportWarning)  # Python forgets
            warn("flat")

    def run():
        threads = [threading.Thread(target=fold) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert shown_by_default(run) == ["flat"] * 2


def test_warnings__of_folds_and_steps_on_one_line__are_shown_once_each():
    X, y = make_eeg(12, n_times=50), make_labels(12)
    embedder = tiny("embedder", sfreq=None, filters=Filters(l_freq=0.5))
    pipe = make_pipeline(embedder, LogisticRegression(max_iter=9999))

    def run():
        cross_val_score(pipe, X, y, cv=3), pipe.fit(X, y).score(X, y)

    texts = [text for text in shown_by_default(run) if "converge" not in text]
    assert [text.split()[0] for text in sorted(texts)] == ["No", "Too"], texts
