"""Explanations by occlusion."""

import mne
import numpy as np
import pytest
from explained_eeg import CH_NAMES, LogPower, eeg_of, embedder_for, pipeline_for
from scipy.stats import spearmanr
from sklearn import config_context
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import (
    BrainRVQClassifier,
    BrainRVQRegressor,
    DDRVQTransformer,
    Filters,
    SubjectCentering,
)
from sk_brainrvq.explain import BANDS, explain_occlusion, explain_pattern
from sk_brainrvq.explain.replacements import Part, PersonMean

WEIGHTS = np.array([0.5, 0.0, -1.0, 2.0, 0.1, 0.0])


def test_explanations__five_simulations__true_place_and_band_rank_first():
    for seed, (name, band) in enumerate(BANDS.items()):
        place = CH_NAMES[seed]
        eeg = eeg_of(place, band, seed)
        model = pipeline_for(eeg)
        people = {"subjects": eeg.subjects}
        by_place = explain_occlusion(model, eeg.X, by="channel", **people)
        by_band = explain_occlusion(model, eeg.X, by="band", **people)
        pattern = explain_pattern(model, eeg.X, **people).in_bands()
        assert (by_place.top("channel"), by_band.top("band")) == ([place], [name])
        assert (pattern.top("channel"), pattern.top("band")) == ([place], [name])


def test_occlusion__shuffled_labels__another_map(eeg, pipeline):
    def importance(model):
        explanation = explain_occlusion(model, eeg.X, subjects=eeg.subjects)
        return explanation.importance()

    learnt = importance(pipeline)
    random = importance(pipeline_for(eeg, np.random.default_rng(1).permutation(eeg.y)))
    true = CH_NAMES.index("C4"), list(BANDS).index("beta")
    assert learnt[true] == learnt.max()
    assert random[true] < 0.5 * learnt[true]
    assert spearmanr(learnt.ravel(), random.ravel()).statistic < 0.6


def test_occlusion__seconds__the_burst_is_found():
    rng = np.random.default_rng(0)
    X, y = rng.normal(scale=10, size=(30, 4, 600)), np.arange(30) % 2
    X[y == 1, 2, 200:400] *= 3
    model = make_pipeline(
        embedder_for(eeg_of(ch_names=CH_NAMES[:4]), pooling="none", spectrum=None),
        _Flat(),
        LogisticRegression(C=1e-3),
    ).fit(X, y)
    explanation = explain_occlusion(model, X, by=("time", "channel"))
    assert list(explanation.axes) == ["channel", "time"]
    assert explanation.axes["time"] == [0, 1, 2]
    importance = explanation.importance()
    assert np.unravel_index(importance.argmax(), importance.shape) == (2, 1)
    assert explain_occlusion(model, X, by="time").top("time") == [1]


class _Flat:
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X.reshape(len(X), -1)


def test_occlusion__log_power__weight_times_distance_from_the_persons_mean(eeg):
    X = eeg.X.astype(float)
    model = LogPower(WEIGHTS)
    explanation = explain_occlusion(
        model, X, by="channel", sfreq=200, ch_names=CH_NAMES, subjects=eeg.subjects
    )
    features = model.features(X)
    means = np.stack([features[eeg.subjects == person].mean(0) for person in eeg.subjects])
    np.testing.assert_allclose(explanation.values, WEIGHTS * (features - means), atol=1e-6)
    np.testing.assert_allclose(explanation.decisions, model.decision_function(X))
    assert explanation.unit == "decision function of 'task'"
    other = explain_occlusion(model, X, by="channel", sfreq=200, target="rest")
    everybody = WEIGHTS * (features - features.mean(0))
    np.testing.assert_allclose(other.values, -everybody, atol=1e-6)
    assert other.axes["channel"][0] == "channel 0"


def test_occlusion__band__other_bands_of_a_model_of_one_band_are_worth_nothing(eeg):
    model, X = LogPower(WEIGHTS, BANDS["alpha"]), eeg.X.astype(float)
    explanation = explain_occlusion(model, X, sfreq=200, ch_names=CH_NAMES)
    others = [name != "alpha" for name in explanation.axes["band"]]
    assert np.abs(explanation.values[:, :, others]).max() < 1e-6
    assert explanation.importance("band")[2] == pytest.approx(1)


