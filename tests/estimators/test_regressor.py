"""The regressor: what it learns, in which unit, from which weights."""

import pickle

import mne
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score
from tiny import CH_NAMES, fitted, make_alpha, make_eeg, tiny

RNG = np.random.default_rng(0)
Y = RNG.normal(50, 20, size=12)
TWO = np.column_stack([Y, RNG.normal(size=12)])


def regressor(**params):
    return tiny("regressor", **params)


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_fit__strength_of_alpha__predicts_it_in_new_epochs(loss):
    strength = np.random.default_rng(1).uniform(0, 40, size=128)
    estimator = regressor(loss=loss, max_epochs=15, lr=2e-3).fit(make_alpha(strength), strength)
    X = make_alpha(strength, seed=7)
    assert estimator.score(X, strength) > 0.7
    assert estimator.correlation(X, strength) > 0.85
    assert estimator.history_[-1]["train_loss"] < estimator.history_[0]["train_loss"]


def test_fit__targets_in_another_unit__predictions_follow():
    X = make_eeg()
    first = regressor(max_epochs=2).fit(X, Y).predict(X)
    second = regressor(max_epochs=2).fit(X, 1000 * Y - 7).predict(X)
    np.testing.assert_allclose(second, 1000 * first - 7, rtol=1e-4)


@pytest.mark.parametrize(("y", "shape"), [(Y, (12,)), (Y[:, None], (12, 1)), (TWO, (12, 2))])
def test_predict__targets_of_a_shape__same_shape(y, shape):
    estimator = regressor().fit(make_eeg(), y)
    predicted = estimator.predict(make_eeg())
    assert predicted.shape == shape
    assert predicted.dtype == np.float64
    assert estimator.n_targets_ == (1 if y.ndim == 1 else y.shape[1])


def test_fit__scale_of_targets__is_their_mean_and_deviation():
    estimator = regressor().fit(make_eeg(), TWO)
    np.testing.assert_allclose(estimator.target_mean_, TWO.mean(0))
    np.testing.assert_allclose(estimator.target_scale_, TWO.std(0))


def test_fit__constant_target__its_scale_is_one():
    estimator = regressor().fit(make_eeg(), np.full(12, 3.0))
    assert estimator.target_scale_ == [1.0]
    assert np.isfinite(estimator.predict(make_eeg())).all()


def test_sample_weight__zero__as_if_left_out():
    X, keep = make_eeg(), np.arange(12) % 3 > 0
    weighted = regressor(max_epochs=2).fit(X, Y, sample_weight=2.0 * keep)
    shorter = regressor(max_epochs=2).fit(X[keep], Y[keep])
    assert weighted.weights_ == shorter.weights_
    np.testing.assert_array_equal(weighted.target_mean_, shorter.target_mean_)


def test_sample_weight__whole_numbers__scale_as_of_repeated_epochs():
    weight = np.arange(12) % 4
    weighted = regressor().fit(make_eeg(), Y, sample_weight=weight)
    repeated = np.repeat(Y, weight)
    np.testing.assert_allclose(weighted.target_mean_, repeated.mean())
    np.testing.assert_allclose(weighted.target_scale_, repeated.std())


def test_score__weighted_two_targets__is_r2():
    estimator, X, weight = regressor().fit(make_eeg(), TWO), make_eeg(seed=3), np.arange(12) + 1
    expected = r2_score(TWO, estimator.predict(X), sample_weight=weight)
    assert estimator.score(X, TWO, sample_weight=weight) == pytest.approx(expected)


@pytest.mark.parametrize("y", [Y, TWO])
def test_correlation__one_or_two_targets__mean_of_pearsons(y):
    estimator, X = regressor().fit(make_eeg(), y), make_eeg(seed=3)
    pairs = zip(y.reshape(12, -1).T, estimator.predict(X).reshape(12, -1).T, strict=True)
    expected = np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs])
    assert estimator.correlation(X, y) == pytest.approx(expected)


def test_correlation__other_number_of_targets__error_names_both_shapes():
    with pytest.raises(ValueError, match=r"y has shape \(12, 2\), but .* \(12,\)"):
        regressor().fit(make_eeg(), Y).correlation(make_eeg(), TWO)


