"""Any length and any rate: one rule for every estimator that takes EEG."""

import itertools
import math

import numpy as np
import pytest
from tiny import NAMES, apply, fit, fitted, make_eeg, tiny

LENGTHS = [1, 37, 199, 200, 201, 600, 30 * 200, 31 * 200, 65 * 200]
RATES = [128, 250, 500]
WIDTH = 100  # of the tiny architecture
WITH_SPECTRA = WIDTH + 11 * 46 + 950  # the pretrainer's features are the embedder's by default


def expected_shape(name, n_epochs, n_channels, n_patches):
    return {
        "tokenizer": (n_epochs, n_channels, n_patches, 2, 3),
        "pretrainer": (n_epochs, WITH_SPECTRA),
        "embedder": (n_epochs, WIDTH),
        "classifier": (n_epochs, 2),
    }[name]


def near_equal_splits(n_patches):
    """All ways to cut into as few near-equal segments of at most 30 patches as can be."""
    n_segments = math.ceil(n_patches / 30)
    short, n_long = divmod(n_patches, n_segments)
    lengths = [short + 1] * n_long + [short] * (n_segments - n_long)
    return sorted(set(itertools.permutations(lengths)))


def cut(X, lengths):
    edges = 200 * np.cumsum([0, *lengths])
    return [X[..., first:last] for first, last in itertools.pairwise(edges)]


@pytest.mark.parametrize("n_times", LENGTHS)
@pytest.mark.parametrize("name", NAMES)
def test_apply__any_length_at_200_hz__documented_shape(name, n_times):
    X = make_eeg(n_epochs=2, n_times=n_times, seed=1)
    result = apply(fitted(name), X)
    assert result.shape == expected_shape(name, 2, 4, max(1, math.ceil(n_times / 200)))
    assert np.isfinite(result).all()


@pytest.mark.parametrize("n_times", [1, 37, 201, 31 * 200])
@pytest.mark.parametrize("name", NAMES)
def test_fit__any_length__works_and_handles_other_lengths(name, n_times):
    estimator = fit(
        tiny(name, ch_names=["C3", "C4"]), make_eeg(n_epochs=4, n_channels=2, n_times=n_times)
    )
    for other in (n_times, 500):
        result = apply(estimator, make_eeg(n_epochs=3, n_channels=2, n_times=other))
        assert result.shape == expected_shape(name, 3, 2, math.ceil(other / 200))
        assert np.isfinite(result).all()


@pytest.mark.parametrize("sfreq", RATES)
@pytest.mark.parametrize("name", NAMES)
def test_apply__other_rates__a_patch_a_second(name, sfreq):
    estimator = fit(tiny(name, sfreq=sfreq), make_eeg(n_epochs=4, n_times=2 * sfreq))
    for n_times in (1, sfreq - 1, sfreq, sfreq + 5, 33 * sfreq):
        result = apply(estimator, make_eeg(n_epochs=2, n_times=n_times))
        assert result.shape == expected_shape(name, 2, 4, math.ceil(n_times / sfreq))
        assert np.isfinite(result).all()


@pytest.mark.parametrize("sfreq", [250, 500])
def test_embedder__same_signal_at_a_higher_rate__same_embedding(sfreq):
    # Band-limited signals hold the same information at every rate.
    def signal(rate):
        times = np.arange(4 * rate) / rate
        waves = [30 * np.sin(2 * np.pi * f * times + f) for f in (3, 7, 10, 21)]
        envelope = np.hanning(len(times))
        return np.stack([envelope * np.roll(waves, i, axis=0)[:2].sum(0) for i in range(4)])[None]

    reference = fitted("embedder").transform(signal(200))
    result = tiny("embedder", sfreq=sfreq).fit_transform(signal(sfreq))
    spread = np.ptp(fitted("embedder").transform(make_eeg()), axis=0).max()
    assert np.abs(result - reference).max() < 0.05 * spread


@pytest.mark.parametrize("n_patches", [31, 60, 65])
def test_tokenizer__above_30_s__codes_of_near_equal_segments_in_a_row(n_patches):
    X = make_eeg(n_epochs=2, n_times=200 * n_patches, seed=2)
    tokenizer = fitted("tokenizer")
    codes = tokenizer.transform(X)
    candidates = [
        np.concatenate([tokenizer.transform(piece) for piece in cut(X, lengths)], axis=2)
        for lengths in near_equal_splits(n_patches)
    ]
    assert any(np.array_equal(codes, candidate) for candidate in candidates)


