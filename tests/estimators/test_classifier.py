"""Fine-tuning learns what can be learnt."""

import numpy as np
import pytest
from tiny import fitted, make_eeg, make_labels, tiny


def make_alpha_task(n_epochs, seed):
    """Noise, with an alpha wave in every epoch of the class "rest"."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.array(["rest", "task"] * (n_epochs // 2)))
    phase = rng.uniform(0, 2 * np.pi, size=(n_epochs, 4, 1))
    alpha = 20 * np.sin(2 * np.pi * 10 * np.arange(400) / 200 + phase)
    return rng.normal(scale=10, size=(n_epochs, 4, 400)) + alpha * (y == "rest")[:, None, None], y


@pytest.mark.parametrize("start", ["scratch", "pretrained"])
def test_fit__alpha_against_none__learns_it(start):
    weights = None if start == "scratch" else fitted("pretrainer").weights_
    settings = {"weights": weights, "max_epochs": 15, "lr": 2e-3, "batch_size": 16}
    X, y = make_alpha_task(64, seed=0)
    classifier = tiny("classifier", **settings).fit(X, y)
    assert classifier.score(*make_alpha_task(64, seed=1)) > 0.9
    assert classifier.history_[-1]["train_loss"] < classifier.history_[0]["train_loss"]


def test_fit__frozen_start__uses_the_given_weights():
    # A vanishing learning rate leaves the encoder where the weights put it.
    weights = fitted("pretrainer").weights_
    X = make_eeg()
    classifier = tiny("classifier", weights=weights, lr=1e-12).fit(X, make_labels())
    tuned = tiny("embedder", weights=classifier.weights_).fit_transform(X)
    given = tiny("embedder", weights=weights).fit_transform(X)
    np.testing.assert_allclose(tuned, given, atol=1e-5)


def test_label_smoothing__strong__pulls_probabilities_to_the_middle():
    X, y = make_alpha_task(32, seed=0)
    settings = {"max_epochs": 10, "lr": 2e-3, "batch_size": 8, "drop_path": 0.0}
    sharp = tiny("classifier", **settings).fit(X, y).predict_proba(X)
    smooth = tiny("classifier", label_smoothing=0.9, **settings).fit(X, y).predict_proba(X)
    assert np.abs(smooth - 0.5).mean() < np.abs(sharp - 0.5).mean()


def test_three_classes__fit__a_column_each():
    y = np.array(["a", "b", "c"] * 4)
    classifier = tiny("classifier").fit(make_eeg(), y)
    assert classifier.predict_proba(make_eeg()).shape == (12, 3)
    assert classifier.classes_.tolist() == ["a", "b", "c"]