@pytest.mark.parametrize("way", ["pickle", "save_pretrained"])
def test_persistence__two_targets__same_predictions_and_attributes(way, tmp_path):
    original, X = regressor(head="attention").fit(make_eeg(), TWO), make_eeg(seed=3)
    if way == "pickle":
        loaded = pickle.loads(pickle.dumps(original))
    else:
        original.save_pretrained(tmp_path)
        loaded = type(original).from_pretrained(tmp_path)
    np.testing.assert_array_equal(loaded.predict(X), original.predict(X))
    assert loaded.weights_ == original.weights_
    for name in ("target_mean_", "target_scale_", "n_targets_", "n_trained_parameters_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(original, name))
    assert loaded.history_ == original.history_


def test_weights__of_a_regressor__start_an_embedder_and_a_classifier():
    weights = regressor().fit(make_eeg(), Y).weights_
    assert tiny("embedder", weights=weights).fit_transform(make_eeg()).shape == (12, 100)
    classifier = tiny("classifier", weights=weights).fit(make_eeg(), Y > 50)
    assert classifier.predict(make_eeg()).shape == (12,)


def test_weights__of_a_pretrainer__where_the_regressor_starts():
    weights = fitted("pretrainer").weights_
    frozen = regressor(weights=weights, strategy="frozen").fit(make_eeg(), Y)
    tuned = tiny("embedder", weights=frozen.weights_).fit_transform(make_eeg())
    given = tiny("embedder", weights=weights).fit_transform(make_eeg())
    np.testing.assert_array_equal(tuned, given)


def test_partial_fit__passes__learn_and_keep_the_first_scale():
    strength = np.random.default_rng(1).uniform(0, 40, size=64)
    X, estimator = make_alpha(strength), regressor(lr=1e-3)
    for _ in range(12):
        estimator.partial_fit(X, strength)
    assert estimator.score(X, strength) > 0.6
    assert [row["epoch"] for row in estimator.history_] == list(range(1, 13))
    estimator.partial_fit(X, strength + 1000)
    assert estimator.target_mean_ == pytest.approx(strength.mean())


def test_warm_start__other_number_of_targets__error_names_both():
    estimator = regressor(warm_start=True).fit(make_eeg(), Y)
    with pytest.raises(ValueError, match="y has 2 targets per epoch, but fit saw 1"):
        estimator.fit(make_eeg(), TWO)


def test_long_epochs__prediction__averages_segments_by_their_length():
    X = make_eeg(n_epochs=3, n_times=31 * 200)
    estimator = regressor().fit(X, Y[:3])
    first, second = estimator.predict(X[..., : 16 * 200]), estimator.predict(X[..., 16 * 200 :])
    np.testing.assert_allclose(estimator.predict(X), (16 * first + 15 * second) / 31, rtol=1e-5)


def test_braindecode_dataset__without_y__its_targets_are_used():
    datasets = pytest.importorskip("braindecode.datasets.base")
    epochs = mne.EpochsArray(
        make_eeg() * 1e-6, mne.create_info(CH_NAMES, 200, "eeg"), verbose="error"
    )
    epochs.metadata = pd.DataFrame(
        {
            "i_window_in_trial": 0,
            "i_start_in_trial": 0,
            "i_stop_in_trial": 600,
            "target": Y,
        }
    )
    data = datasets.WindowsDataset(epochs)
    from_dataset = regressor().fit(data)
    assert from_dataset.target_mean_ == pytest.approx(Y.mean())
    assert np.isfinite(from_dataset.score(data))
    assert np.isfinite(from_dataset.correlation(data))


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({}, None, "requires y to be passed"),
        ({}, Y[:5], r"y has 5 rows, but X has 12 epochs.*pass recordings and recordings\.y"),
        ({}, np.where(Y > 50, np.nan, Y), "Input y contains NaN"),
        ({}, ["young"] * 12, r"y holds text \(.*'young'\).* use BrainRVQClassifier"),
        ({"loss": "absolute"}, Y, r"loss='absolute' was given; expected .*'huber'"),
    ],
)
def test_fit__unusable_targets_or_loss__error_says_what_is_wrong(params, y, message):
    with pytest.raises(ValueError, match=message):
        regressor(**params).fit(make_eeg(), y)