@pytest.mark.parametrize("name", ["embedder", "pretrainer"])
@pytest.mark.parametrize("pooling", ["mean", "channel", "mean_cls"])
def test_embedding__above_30_s__average_of_segments_weighted_by_patches(name, pooling):
    X = make_eeg(n_epochs=2, n_times=200 * 65, seed=2)
    # A trend in amplitude sets the segments apart.
    X *= np.linspace(0.2, 5, X.shape[-1])
    weights = fitted(name).weights_
    embedder = tiny("embedder", weights=weights, pooling=pooling).fit(X)
    embedding = embedder.transform(X)
    candidates = [
        sum(
            n * embedder.transform(piece) for n, piece in zip(lengths, cut(X, lengths), strict=True)
        )
        / 65
        for lengths in near_equal_splits(65)
    ]
    assert min(np.abs(embedding - candidate).max() for candidate in candidates) < 1e-5


def test_classifier__above_30_s__logits_averaged_over_segments():
    X = make_eeg(n_epochs=3, n_times=200 * 31, seed=3) * np.linspace(0.2, 5, 200 * 31)
    classifier = fitted("classifier")

    def log_odds(X):
        probabilities = classifier.predict_proba(X)
        return np.log(probabilities[:, 1] / probabilities[:, 0])

    candidates = [
        sum(n * log_odds(piece) for n, piece in zip(lengths, cut(X, lengths), strict=True)) / 31
        for lengths in near_equal_splits(31)
    ]
    result = log_odds(X)
    assert min(np.abs(result - candidate).max() for candidate in candidates) < 1e-5


@pytest.mark.parametrize("n_times", [1, 37, 201, 600, 31 * 200 + 7])
def test_reconstruct__any_length__shape_of_x(n_times):
    X = make_eeg(n_epochs=2, n_times=n_times)
    result = fitted("tokenizer").reconstruct(X)
    assert result.shape == X.shape
    assert np.isfinite(result).all()


@pytest.mark.parametrize("sfreq", RATES)
def test_reconstruct__any_rate__shape_of_x(sfreq):
    tokenizer = tiny("tokenizer", sfreq=sfreq).fit(make_eeg(n_epochs=4, n_times=2 * sfreq))
    for n_times in (1, sfreq - 1, sfreq + 5, 3 * sfreq + 1, 31 * sfreq):
        X = make_eeg(n_epochs=2, n_times=n_times)
        result = tokenizer.reconstruct(X)
        assert result.shape == X.shape
        assert np.isfinite(result).all()


def test_reconstruct__2d_x__2d_result():
    X = make_eeg(n_channels=1)[:, 0]
    tokenizer = tiny("tokenizer", ch_names=["Cz"]).fit(X)
    assert tokenizer.transform(X).shape == (12, 1, 3, 2, 3)
    assert tokenizer.reconstruct(X).shape == X.shape


def test_reconstruct__offset_and_scale_of_a_patch__are_kept():
    X = make_eeg(n_epochs=3, n_times=400)
    X[0] += 500
    X[1] *= 10
    result = fitted("tokenizer").reconstruct(X)
    np.testing.assert_allclose(result[0].mean(-1), X[0].mean(-1), atol=50)
    # What is decoded of a louder epoch is louder in proportion to its own deviation.
    loud = result[1].std() / result[2].std()
    assert 3 < loud < 30


@pytest.mark.parametrize("name", NAMES)
def test_apply__long_windows_after_a_short_fit__finite(name):
    estimator = fit(tiny(name), make_eeg(n_times=200))
    assert np.isfinite(apply(estimator, make_eeg(n_epochs=2, n_times=29 * 200))).all()


def test_classifier__long_windows_after_a_short_fit__as_an_embedder_with_its_weights():
    # One rule for time positions that no training saw, wherever the weights are used.
    X = make_eeg(n_epochs=2, n_times=20 * 200)
    classifier = fit(tiny("classifier"), make_eeg(n_times=400))
    time_rows = classifier.net_.module_.encoder.time_embed.detach().numpy()
    embedder = tiny("embedder", weights=classifier.weights_).fit(X)
    np.testing.assert_array_equal(embedder.net_.module_.time_embed.detach().numpy(), time_rows)
