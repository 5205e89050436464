"""Estimators that an earlier version saved, before filters and sizes were values of their own."""

import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sk_brainrvq import (
    Architecture,
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    BrainRVQRegressor,
    DDRVQTransformer,
    Engine,
    Filters,
    RandomCrops,
    Reading,
)

SAVED = Path(__file__).parent / "saved_by_earlier_version"
X = np.load(SAVED / "eeg.npz")["X"]
NAMES = ["Fp1", "C3", "O2"]
LEADS = ["one", "two", "three"]
CLASSES = {
    "tokenizer": DDRVQTransformer,
    "pretrainer": BrainRVQPretrainer,
    "pretrainer_region": BrainRVQPretrainer,
    "classifier": BrainRVQClassifier,
    "regressor": BrainRVQRegressor,
    "embedder": BrainRVQEmbedder,
}
USUAL = {"sfreq": 200, "ch_names": NAMES, "random_state": 0, "device": "cpu"}
TRAINED = {**USUAL, "max_epochs": 1, "batch_size": 4}
PRETRAINER = {
    **TRAINED,
    "architecture": Architecture("tiny", depth=1),
    "filters": None,
    "engine": Engine(gradient_accumulation=2),
}
# What the parameters that they were saved with mean now; all others are the defaults.
PARAMS = {
    "tokenizer": {
        **TRAINED,
        "architecture": Architecture("tiny", depth=1, codebook_size=16, quantizer_mode="official"),
        "filters": Filters(l_freq=1.0, h_freq=None, notch=50),
        "engine": Engine("float32", steps_per_epoch=1),
        "crops": RandomCrops(longest=2),
        "quantizer_dropout": 0.5,
    },
    "pretrainer": PRETRAINER,
    "pretrainer_region": PRETRAINER,
    "classifier": {
        **TRAINED,
        "ch_names": LEADS,
        "architecture": None,  # "base" beside given weights: it meant nothing
        "head": "mean",
        "reading": Reading(dict(zip(LEADS, NAMES, strict=True)), on_error="skip"),
    },
    "regressor": {
        **TRAINED,
        "weights": None,
        "architecture": Architecture("tiny", depth=1),
        "engine": Engine(steps_per_epoch=1),
        "head": "attention",
    },
    "embedder": {
        **USUAL,
        "weights": None,
        "architecture": Architecture("tiny", depth=1),
        "filters": Filters(reference="average"),
        "pooling": "channel",
        "layer": 0,
        "spectrum": None,
        "covariance": False,
    },
}
# Those that hold weights of other networks as a parameter.
GIVEN = {"pretrainer": "tokenizer", "pretrainer_region": "tokenizer", "classifier": "weights"}
every_file = pytest.mark.parametrize("name", CLASSES)


@pytest.fixture
def saved(name, tmp_path):
    """Folder with what an earlier version saved, and the arrays that it then gave."""
    with zipfile.ZipFile(SAVED / f"{name}.zip") as file:
        file.extractall(tmp_path)
    return tmp_path


def load(name, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return CLASSES[name].from_pretrained(folder)


@every_file
def test_from_pretrained__earlier_version__gives_the_same_numbers(name, saved):
    estimator = load(name, saved)
    embed = getattr(estimator, "transform", None)
    if isinstance(estimator, BrainRVQPretrainer):
        # Its transform has the embedder's defaults, and these were others.
        embed = BrainRVQEmbedder(
            estimator.weights_, covariance=True, sfreq=200, ch_names=NAMES
        ).fit_transform
    functions = {
        "codes": getattr(estimator, "transform", None),
        "decoded": getattr(estimator, "reconstruct", None),
        "embedding": embed,
        "probabilities": getattr(estimator, "predict_proba", None),
        "values": getattr(estimator, "predict", None),
    }
    with np.load(saved / "expected.npz") as expected:
        found = [key for key in expected if key in functions]
        assert found
        for key in found:
            given, before = functions[key](X), expected[key]
            if key == "decoded":  # joins of seconds are smooth now
                away = np.abs(np.arange(before.shape[-1]) % 200 - 99.5) < 79
                given, before = given[..., away], before[..., away]
            np.testing.assert_allclose(given, before, rtol=1e-5, atol=1e-5, err_msg=key)


@every_file
def test_from_pretrained__earlier_version__parameters_mean_the_same(name, saved):
    loaded = load(name, saved)
    given = {GIVEN[name]: getattr(loaded, GIVEN[name])} if name in GIVEN else {}
    assert all(weights is not None for weights in given.values())
    expected = CLASSES[name](**PARAMS[name], **given)
    assert repr(loaded.get_params()) == repr(expected.get_params())


@every_file
def test_from_pretrained__earlier_version__can_be_fitted_and_saved_again(name, saved, tmp_path):
    loaded = load(name, saved)
    loaded.fit(X, np.arange(6) % 2)
    loaded.save_pretrained(tmp_path / "again")
    again = CLASSES[name].from_pretrained(tmp_path / "again")
    assert again.weights_ == loaded.weights_
    given = GIVEN.get(name)
    for parameter, value in loaded.get_params().items():
        if parameter != given:
            assert repr(again.get_params()[parameter]) == repr(value)


@pytest.mark.parametrize("name", ["pretrainer_region"])
def test_pretrainer__saved_with_another_pooling__warning_names_the_embedder_that_gives_it(
    name, saved
):
    message = (
        r"saved with pooling='region', layer=0, covariance=True, .*"
        r"BrainRVQEmbedder\(weights=pretrainer\.weights_, pooling='region', layer=0, "
        r"covariance=True\)"
    )
    with pytest.warns(UserWarning, match=message) as told:
        pretrainer = CLASSES[name].from_pretrained(saved)
    assert len(told) == 1
    embedder = BrainRVQEmbedder(
        pretrainer.weights_,
        pooling="region",
        layer=0,
        covariance=True,
        sfreq=200,
        ch_names=NAMES,
    )
    with np.load(saved / "expected.npz") as expected:
        np.testing.assert_allclose(
            embedder.fit_transform(X), expected["as_saved"], rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("name", [name for name in CLASSES if "pretrainer" not in name])
def test_from_pretrained__earlier_version_whose_features_are_the_same__no_warning(name, saved):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CLASSES[name].from_pretrained(saved)
