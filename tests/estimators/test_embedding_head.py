"""The head that sees spectra and covariances beside tokens, and where its training starts."""

import pickle

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import CH_NAMES, make_alpha, make_alpha_task, make_eeg, tiny

from sk_brainrvq import BrainRVQEmbedder, BrainRVQModule

# So small a rate leaves training where it started.
STANDING_STILL = {"head": "embedding", "lr": 1e-10}


def features_of_head(estimator, X):
    """What the head sees of an encoder, last layer."""
    embedder = BrainRVQEmbedder(
        estimator.weights_,
        layer=-1,
        sfreq=200,
        ch_names=CH_NAMES,
        device="cpu",
    )
    return embedder.fit_transform(X).astype(float)


@pytest.mark.parametrize("classes", [["a", "b"], ["a", "b", "c"]])
def test_classifier__start__logistic_regression_on_what_the_head_sees(classes):
    X = make_alpha(np.repeat([0.0, 5.0, 10.0], 8))
    y = np.resize(classes, 24)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, 24)
    estimator = tiny("classifier", **STANDING_STILL).fit(X, y, sample_weight=weights)
    features = features_of_head(estimator, X)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    scaled = weights / weights.mean()
    model.fit(features, y, logisticregression__sample_weight=scaled)
    decision = estimator.decision_function(X)
    np.testing.assert_allclose(decision, model.decision_function(features), atol=2e-3)


def test_regressor__start__ridge_regression_on_what_the_head_sees():
    strength = np.linspace(0, 20, 24)
    X = make_alpha(strength)
    estimator = tiny("regressor", **STANDING_STILL).fit(X, strength)
    features = features_of_head(estimator, X)
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=10.0 ** np.arange(6)))
    expected = model.fit(features, strength).predict(features)
    np.testing.assert_allclose(estimator.predict(X), expected, atol=0.05)
    assert estimator.score(X, strength) > 0.5


def test_classifier__training__goes_on_from_there():
    X, y = make_alpha_task(24, seed=0)
    start = tiny("classifier", **STANDING_STILL).fit(X, y)
    trained = tiny("classifier", head="embedding", lr=1e-3, max_epochs=4).fit(X, y)
    losses = [row["train_loss"] for row in trained.history_]
    assert losses[-1] < losses[0] < 0.69
    before, after = (e.weights_.module().state_dict() for e in (start, trained))
    moved = {name for name in before if not np.allclose(before[name], after[name], atol=1e-6)}
    assert "encoder.blocks.0.attn.qkv.weight" in moved
    # Where electrodes lie and how features are scaled is no matter of training.
    assert not {name for name in moved if "log_" in name or "centre" in name or "scale" in name}


def test_classifier__other_montage_and_length__same_features():
    X, y = make_alpha_task(24, seed=0)
    estimator = tiny("classifier", head="embedding").fit(X, y)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    module = estimator.weights_.module()
    assert module.head.n_features == 100 + 11 * 46 + 950
    named = tiny("classifier", head="embedding", ch_names=CH_NAMES[::-1]).fit(X[:, ::-1], y)
    np.testing.assert_allclose(named.predict_proba(X[:, ::-1]), again.predict_proba(X), atol=0.02)


@pytest.mark.parametrize("strategy", ["frozen", "lora"])
def test_classifier__strategies__learn(strategy):
    X, y = make_alpha_task(24, seed=0)
    estimator = tiny("classifier", head="embedding", strategy=strategy, max_epochs=2).fit(X, y)
    assert estimator.score(X, y) > 0.85


def test_classifier__passes__one_class_at_a_time():
    X, y = make_alpha_task(24, seed=0)
    estimator = tiny("classifier", head="embedding")
    for label in ("rest", "task"):
        estimator.partial_fit(X[y == label], y[y == label], classes=["rest", "task"])
    assert np.isfinite(estimator.predict_proba(X)).all()


def test_classifier__flat_and_equal_signals__finite():
    X = np.zeros((12, 4, 400))
    X[:6] = make_eeg(n_epochs=1, n_times=400)
    y = np.repeat([0, 1], 6)
    assert tiny("classifier", head="embedding").fit(X, y).score(X, y) == 1


def test_module__embedding_head__refused():
    with pytest.raises(ValueError, match=r"head='embedding' was given; its training starts from"):
        BrainRVQModule(
            n_chans=4, n_outputs=2, n_times=400, sfreq=200, ch_names=CH_NAMES, head="embedding"
        )
