"""Patterns of linear models."""

from dataclasses import replace

import numpy as np
import pytest
from explained_eeg import CH_NAMES, embedder_for, pipeline_for
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sk_brainrvq.explain import explain_occlusion, explain_pattern
from sk_brainrvq.signals.electrodes.regions import POSITIONS, REGIONS


def test_pattern__spectrum__haufes_formula_from_coefficients(eeg, pipeline):
    pattern = explain_pattern(pipeline, eeg.X)
    assert pattern.values.shape == (6, 45)
    assert pattern.axes["channel"] == CH_NAMES
    features = pipeline[:-1].transform(eeg.X).astype(float)
    weights = pipeline[-1].coef_[0]
    covariance = np.cov(features.T)
    haufe = covariance @ weights / np.sqrt(weights @ covariance @ weights)
    haufe /= features.std(0, ddof=1)
    names = list(pipeline[0].get_feature_names_out())
    for channel, frequency in (("C4", 20), ("F3", 1), ("P4", 45)):
        value = pattern.values[CH_NAMES.index(channel), frequency - 1]
        assert value == pytest.approx(haufe[names.index(f"{channel}_{frequency}Hz")], abs=1e-3)
    assert pattern.values[3, 12:29].mean() < -0.5  # the task weakens the rhythm


def test_pattern__within_people__what_lies_between_them_is_gone(eeg, pipeline):
    loud = eeg.X * (1 + 3 * eeg.subjects)[:, None, None]
    apart = explain_pattern(pipeline, loud, subjects=eeg.subjects).in_bands()
    assert (apart.top("channel"), apart.top("band")) == (["C4"], ["beta"])
    eeg_by_name = replace(eeg, X=loud)
    of_epochs = explain_pattern(pipeline, eeg_by_name.to_epochs())  # epochs know their people
    own = explain_pattern(pipeline, loud, subjects=eeg.subjects)
    np.testing.assert_allclose(of_epochs.values, own.values, atol=0.01)
    column = list(pipeline[0].get_feature_names_out()).index("C4_20Hz")
    pair = np.stack([pipeline[0].transform(loud)[:, column], pipeline.decision_function(loud)])
    means = np.stack([pair[:, eeg.subjects == person].mean(1) for person in eeg.subjects], 1)
    correlation = np.corrcoef(pair - means)[0, 1]
    assert own.values[CH_NAMES.index("C4"), 19] == pytest.approx(correlation, abs=1e-4)
    together = explain_pattern(pipeline, loud)
    assert np.abs(together.values).mean() > 2 * np.abs(apart.values).mean()


def test_pattern__other_features__axes_as_the_features_have_them(eeg):
    for params, of, axes in [
        ({"spectrum": "region"}, "spectrum", {"channel": list(REGIONS), "frequency": 45}),
        ({"spectrum": "mean"}, "spectrum", {"frequency": 45}),
        (
            {"covariance": "bands", "spectrum": None},
            "covariance",
            {"channel": list(POSITIONS), "band": ["delta", "theta", "alpha", "beta", "gamma"]},
        ),
        ({"covariance": True}, "covariance", {"channel": list(POSITIONS)}),
    ]:
        model = pipeline_for(eeg, tokens=False, **params)
        pattern = explain_pattern(model, eeg.X, of=of, subjects=eeg.subjects)
        expected = {k: list(range(1, 46)) if v == 45 else v for k, v in axes.items()}
        assert pattern.axes == expected
        if "band" in axes:
            assert pattern.top("band") == ["beta"]
            assert pattern.top("channel")[0] in ("C4", "T8")  # C4 is the channel next to T8


def test_pattern__wrong_input__a_sentence_each(eeg, pipeline, network):
    forest = make_pipeline(embedder_for(eeg), RandomForestClassifier(2)).fit(eeg.X, eeg.y)
    unfitted = make_pipeline(embedder_for(eeg), LogisticRegression())
    plain = pipeline_for(eeg, spectrum=None)
    for model, X, options, message in [
        (forest, eeg.X, {}, "a RandomForestClassifier, which has no coefficients"),
        (network, eeg.X, {}, "expected a pipeline on BrainRVQEmbedder"),
        (unfitted, eeg.X, {}, "not fitted"),
        (plain, eeg.X, {}, "has spectrum=None"),
        (pipeline, eeg.X, {"of": "covariance"}, "has covariance=False"),
        (pipeline, eeg.X, {"of": "tokens"}, "of='tokens' was given"),
        (pipeline, eeg.X[:1], {}, "1 window was given"),
    ]:
        with pytest.raises(ValueError, match=message):
            explain_pattern(model, X, **options)
    with pytest.raises(ValueError, match="in_bands needs the axis 'frequency'"):
        explain_occlusion(pipeline, eeg.X[:4], by="channel").in_bands()
    with pytest.raises(ValueError, match=r"bands \['none'\] were given, which contain none"):
        explain_pattern(pipeline, eeg.X).in_bands({"none": (45.5, 46)})
