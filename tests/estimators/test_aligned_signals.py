"""center_by="subject" under heads that read tokens only: signals whitened by person."""

import numpy as np
import pytest
from recorded_people import (
    PEOPLE,
    STATES,
    corpus_of,
    eeg_of_people,
    epochs_of,
    whitened,
)
from scipy.linalg import inv, sqrtm
from sklearn.base import clone
from tiny import CH_NAMES, make_eeg, tiny

from sk_brainrvq import BrainRVQClassifier, BrainRVQEmbedder
from sk_brainrvq.exceptions import CheckpointError, EEGWarning, InvalidEEGError

HEADS = ("mean", "attention", "flatten")
ALIGNED = {"center_by": "subject", "max_epochs": 1, "lr": 1e-3}


X, Y = eeg_of_people(), STATES
EPOCHS = epochs_of(X, subject=PEOPLE)


@pytest.fixture(scope="module")
def fitted():
    return {head: tiny("classifier", head=head, **ALIGNED).fit(EPOCHS, Y) for head in HEADS}


def test_heads__each__trained_and_used_on_signals_whitened_by_scipy(fitted):
    white = epochs_of(whitened(X, PEOPLE), subject=PEOPLE)
    for head, estimator in fitted.items():
        plain = tiny("classifier", head=head, max_epochs=1, lr=1e-3).fit(white, Y)
        found = estimator.decision_function(EPOCHS)
        np.testing.assert_allclose(found, plain.decision_function(white), atol=5e-3, err_msg=head)
        assert estimator.center_.shape == (0,)


def test_predict__other_people_in_the_call__change_nothing(fitted):
    together = fitted["mean"].decision_function(EPOCHS)
    for person in np.unique(PEOPLE):
        alone = fitted["mean"].decision_function(EPOCHS[person == PEOPLE])
        assert np.array_equal(alone, together[person == PEOPLE])


def test_calibration__covariances_kept__single_windows_as_among_all(fitted):
    estimator = tiny("classifier", head="mean", **ALIGNED).fit(EPOCHS, Y, calibration=EPOCHS)
    together = fitted["mean"].decision_function(EPOCHS)
    np.testing.assert_allclose(estimator.decision_function(EPOCHS[[5]]), together[[5]], atol=1e-5)
    assert set(estimator.subject_covariances_) == set(PEOPLE)
    stranger = epochs_of(X[:1], subject=["new"])
    with pytest.raises(InvalidEEGError, match="no calibration windows of 'new'"):
        estimator.predict(stranger)
    with pytest.warns(EEGWarning, match=r"fewer than min_windows=10 windows of 'new' \(1\)"):
        estimator.calibrate(stranger)
    assert estimator.predict_proba(stranger).shape == (1, 2)


def test_channel_that_some_windows_lack__other_windows_tell_its_covariance():
    """The covariance of a pair is that of all windows which hold both channels."""
    estimator = tiny("classifier", head="mean", **ALIGNED).fit(EPOCHS, Y)
    short = epochs_of(X[33:, :3], CH_NAMES[:3], subject=PEOPLE[33:])
    mixed = [EPOCHS[24:33], short]
    found = estimator.calibrate(mixed).subject_covariances_["eve"]
    windows = [np.cov(x, bias=True) for x in X[24:]]
    np.testing.assert_allclose(found[:3, :3], np.mean(windows, 0)[:3, :3], rtol=1e-4)
    share = 9 / 10  # nine windows, fewer than min_windows, hold the fourth channel
    drawn = share * np.mean(windows[:9], 0) + (1 - share) * estimator.covariance_
    np.testing.assert_allclose(found[3], drawn[3], rtol=1e-4)


def test_channel_of_unknown_place__changes_no_other(fitted):
    strange = np.concatenate([X, 500 * make_eeg(36, 1, 400, 3)], axis=1)
    with pytest.warns(EEGWarning, match="odd"):
        found = fitted["mean"].decision_function(
            epochs_of(strange, [*CH_NAMES, "odd"], subject=PEOPLE)
        )
    np.testing.assert_allclose(found, fitted["mean"].decision_function(EPOCHS), atol=1e-5)


def test_one_window__whitened_by_a_covariance_drawn_towards_the_training_people():
    parts = {"tokens": False, "spectrum": "channel", "covariance": False}
    plain = BrainRVQEmbedder(None, architecture="tiny", random_state=0, **parts)
    fitted = clone(plain).set_params(center_by="subject").fit(EPOCHS)
    with pytest.warns(EEGWarning, match="fewer than min_windows=10"):
        found = fitted.transform(EPOCHS[[0]])
    drawn = (np.cov(X[0], bias=True) + fitted.covariance_) / 2
    root = inv(sqrtm(drawn + 1e-3 * np.trace(drawn) / 4 * np.eye(4))).real
    root *= np.sqrt(np.trace(fitted.covariance_) / np.trace(root @ drawn @ root))
    expected = plain.fit_transform(epochs_of((root @ X[0])[None], subject=["ada"]))
    # The centre is half-way, too.
    np.testing.assert_allclose((2 * found + fitted.center_)[:, :184], expected, atol=1e-3)


def test_corpus__read_from_storage__as_epochs_in_memory(tmp_path, fitted):
    corpus = corpus_of(X, tmp_path)
    expected = fitted["mean"].decision_function(EPOCHS)
    np.testing.assert_allclose(fitted["mean"].decision_function(corpus), expected, atol=1e-2)
    trained = tiny("classifier", head="mean", **ALIGNED).fit(corpus, Y)
    np.testing.assert_allclose(trained.covariance_, fitted["mean"].covariance_, rtol=2e-2)
    np.testing.assert_allclose(trained.decision_function(corpus), expected, atol=0.2)


def test_saved__aligned__same_predictions_and_contradictions_are_refused(fitted, tmp_path):
    estimator = fitted["attention"]
    estimator.save_pretrained(tmp_path)
    loaded = BrainRVQClassifier.from_pretrained(tmp_path)
    assert np.array_equal(loaded.predict_proba(EPOCHS), estimator.predict_proba(EPOCHS))
    loaded.covariance_ = np.eye(3)
    loaded.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="but there are 4 channels"):
        BrainRVQClassifier.from_pretrained(tmp_path)
