"""center_by="subject" of the classifier and the regressor: what the embedding head sees."""

import pickle

import numpy as np
import pytest
import torch
from recorded_people import PEOPLE, STATES, corpus_of, eeg_of_people, epochs_of
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from tiny import CH_NAMES, make_eeg, tiny

from sk_brainrvq import (
    Architecture,
    BrainRVQClassifier,
    BrainRVQEmbedder,
)
from sk_brainrvq.exceptions import CheckpointError, EEGWarning, InvalidEEGError

CENTRED = {
    "head": "embedding",
    "center_by": "subject",
    "architecture": Architecture("tiny", depth=1),
}
# Training stays where it starts.
STANDING_STILL = {"max_epochs": 0, **CENTRED}


X, Y = eeg_of_people(), STATES


@pytest.fixture(scope="module")
def epochs():
    return epochs_of(X, subject=PEOPLE)


@pytest.fixture(scope="module")
def fitted(epochs):
    return tiny("classifier", max_epochs=2, lr=1e-3, **CENTRED).fit(epochs, Y)


def centred_features(estimator, epochs):
    """What the embedder makes of the estimator's network, its last layer, centred by person."""
    embedder = BrainRVQEmbedder(
        estimator.weights_, layer=-1, center_by="subject", sfreq=200, ch_names=CH_NAMES
    )
    return embedder.fit_transform(epochs).astype(float)


def decision_by_hand(estimator, epochs):
    """The head's linear map of the embedder's centred features."""
    head = estimator.net_.module_.head
    with torch.no_grad():
        logits = head(torch.from_numpy(centred_features(estimator, epochs)).float()).numpy()
    return logits[:, 1] - logits[:, 0]


# What is centred


def test_start__logistic_regression__on_the_embedders_centred_features(epochs):
    estimator = tiny("classifier", **STANDING_STILL).fit(epochs, Y)
    features = centred_features(estimator, epochs)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    expected = model.fit(features, Y).decision_function(features)
    np.testing.assert_allclose(estimator.decision_function(epochs), expected, atol=5e-3)


def test_predictions__trained_network__of_the_embedders_centred_features(fitted, epochs):
    expected = decision_by_hand(fitted, epochs)
    np.testing.assert_allclose(fitted.decision_function(epochs), expected, atol=1e-3)
    assert fitted.score(epochs, Y) > 0.9


def test_training__each_epoch__loss_is_that_of_centred_features(epochs):
    """With one batch and no noise, the loss of epoch two is that of the network after one."""
    params = {**CENTRED, "lr": 1e-3, "drop_path": 0.0, "batch_size": 36}
    one, two = (tiny("classifier", max_epochs=n, **params) for n in (1, 2))
    one.set_params(engine__warmup_epochs=0).fit(epochs, Y)
    two.set_params(engine__warmup_epochs=0).fit(epochs, Y)
    decision = decision_by_hand(one, epochs)
    loss = np.mean(np.logaddexp(0, np.where(Y, -decision, decision)))
    assert np.isclose(two.history_[1]["train_loss"], loss, rtol=1e-3)
    moved = two.weights_.module().state_dict()["encoder.blocks.0.attn.qkv.weight"]
    start = one.weights_.module().state_dict()["encoder.blocks.0.attn.qkv.weight"]
    assert not torch.allclose(moved, start)


def test_validation__held_out_people__scored_as_predicted(epochs):
    known, unseen = np.flatnonzero(PEOPLE != "eve"), np.flatnonzero(PEOPLE == "eve")
    estimator = tiny(
        "classifier",
        **{"max_epochs": 2, "lr": 1e-3, **CENTRED, "criterion": "loss"},
        validation=(epochs[unseen], Y[unseen]),
    ).fit(epochs[known], Y[known])
    decision = estimator.decision_function(epochs[unseen])
    loss = np.mean(np.logaddexp(0, np.where(Y[unseen], -decision, decision)))
    assert np.isclose(estimator.history_[-1]["valid_loss"], loss, rtol=1e-3)
    split = tiny("classifier", **CENTRED, validation=0.3).fit(epochs, Y)  # by person, unasked
    assert {"valid_auroc", "train_loss"} <= split.history_[0].keys()


