"""Any EEG at all: a finite result of the documented shape, or a documented error."""

import warnings

import mne
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny import CH_NAMES, make_eeg, tiny

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.exceptions import InvalidEEGError

quick = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
rates = st.one_of(
    st.sampled_from([1, 100, 128, 160, 173.61, 200, 250, 256, 500, 512, 999.7, 2048, 1e5]),
    st.floats(1, 1e5),
)
odd_rates = st.sampled_from([0, -1, 0.5, np.nan, np.inf, 2e5, "fast", None, [200]])
names = st.one_of(
    st.sampled_from([*CH_NAMES, "EEG FP1-REF", "T3", "Fc5.", "E17", "A1", "C3-C4", "ECG", "x-y"]),
    st.text(max_size=6),
)
DTYPES = [np.float64, np.float32, np.float16, np.int16, np.uint8, np.int64, bool]


@pytest.fixture(scope="module")
def embedder():
    """Fitted on nothing in particular; every example makes its own of its encoder."""
    return tiny("embedder").fit(make_eeg(n_epochs=2)).weights_


def embed(weights, X, pooling="mean", **params):
    """Features, their documented shape checked; None where a documented error was raised."""
    embedder = BrainRVQEmbedder(
        weights, pooling=pooling, spectrum=None, covariance=False, device="cpu", **params
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = embedder.fit_transform(X)
        except InvalidEEGError:
            return None
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    again = embedder.transform(X)
    np.testing.assert_allclose(again, result, atol=1e-4)
    return result


shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
signal_shapes = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 700))


@st.composite
def signals(draw):
    """An array of usable or unusable shape, whatever type, scale and offset."""
    shape = draw(st.one_of(signal_shapes, signal_shapes, shapes))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    scale = draw(st.sampled_from([0, 1e-12, 2e-5, 0.02, 1, 20, 1e4, 1e30]))
    X = rng.normal(scale=scale, size=shape) + draw(st.sampled_from([0, 1, -1e5, 1e8]))
    kind = draw(st.sampled_from(DTYPES))
    with np.errstate(all="ignore"):
        X = np.asarray(X).astype(kind)
    if X.size and X.dtype.kind == "f" and draw(st.integers(0, 4)) == 0:
        X.flat[draw(st.integers(0, X.size - 1))] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return X


def is_usable(X, sfreq, ch_names):
    """Whether an array in microvolts must be taken."""
    if X.ndim != 3 or X.size == 0:
        return False
    named = ch_names is None or len(ch_names) == X.shape[1] == len(set(ch_names))
    rate = isinstance(sfreq, (int, float)) and 1 <= sfreq <= 1e5
    return named and rate and bool((np.abs(X.astype(np.float64)) < 1e6).all())


@quick
@given(
    X=signals(),
    sfreq=st.one_of(rates, rates, odd_rates),
    ch_names=st.one_of(st.none(), st.lists(names, max_size=4), st.just("Cz"), st.just(3)),
    unit=st.sampled_from(["uV", "uV", "mV", "V", "kV", None]),
    pooling=st.sampled_from(["mean", "channel", "mean_std", "cls", "mean_cls"]),
)
def test_array__anything__a_finite_row_an_epoch_or_an_error(
    embedder, X, sfreq, ch_names, unit, pooling
):
    try:
        result = embed(embedder, X, pooling, sfreq=sfreq, ch_names=ch_names, unit=unit)
    except ValueError:
        assert X.ndim < 3  # scikit-learn's own words
        return
    if result is None:
        list_of_names = ch_names is None or isinstance(ch_names, list)
        assert unit != "uV" or not list_of_names or not is_usable(X, sfreq, ch_names)
        return
    n_channels = X.shape[1] if X.ndim == 3 else 1
    width = {"channel": 100 * n_channels, "mean_std": 200}.get(pooling, 100)
    assert result.shape == (len(X), width)


@quick
@given(
    ch_names=st.lists(names.filter(bool), min_size=1, max_size=5, unique=True),
    kinds=st.sampled_from(["eeg", "eeg", "misc"]),
    sfreq=st.floats(1, 2000),
    n_times=st.integers(1, 3000),
    window=st.one_of(st.floats(0.05, 4), st.sampled_from([0, -1, np.nan, "1", 1e-4])),
    overlap=st.one_of(st.just(0), st.floats(0, 4)),
    broken=st.sampled_from([0, 0, 0, np.nan, np.inf]),
)
def test_raw__anything__rows_of_its_windows_or_an_error(
    embedder, ch_names, kinds, sfreq, n_times, window, overlap, broken
):
    data = np.random.default_rng(0).normal(scale=20e-6, size=(len(ch_names), n_times))
    data[-1, n_times // 2] += broken
    raw = mne.io.RawArray(data, mne.create_info(ch_names, sfreq, kinds), verbose="error")
    result = embed(embedder, raw, window=window, overlap=overlap)
    if result is None:
        return
    length, step = round(window * 200), round((window - overlap) * 200)
    n_windows = 1 + (n_times * 200 / sfreq - length) / step
    assert kinds == "eeg"
    # A sample more or less: the recording's length need not be whole samples of 200 Hz.
    assert abs(len(result) - n_windows) <= 1 + 1 / step
    assert result.shape[1] == 100


@settings(quick, max_examples=30)
@given(
    sizes=st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 900)),
        min_size=1,
        max_size=4,
    ),
    where=st.one_of(st.none(), st.integers(0, 3)),
)
def test_list_of_arrays__anything__in_order_or_an_error_with_the_item(embedder, sizes, where):
    parts = [make_eeg(*size, seed=i) for i, size in enumerate(sizes)]
    spoilt = where is not None and where < len(parts)
    if spoilt:
        parts[where][-1, -1, -1] = np.nan
        with pytest.raises(InvalidEEGError, match=f"Item {where} of the list"):
            BrainRVQEmbedder(embedder, sfreq=200, device="cpu").fit_transform(parts)
        return
    result = embed(embedder, parts, sfreq=200)
    alone = np.concatenate([embed(embedder, part, sfreq=200) for part in parts])
    np.testing.assert_allclose(result, alone, atol=1e-4)
