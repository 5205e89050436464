"""Estimators of the smallest size, EEG for them, and fitted ones that tests share."""

from functools import cache

import numpy as np
from sklearn.base import clone

from sk_brainrvq import (
    Architecture,
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    BrainRVQRegressor,
    DDRVQTransformer,
)

CH_NAMES = ["Fp1", "C3", "Cz", "O2"]

_SAMPLES_OF_ALPHA = 400
_ARRAYS = {"sfreq": 200, "ch_names": CH_NAMES, "random_state": 0, "device": "cpu"}
# The plainest features, which tests can compute themselves.
_MEAN = {"pooling": "mean", "spectrum": None, "covariance": False}
_SIZES = {"architecture": Architecture("tiny", codebook_size=16)}
ESTIMATORS = {
    "tokenizer": (DDRVQTransformer, {**_ARRAYS, **_SIZES, "max_epochs": 1}),
    "pretrainer": (
        BrainRVQPretrainer,
        {**_ARRAYS, **_SIZES, "max_epochs": 1, "tokenizer_max_epochs": 1},
    ),
    "embedder": (BrainRVQEmbedder, {**_ARRAYS, **_MEAN, "architecture": "tiny", "weights": None}),
    "classifier": (
        BrainRVQClassifier,
        {**_ARRAYS, "architecture": "tiny", "weights": None, "max_epochs": 1, "head": "mean"},
    ),
    "regressor": (
        BrainRVQRegressor,
        {**_ARRAYS, "architecture": "tiny", "weights": None, "max_epochs": 1, "head": "mean"},
    ),
}
# Those that are fitted on labels or on none; the regressor has tests of its own.
NAMES = ["tokenizer", "pretrainer", "embedder", "classifier"]
TRAINED = ["tokenizer", "pretrainer", "classifier"]


def tiny(name, **params):
    """A new unfitted estimator of the smallest size; parameters as of ``set_params``."""
    estimator_class, defaults = ESTIMATORS[name]
    return clone(estimator_class(**defaults)).set_params(**params)


def make_eeg(n_epochs=12, n_channels=4, n_times=600, seed=0):
    """Noise of 20 microvolts."""
    return np.random.default_rng(seed).normal(scale=20, size=(n_epochs, n_channels, n_times))


def make_labels(n_epochs=12):
    """Two classes in turn."""
    return np.array(["rest", "task"] * n_epochs)[:n_epochs]


def make_alpha(strength, seed=0):
    """Noise of 10 microvolts with an alpha wave of a given amplitude in each epoch."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, size=(len(strength), 4, 1))
    alpha = np.sin(2 * np.pi * 10 * np.arange(_SAMPLES_OF_ALPHA) / 200 + phase)
    noise = rng.normal(scale=10, size=(len(strength), 4, _SAMPLES_OF_ALPHA))
    return noise + alpha * np.asarray(strength)[:, None, None]


def make_alpha_task(n_epochs, seed):
    """Noise, with an alpha wave in every epoch of the class "rest"."""
    y = np.random.default_rng(seed).permutation(make_labels(n_epochs))
    return make_alpha(20 * (y == "rest"), seed), y


def fit(estimator, X):
    """Fit with labels, which all but the classifier ignore."""
    return estimator.fit(X, make_labels(len(X)))


@cache
def fitted(name):
    """A fitted estimator shared by tests: leave it as it is."""
    return fit(tiny(name), make_eeg())


def apply(estimator, X):
    """What the estimator makes of X: codes, embeddings or class probabilities."""
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)
    return estimator.transform(X)