def test_predict__other_people_in_the_call__change_nothing(fitted, epochs):
    together = fitted.decision_function(epochs)
    for person in np.unique(PEOPLE):
        rows = person == PEOPLE
        alone = fitted.decision_function(epochs[rows])
        np.testing.assert_allclose(alone, together[rows], rtol=1e-5, atol=1e-6)


def test_person_seen_through_other_amplifiers__same_predictions(fitted, epochs):
    """Gain of a person's channels is what belongs to the person, and is gone."""
    eve = np.flatnonzero(PEOPLE == "eve")
    louder = epochs_of(X[eve] * 1.5, subject=PEOPLE[eve])
    raw = tiny("classifier", head="embedding", max_epochs=2, lr=1e-3).fit(epochs, Y)
    by_centred = np.abs(fitted.decision_function(louder) - fitted.decision_function(epochs[eve]))
    by_raw = np.abs(raw.decision_function(louder) - raw.decision_function(epochs[eve]))
    assert by_centred.max() < 0.2 * by_raw.max()


def test_lora__centred__learns(epochs):
    estimator = tiny("classifier", strategy="lora", **CENTRED).fit(epochs, Y)
    assert estimator.score(epochs, Y) > 0.9
    expected = decision_by_hand(estimator, epochs)
    np.testing.assert_allclose(estimator.decision_function(epochs), expected, atol=1e-3)


def test_long_epochs__segments__are_centred():
    noise = np.random.default_rng(0).normal(scale=20, size=(12, 2, 200 * 40))
    noise *= np.repeat([1.0, 4.0], 6)[:, None, None] * (1 + 0.3 * np.tile([0, 1], 6))[:, None, None]
    estimator = tiny("classifier", **{**STANDING_STILL, "ch_names": ["C3", "C4"]})
    with pytest.warns(EEGWarning, match="min_windows=10"):
        estimator.fit(noise, np.tile([0, 1], 6), subjects=np.repeat([1, 2], 6))
    with pytest.warns(EEGWarning, match="min_windows=10"):
        assert estimator.score(noise, np.tile([0, 1], 6), subjects=np.repeat([1, 2], 6)) > 0.8


def test_regressor__strength_within_people__is_predicted():
    rng = np.random.default_rng(0)
    strength = rng.uniform(1, 2, size=36)
    scaled = epochs_of(eeg_of_people()[:] / (1 + 0.3 * Y)[:, None, None] * strength[:, None, None])
    estimator = tiny("regressor", **CENTRED).fit(scaled, strength, subjects=PEOPLE)
    assert estimator.score(scaled, strength, subjects=PEOPLE) > 0.5
    assert estimator.correlation(scaled, strength, subjects=PEOPLE) > 0.8


# Containers, scikit-learn


def test_containers__arrays_epochs_and_corpus__same_or_known(fitted, epochs, tmp_path):
    arrays = tiny("classifier", max_epochs=2, lr=1e-3, **CENTRED).fit(X, Y, subjects=PEOPLE)
    found = arrays.decision_function(X, subjects=PEOPLE)
    np.testing.assert_allclose(found, fitted.decision_function(epochs), atol=1e-2)
    corpus = corpus_of(X, tmp_path)
    of_corpus = tiny("classifier", **CENTRED).fit(corpus, Y)
    assert of_corpus.score(corpus, Y) > 0.9
    assert len(of_corpus.center_) == 100 + 2 * 506 + 950