def test_person_mean__another_person__changes_nothing_of_the_first(eeg):
    X = eeg.X.astype(float)
    for part in (Part(), Part(1, (8, 13)), Part(None, None, slice(0, 200))):
        alone = PersonMean(X[:12], 200, eeg.subjects[:12]).replaced(part)
        among = PersonMean(X, 200, eeg.subjects).replaced(part)
        np.testing.assert_allclose(among[:12], alone)
    second = PersonMean(X, 200, None).replaced(Part(2, None, slice(200, 400)))
    np.testing.assert_array_equal(second[:, :, :200], X[:, :, :200])
    np.testing.assert_array_equal(second[:, :2], X[:, :2])
    assert np.abs(second - X).max() > 1


def test_occlusion__containers__as_of_the_array(eeg, pipeline):
    about = {"by": "channel", "subjects": eeg.subjects}
    of_array = explain_occlusion(pipeline, eeg.X, **about)
    np.testing.assert_allclose(of_array.decisions, pipeline.decision_function(eeg.X), atol=1e-6)
    assert of_array.unit == "log-odds of 1"
    epochs = eeg.to_epochs()
    for X in (epochs, [epochs[:20], epochs[20:]]):
        explanation = explain_occlusion(pipeline, X, by="channel")  # epochs know their people
        np.testing.assert_allclose(explanation.values, of_array.values, atol=2e-3)
        assert explanation.subjects.tolist() == eeg.subjects.tolist()
        assert explanation.axes == of_array.axes


def test_occlusion__recording__decisions_of_the_recording(eeg):
    info = mne.create_info(CH_NAMES, 250.0, "eeg")
    signals = np.random.default_rng(0).normal(scale=1e-5, size=(6, 250 * 8))
    raw = mne.io.RawArray(signals, info, verbose="error")
    filters = Filters(l_freq=1.0, h_freq=45.0)
    model = pipeline_for(eeg, window=2.0, filters=filters)
    explanation = explain_occlusion(model, raw, by="band")
    np.testing.assert_allclose(explanation.decisions, model.decision_function(raw))
    assert explanation.values.shape == (4, 5)
    assert np.abs(explanation.values).max() > 0


def test_occlusion__centred_people__centres_stay_and_the_model_too(eeg):
    centred = make_pipeline(
        embedder_for(eeg, center_by="subject"),
        SubjectCentering(),
        StandardScaler(),
        LogisticRegression(C=0.01),
    )
    with config_context(enable_metadata_routing=True):
        centred.fit(eeg.X, eeg.y, subjects=eeg.subjects)
        decisions = centred.decision_function(eeg.X, subjects=eeg.subjects)
    explanation = explain_occlusion(centred, eeg.X, by="channel", subjects=eeg.subjects)
    np.testing.assert_allclose(explanation.decisions, decisions, atol=1e-5)
    assert centred[0].subject_centers_ == centred[1].subject_centers_ == {}
    assert explanation.top("channel") == ["C4"]
    # By hand: centres of X as it is, then X without a channel.
    embedder = embedder_for(eeg, center_by="subject").fit(eeg.X, subjects=eeg.subjects)
    embedder.calibrate(eeg.X, subjects=eeg.subjects)
    without = PersonMean(eeg.X.astype(float), 200, eeg.subjects).replaced(Part(3))
    features = embedder.transform(without, subjects=eeg.subjects)
    original = embedder.transform(eeg.X, subjects=eeg.subjects)
    means = original - centred[1].transform(original, subjects=eeg.subjects)
    expected = decisions - centred[2:].decision_function(features - means)
    np.testing.assert_allclose(explanation.values[:, 3], expected, atol=1e-3)


def test_occlusion__fine_tuned_centred_network__decisions_of_the_network(eeg):
    network = BrainRVQClassifier(
        weights=None,
        architecture="tiny",
        max_epochs=1,
        sfreq=200,
        ch_names=CH_NAMES,
        center_by="subject",
        strategy="frozen",
        random_state=0,
    ).fit(eeg.X, eeg.y, subjects=eeg.subjects)
    explanation = explain_occlusion(network, eeg.X, by="channel", subjects=eeg.subjects)
    expected = network.decision_function(eeg.X, subjects=eeg.subjects)
    np.testing.assert_allclose(explanation.decisions, expected, atol=1e-5)
    assert network.subject_centers_ == {}
    assert explanation.top("channel") == ["C4"]


