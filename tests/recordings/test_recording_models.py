"""One label per recording, by hand and by the models."""

import numpy as np
import pytest
from recording_files import make_raw
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from tiny import tiny

from sk_brainrvq import (
    BrainRVQEmbedder,
    RecordingClassifier,
    RecordingRegressor,
    Recordings,
    aggregate_by,
)
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError

SECONDS = [9, 21, 12, 33, 18, 12, 15, 24]


def pipeline(last):
    embedder = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=0, tokens=False)
    return make_pipeline(embedder, StandardScaler(), last)


@pytest.fixture(scope="module")
def recordings():
    """Eight recordings of 3 to 11 windows of 3 s, of four people; every second one is louder."""
    raws = [make_raw(seconds, i) for i, seconds in enumerate(SECONDS)]
    for raw in raws[1::2]:
        raw.apply_function(lambda x: 1.3 * x, verbose="error")
    return Recordings(raws, ["calm", "loud"] * 4, subjects=[*"aabbccdd"])


def test_classifier__by_hand__the_same_probabilities_and_weights(recordings):
    model = RecordingClassifier(pipeline(LogisticRegression()), window=3).fit(recordings)
    embedder = BrainRVQEmbedder(
        weights=None, architecture="tiny", random_state=0, tokens=False, window=3
    )
    raws = [item.source for item in recordings._items]
    features = embedder.fit_transform(raws)
    owner = np.repeat(np.arange(8), np.array(SECONDS) // 3)
    weights = 1 / np.bincount(owner)[owner]
    scaler = StandardScaler().fit(features)
    regression = LogisticRegression().fit(
        scaler.transform(features), recordings.y[owner], weights * len(owner) / 8
    )
    logs = np.log(regression.predict_proba(scaler.transform(features)))
    means = np.exp([logs[owner == i].mean(axis=0) for i in range(8)])
    expected = means / means.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(recordings), expected, rtol=1e-5)
    assert model.predict(raws).tolist() == model.classes_[expected.argmax(axis=1)].tolist()
    assert model.score(recordings) == (model.predict(recordings) == recordings.y).mean()


def test_aggregates__of_windows__means_and_votes(recordings):
    proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.2, 0.8]])
    groups = ["b", "b", "b", "a"]
    names, mean = aggregate_by(proba, groups, "mean_proba")
    assert names.tolist() == ["a", "b"]
    np.testing.assert_allclose(mean, [[0.2, 0.8], [1.7 / 3, 1.3 / 3]])
    np.testing.assert_allclose(aggregate_by(proba, groups, "vote")[1], [[0, 1], [1 / 3, 2 / 3]])
    product = np.prod(proba[:3], axis=0) ** (1 / 3)
    np.testing.assert_allclose(aggregate_by(proba, groups)[1][1], product / product.sum())
    voting = RecordingClassifier(pipeline(LinearSVC()), window=3, aggregate="vote")
    shares = voting.fit(recordings).predict_proba(recordings) * (np.array(SECONDS) // 3)[:, None]
    np.testing.assert_allclose(shares, np.round(shares), atol=1e-9)
    with pytest.raises(InvalidEEGError, match=r"needs probabilities.*aggregate='vote'"):
        RecordingClassifier(pipeline(LinearSVC()), window=3).fit(recordings)
    with pytest.raises(InvalidEEGError, match="aggregate='median'"):
        aggregate_by(proba, groups, "median")
    with pytest.raises(InvalidEEGError, match="groups"):
        aggregate_by(proba, groups[1:])


def test_models__in_scikit_learn__split_by_people_and_searched(recordings):
    model = RecordingClassifier(pipeline(LogisticRegression()), window=3)
    split = {"groups": recordings.subjects, "cv": GroupKFold(2)}
    scores = cross_val_score(model, recordings, recordings.y, **split)
    proba = cross_val_predict(model, recordings, recordings.y, **split, method="predict_proba")
    found = np.array(["calm", "loud"])[proba.argmax(axis=1)]
    folds = GroupKFold(2).split(recordings, groups=recordings.subjects)
    assert scores.tolist() == [(found[test] == recordings.y[test]).mean() for _, test in folds]
    grid = {"window": [3, 4], "estimator__logisticregression__C": [0.01, 1]}
    search = GridSearchCV(clone(model), grid, cv=GroupKFold(2), error_score="raise")
    search.fit(recordings, recordings.y, groups=recordings.subjects)
    assert len(search.predict(recordings[2:5])) == 3
    part = recordings[[5, 0]]
    np.testing.assert_allclose(
        search.predict_proba(part), search.predict_proba(recordings)[[5, 0]], rtol=1e-5
    )


def test_classifier__of_its_own_networks__answers_one_row_per_recording(recordings):
    inner = tiny("classifier", sfreq=None, ch_names=None)
    model = RecordingClassifier(inner, window=3).fit(recordings)
    assert model.predict_proba(recordings).shape == (8, 2)
    ages = np.array([[31.0, 1], [40, 0]] * 4)
    regressor = RecordingRegressor(pipeline(Ridge()), window=3).fit(recordings, ages)
    assert regressor.predict(recordings).shape == (8, 2)
    own = RecordingRegressor(tiny("regressor", sfreq=None, ch_names=None), window=3)
    assert own.fit(recordings, ages[:, 0]).predict(recordings[:3]).shape == (3,)


def test_regressor__mean_of_windows__and_r2(recordings):
    ages = np.arange(8.0)
    model = RecordingRegressor(pipeline(Ridge()), window=3).fit(recordings, ages)
    windows = recordings.windows(3)
    each = model.estimator_.predict(windows)
    expected = [each[windows.recording_of == i].mean() for i in range(8)]
    np.testing.assert_allclose(model.predict(recordings), expected)
    rest = ((ages - expected) ** 2).sum() / ((ages - ages.mean()) ** 2).sum()
    assert model.score(recordings, ages) == pytest.approx(1 - rest)


def test_short_recording__said_and_left_out_of_scores(recordings):
    raws = [item.source for item in recordings._items]
    mixed = Recordings([*raws, make_raw(2)], [*recordings.y, "calm"])
    model = RecordingClassifier(pipeline(LogisticRegression()), window=3)
    with pytest.warns(EEGWarning, match="item 8"):
        model.fit(mixed)
    proba = model.predict_proba(mixed)
    assert np.isnan(proba[8]).all()
    assert not np.isnan(proba[:8]).any()
    with pytest.warns(EEGWarning, match="left out of the score: item 8"):
        assert model.score(mixed) == model.score(recordings)
    with pytest.raises(InvalidEEGError, match=r"item 8.*count_windows"):
        model.predict(mixed)


def test_what_cannot_be__is_said(recordings):
    model = RecordingClassifier(pipeline(LogisticRegression()), window=3)
    with pytest.raises(InvalidEEGError, match="Pass Recordings without window"):
        model.fit(recordings.windows(3))
    with pytest.raises(InvalidEEGError, match="No labels were given"):
        model.fit([item.source for item in recordings._items])
    with pytest.raises(InvalidEEGError, match="7 entries of y were given for 8 recordings"):
        model.fit(recordings, recordings.y[1:])
    with pytest.raises(InvalidEEGError, match="No recording gives a window of 60"):
        clone(model).set_params(window=60).fit(recordings)
    for last in (KNeighborsClassifier(2), LinearDiscriminantAnalysis()):
        with pytest.warns(EEGWarning, match="takes no sample_weight"):
            RecordingClassifier(pipeline(last), window=3).fit(recordings)