def test_cross_validation__named_scorer__one_threshold_fits_everybody(epochs):
    model = tiny("classifier", **STANDING_STILL, strategy="frozen")
    folds = {"groups": PEOPLE, "cv": LeaveOneGroupOut(), "scoring": "balanced_accuracy"}
    centred = cross_val_score(model, epochs, Y, **folds).mean()
    raw = cross_val_score(model.set_params(center_by=None), epochs, Y, **folds).mean()
    assert centred > 0.9 > raw


def test_routing__subjects_of_arrays__reach_fit_predict_and_score():
    with config_context(enable_metadata_routing=True):
        model = make_pipeline(tiny("classifier", **STANDING_STILL)).fit(X, Y, subjects=PEOPLE)
        assert model.predict_proba(X, subjects=PEOPLE).shape == (36, 2)
        assert model.score(X, Y, subjects=PEOPLE) > 0.9
    with pytest.raises(InvalidEEGError, match="Pass subjects="):
        model.predict(X)


# Calibration, saving, going on


def test_calibration__kept_centres__later_windows_one_by_one(epochs):
    early = np.arange(36) % 12 < 10
    estimator = tiny("classifier", **STANDING_STILL).fit(epochs, Y, calibration=epochs[early])
    embedder = BrainRVQEmbedder(
        estimator.weights_, layer=-1, center_by="subject", sfreq=200, ch_names=CH_NAMES
    ).fit(epochs, calibration=epochs[early])
    with torch.no_grad():
        features = torch.from_numpy(embedder.transform(epochs[11]))
        expected = estimator.net_.module_.head(features).softmax(1).numpy()
    np.testing.assert_allclose(estimator.predict_proba(epochs[11]), expected, atol=1e-3)
    # Training saw people from there, too: the start is that of features centred so.
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    of_all = embedder.transform(epochs).astype(float)
    by_hand = model.fit(of_all, Y).decision_function(of_all)
    np.testing.assert_allclose(estimator.decision_function(epochs), by_hand, atol=5e-3)
    with pytest.raises(InvalidEEGError, match="no calibration windows of 'new'"):
        estimator.predict(epochs_of(X[:1], subject=["new"]))
    estimator.calibrate(epochs_of(X[:12], subject=["new"] * 12))
    assert len(estimator.predict(epochs_of(X[:1], subject=["new"]))) == 1


def test_saved_and_pickled__calibrated__same_predictions(epochs, tmp_path):
    estimator = tiny("classifier", **STANDING_STILL).fit(epochs, Y, calibration=epochs)
    expected = estimator.predict_proba(epochs[:3])
    estimator.save_pretrained(tmp_path)
    loaded = BrainRVQClassifier.from_pretrained(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(epochs[:3]), expected)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict_proba(epochs[:3]), expected)
    estimator.subject_centers_["ada"] = np.zeros(3)
    estimator.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="the head sees 2062"):
        BrainRVQClassifier.from_pretrained(tmp_path)