def test_occlusion__several_classes_and_numbers__target_and_predicted_value(eeg):
    y = np.where(eeg.y == 1, "b", np.where(np.arange(len(eeg.y)) % 2, "a", "c"))
    search = GridSearchCV(pipeline_for(eeg), {"logisticregression__C": [0.01]}, cv=2).fit(eeg.X, y)
    explanation = explain_occlusion(search, eeg.X, by="channel", target="b")
    probability = search.predict_proba(eeg.X)[:, 1]
    expected = np.log(probability / (1 - probability))
    np.testing.assert_allclose(explanation.decisions, expected, rtol=1e-5)
    assert explanation.unit == "log-odds of 'b'"
    with pytest.raises(ValueError, match=r"target=None was given; .* one of \['a', 'b', 'c'\]"):
        explain_occlusion(search, eeg.X)

    regression = make_pipeline(embedder_for(eeg), Ridge(10.0)).fit(eeg.X, eeg.y * 10.0)
    explanation = explain_occlusion(regression, eeg.X, by="channel", subjects=eeg.subjects)
    np.testing.assert_allclose(explanation.decisions, regression.predict(eeg.X), atol=1e-3)
    assert (explanation.unit, explanation.top("channel")) == ("predicted value", ["C4"])


def test_occlusion__codes__decisions_on_decoded_eeg_and_only_the_models_band_counts(eeg):
    tokenizer = DDRVQTransformer(
        architecture="tiny", max_epochs=1, sfreq=200, ch_names=CH_NAMES, random_state=0
    ).fit(eeg.X)
    model, X = LogPower(np.ones(6), BANDS["beta"]), eeg.X.astype(float)
    explanation = explain_occlusion(
        model, X, by="band", replace="codes", tokenizer=tokenizer, sfreq=200, ch_names=CH_NAMES
    )
    decoded = tokenizer.reconstruct(X)
    np.testing.assert_allclose(explanation.decisions, model.decision_function(decoded), rtol=1e-4)
    values = dict(zip(explanation.axes["band"], explanation.values.T, strict=True))
    assert values.pop("beta").min() > 10
    assert max(np.abs(own).max() for own in values.values()) < 0.01
    pairs = explain_occlusion(
        pipeline_for(eeg), X, by=("band", "time"), replace="codes", tokenizer=tokenizer
    )
    assert pairs.values.shape == (36, 5, 2)


def test_occlusion__wrong_input__a_sentence_each(eeg, pipeline):
    X = eeg.X
    unfitted = make_pipeline(embedder_for(eeg), LogisticRegression())
    tokenizer = DDRVQTransformer(architecture="tiny")
    mixed = [eeg.to_epochs(), eeg_of(ch_names=CH_NAMES[:4]).to_epochs()]
    regressor = BrainRVQRegressor(weights=None)
    for model, given, options, message in [
        (unfitted, X, {}, "not fitted"),
        (regressor, X, {}, "not fitted yet: call fit"),
        (LogisticRegression, X, {}, "The class LogisticRegression was given"),
        (pipeline[0], X, {}, "A BrainRVQEmbedder was given, which makes no decision"),
        (tokenizer, X, {}, "A DDRVQTransformer was given, which makes no decision"),
        (pipeline, X[:1], {}, "1 window was given; expected at least 2"),
        (pipeline_for(eeg, spectrum="mean"), mixed, {}, "windows of 2 kinds"),
        (pipeline, X, {"by": "electrode"}, "by='electrode' was given; expected 'channel'"),
        (pipeline, X, {"by": ()}, "by=.* was given"),
        (pipeline, X, {"target": 2}, r"target=2 was given; .* one of \[0, 1\]"),
        (pipeline, X, {"replace": "zero"}, "replace='zero' was given"),
        (pipeline, X, {"replace": "codes"}, "expected a fitted DDRVQTransformer"),
        (pipeline, X, {"replace": "codes", "tokenizer": tokenizer}, "not fitted"),
        (pipeline, X, {"tokenizer": tokenizer}, "replace='mean' uses none"),
        (pipeline, X, {"bands": {"mu": (13, 8)}}, r"bands=\{'mu': \(13, 8\)\} was given"),
        (pipeline, X, {"bands": {"high": (120, 150)}}, "below 100, half of the sampling rate"),
        (pipeline, X, {"bands": ["alpha"]}, "expected a dict of names and frequencies"),
        (pipeline, X, {"subjects": [1, 2]}, "for 36 windows; expected one name"),
        (LogPower(WEIGHTS), X, {}, "Pass sfreq"),
        (LogPower(WEIGHTS), X[0], {"sfreq": 200}, "expected an array"),
        (LogPower(WEIGHTS), X, {"sfreq": 200, "ch_names": ["C3"]}, "1 ch_names"),
    ]:
        with pytest.raises(ValueError, match=message):
            explain_occlusion(model, given, **options)