def test_run_on_disk__resumed__as_never_stopped(epochs, tmp_path):
    params = {**CENTRED, "lr": 1e-3, "max_epochs": 3}
    whole = tiny("classifier", **params).fit(epochs, Y)

    class StopAfterTwo(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 3:
                raise ZeroDivisionError

    stopped = tiny("classifier", checkpoint_dir=tmp_path, **params)
    with pytest.raises(ZeroDivisionError):
        stopped.set_params(engine__callbacks=[StopAfterTwo()]).fit(epochs, Y)
    resumed = tiny("classifier", checkpoint_dir=tmp_path, **params).fit(epochs, Y)
    np.testing.assert_array_equal(resumed.predict_proba(epochs), whole.predict_proba(epochs))
    other = tiny("classifier", checkpoint_dir=tmp_path, **params)
    other.fit(epochs, Y, subjects=np.tile(["a", "b", "c"], 12))
    assert len(list(tmp_path.iterdir())) == 2


# What is said


def test_fit__one_class_or_value_for_each_person__says_that_centring_removes_it(epochs):
    with pytest.warns(EEGWarning, match="windows of only one class"):
        tiny("classifier", **STANDING_STILL).fit(epochs, PEOPLE == "ada")
    age = np.select([PEOPLE == "ada", PEOPLE == "bob"], [20.0, 30.0], 40.0)
    with pytest.warns(EEGWarning, match="only one value of the target"):
        tiny("regressor", **STANDING_STILL).fit(epochs, age)


def test_few_windows__fit_and_predict__say_whose(fitted, epochs):
    few = np.r_[0:26]
    with pytest.warns(EEGWarning, match=r"windows of 'eve' \(2\)"):
        tiny("classifier", **STANDING_STILL).fit(epochs[few], Y[few])
    with pytest.warns(EEGWarning, match=r"windows of 'eve' \(1\)"):
        assert np.isfinite(fitted.predict_proba(epochs[35])).all()


def test_input__of_no_use__errors(fitted, epochs):
    for subjects, message in (
        ([None, *PEOPLE[1:]], r"1 of 36 windows \(row 0\)"),
        (PEOPLE[:5], "5 subjects were given for 36 windows"),
    ):
        with pytest.raises(InvalidEEGError, match=message):
            tiny("classifier", **CENTRED).fit(epochs, Y, subjects=subjects)
        with pytest.raises(InvalidEEGError, match=message):
            fitted.predict(epochs, subjects=subjects)
    with pytest.raises(InvalidEEGError, match="Pass subjects="):
        tiny("classifier", **CENTRED).fit(X, Y)
    with pytest.raises(InvalidEEGError, match="They belong to validation="):
        tiny("classifier", **CENTRED, validation=(X, Y)).fit(epochs, Y)
    with pytest.raises(InvalidEEGError, match="They belong to calibration"):
        tiny("classifier", **CENTRED).fit(epochs, Y, calibration=X)


def test_settings__that_do_not_go_together__errors(fitted, epochs):
    with pytest.raises(ValueError, match="center_by='session' was given; expected 'subject' or"):
        tiny("classifier", center_by="session").fit(epochs, Y)
    with pytest.raises(ValueError, match="center_by=None nobody is centred"):
        tiny("classifier").fit(epochs, Y, calibration=epochs)
    with pytest.raises(ValueError, match="partial_fit does not support center_by"):
        tiny("classifier", **CENTRED).partial_fit(epochs, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="does not centre people"):
        tiny("classifier").fit(epochs, Y).calibrate(epochs)
    changed = pickle.loads(pickle.dumps(fitted)).set_params(center_by=None, warm_start=True)
    for use in (changed.predict, lambda epochs: changed.fit(epochs, Y)):
        with pytest.raises(ValueError, match="after a fit with center_by='subject'"):
            use(epochs)
    again = changed.set_params(warm_start=False).fit(epochs, Y)
    assert not hasattr(again, "center_")


def test_epochs_above_30_s__in_training__count_once_as_they_do_for_the_embedder():
    long, short = make_eeg(6, 4, 200 * 62, 0), make_eeg(6, 4, 400, 1)
    long *= 1 + np.arange(6)[:, None, None]
    subjects, y = ["ada", "bob"] * 6, [0, 0, 1, 1] * 3
    settings = {**CENTRED, "max_epochs": 1, "strategy": "frozen", "filters": None}
    with pytest.warns(EEGWarning, match=r"windows of 'ada' \(6\), 'bob' \(6\)"):
        fitted = tiny("classifier", **settings).fit([long, short], y, subjects=subjects)
    embedder = BrainRVQEmbedder(
        fitted.weights_, center_by="subject", filters=None, sfreq=200, ch_names=CH_NAMES
    )
    with pytest.warns(EEGWarning, match=r"windows of 'ada' \(6\), 'bob' \(6\)"):
        embedder.fit([long, short], subjects=subjects)
    tokens_and_spectra = slice(0, 606)
    np.testing.assert_allclose(
        fitted.center_[tokens_and_spectra], embedder.center_[tokens_and_spectra], atol=1e-4
    )
