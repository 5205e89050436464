"""Resampling to 200 Hz and back, against MNE."""

from fractions import Fraction

import mne
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_brainrvq.signals.filters.resampling import rate_ratio, resample, resampled_length
from sk_brainrvq.signals.preparation import restore_signals, to_patches

RATES = (128, 160, 250, 256, 500, 512, 1000)


def band_limited(sfreq, seconds, highest=40.0, n_signals=3):
    """Sums of sines from 1 to ``highest`` Hz, exact at any rate."""
    rng = np.random.default_rng(0)
    times = np.arange(round(sfreq * seconds)) / sfreq
    frequencies = rng.uniform(1, highest, (n_signals, 12, 1))
    phases = rng.uniform(0, 2 * np.pi, (n_signals, 12, 1))
    return np.sin(2 * np.pi * frequencies * times + phases).sum(1)[None]


@pytest.mark.parametrize("sfreq", RATES)
def test_resample__middle_of_a_long_signal__equals_mne(sfreq):
    signals = band_limited(sfreq, 60)
    # Padded by whole seconds, so that MNE's result starts on a sample of 200 Hz.
    expected = mne.filter.resample(signals, up=200, down=sfreq, npad=sfreq, verbose="error")
    middle = slice(10 * 200, 50 * 200)
    error = (resample(signals, sfreq) - expected)[..., middle]
    assert np.abs(error).max() < 0.01 * expected.std()


@pytest.mark.parametrize("sfreq", RATES)
def test_resample__sines__equal_the_same_sines_at_200_hz(sfreq):
    error = resample(band_limited(sfreq, 20), sfreq) - band_limited(200, 20)
    assert np.abs(error[..., 400:-400]).max() < 0.02


@pytest.mark.parametrize("sfreq", RATES)
@pytest.mark.parametrize("seconds", [1, 5, 30])
def test_resample__whole_seconds__length_is_exact(sfreq, seconds):
    assert resample(np.zeros((2, 1, sfreq * seconds)), sfreq).shape == (2, 1, 200 * seconds)


@pytest.mark.parametrize("sfreq", [100.3, 173.61])
def test_resample__odd_rate__length_and_content_are_right(sfreq):
    resampled = resample(band_limited(sfreq, 30, highest=30), sfreq)
    assert resampled.shape[-1] == pytest.approx(6000, abs=3)
    expected = band_limited(200, 30, highest=30)
    middle = slice(400, 5600)
    assert np.abs(resampled[..., middle] - expected[..., middle]).max() < 0.1 * expected.std()


def test_resample__rate_of_the_network__hands_the_signal_back():
    signals = band_limited(200, 2)
    np.testing.assert_array_equal(resample(signals, 200.0), signals)


def test_resample__content_above_the_new_nyquist__is_removed():
    times = np.arange(20_000) / 1000
    hum = np.sin(2 * np.pi * 150 * times)[None, None]
    assert np.abs(resample(hum, 1000)[..., 200:-200]).max() < 0.01


def test_resample__constant_offset__is_kept_to_the_edges():
    np.testing.assert_allclose(resample(np.full((1, 1, 1280), 7.0), 128), 7.0, rtol=1e-3)


@pytest.mark.parametrize("sfreq", [200, *RATES])
def test_restore__band_limited_signals__come_back(sfreq):
    signals = 50 * band_limited(sfreq, 10.3)
    n_times = signals.shape[-1]
    patches = to_patches(resample(signals / 100, sfreq))
    restored = restore_signals(patches, sfreq, n_times)
    assert restored.shape == signals.shape
    assert restored.dtype == np.float32
    error = (restored - signals)[..., sfreq:-sfreq]
    assert np.abs(error).max() < 0.01 * signals.std()


@pytest.mark.parametrize("sfreq", [128, 200, 250, 512])
@pytest.mark.parametrize("n_times", [1, 7, 100, 199, 201, 777])
def test_restore__any_length__is_given_back_exactly(sfreq, n_times):
    resampled = resample(np.ones((2, 3, n_times)), sfreq)
    patches = to_patches(resampled)
    # What fills up the last patch can be anything once it went through codes.
    patches.reshape(2, 3, -1)[..., resampled.shape[-1] :] = -50
    restored = restore_signals(patches, sfreq, n_times)
    assert restored.shape == (2, 3, n_times)
    # Patches are in 100 µV.
    np.testing.assert_allclose(restored, 100, rtol=0.01)


@pytest.mark.parametrize(
    ("sfreq", "expected"),
    [
        (500, Fraction(2, 5)),
        (173.61, Fraction(20_000, 17_361)),
        (512 / 3, Fraction(75, 64)),
        (1000 / 3, Fraction(3, 5)),
        (99_991, Fraction(200, 99_991)),
        (3.7, Fraction(2000, 37)),
    ],
)
def test_rate_ratio__rate_that_is_a_fraction__is_exact(sfreq, expected):
    assert rate_ratio(sfreq) == expected


@settings(deadline=None)
@given(st.floats(1, 1e5), st.sampled_from([200.0, 256.0, 173.61]))
def test_rate_ratio__any_rate__drifts_less_than_half_a_sample_in_thirty_seconds(sfreq, target):
    ratio = rate_ratio(sfreq, target)
    slower = min(sfreq, target)
    assert 30 * slower * abs(float(ratio) * sfreq / target - 1) < 0.5
    assert rate_ratio(target, sfreq) == 1 / ratio
    # The filter has 48 times as many taps.
    assert max(ratio.numerator, ratio.denominator) <= 200_000


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 600)),
    rates=st.permutations([1.0, 37.5, 100.0, 173.61, 200.0, 256.0, 499.907, 2048.0, 1e5]),
    offset=st.sampled_from([0.0, 1e5]),
)
def test_resample__any_shape_and_rates__finite_of_the_documented_length(shape, rates, offset):
    sfreq, target = rates[:2]
    n_times = min(shape[-1], int(1 + 2e5 * sfreq / target))
    signals = offset + np.random.default_rng(0).normal(size=(*shape[:-1], n_times))
    before = signals.copy()
    resampled = resample(signals, sfreq, target)
    ratio = rate_ratio(sfreq, target)
    length = int(np.ceil(n_times * ratio))
    assert resampled.shape == (*shape[:-1], length)
    assert length == resampled_length(n_times, sfreq, target)
    assert resampled_length(length, target, sfreq) >= n_times
    assert np.isfinite(resampled).all()
    np.testing.assert_array_equal(signals, before)


@settings(deadline=None, max_examples=40)
@given(
    n_times=st.integers(1, 400),
    sfreq=st.sampled_from([37.5, 128.0, 250.0, 499.907, 1024.0]),
    slope=st.floats(-10, 10),
)
def test_resample__straight_line__stays_straight_to_both_ends(n_times, sfreq, slope):
    line = 1e5 + slope * np.arange(n_times) / sfreq
    resampled = resample(line, sfreq)
    slope_kept = slope if n_times > 1 else 0.0
    times = np.arange(len(resampled)) / (sfreq * float(rate_ratio(sfreq)))
    np.testing.assert_allclose(resampled, 1e5 + slope_kept * times, atol=1e-6)


@pytest.mark.parametrize("sfreq", [173.61, 499.907, 512 / 3, 1000])
def test_resample__sinusoid__stays_in_phase_for_thirty_seconds(sfreq):
    times = np.arange(int(30 * sfreq)) / sfreq
    resampled = resample(np.sin(2 * np.pi * 20 * times), sfreq)
    expected = np.sin(2 * np.pi * 20 * np.arange(len(resampled)) / 200)
    assert np.abs(resampled - expected)[200:-200].max() < 0.005


@pytest.mark.parametrize("frequency", [5, 40, 78])
def test_resample__pass_band__is_kept(frequency):
    times = np.arange(5000) / 500
    resampled = resample(np.sin(2 * np.pi * frequency * times), 500)
    expected = np.sin(2 * np.pi * frequency * np.arange(2000) / 200)
    assert np.abs(resampled - expected)[100:-100].max() < 0.005


@pytest.mark.parametrize("frequency", [101, 110, 120, 180, 240])
def test_resample__stop_band__begins_at_the_new_nyquist_frequency(frequency):
    times = np.arange(5000) / 500
    resampled = resample(np.sin(2 * np.pi * frequency * times + 1), 500)
    assert np.abs(resampled)[100:-100].max() < 0.002


@pytest.mark.parametrize("target", [400, 600, 1000])
def test_resample__up_by_a_whole_number__keeps_the_samples(target):
    signals = np.random.default_rng(0).normal(size=(2, 300))
    kept = resample(signals, 200, target)[:, :: target // 200]
    np.testing.assert_allclose(kept, signals, atol=1e-4 * np.abs(signals).max())


def test_resample__rows_of_a_large_array__equal_rows_on_their_own():
    signals = np.random.default_rng(0).normal(size=(40, 3, 50_000)).astype(np.float32)
    resampled = resample(signals, 250)  # several chunks
    assert resampled.dtype == np.float64
    for row in (0, 17, 39):
        np.testing.assert_array_equal(resampled[row], resample(signals[row], 250))


@pytest.mark.parametrize(("up", "down"), [(2, 5), (25, 32)])
@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_resample__windows_of_real_eeg__edges_no_worse_than_mnes(eegmat_folder, up, down, offset):
    raw = mne.io.read_raw_edf(eegmat_folder / "Subject05_1.edf", verbose="error")
    recording = 1e6 * raw.get_data(picks=raw.ch_names[:19:3], stop=32_000) + offset
    recording += 3 * np.random.default_rng(0).normal(size=recording.shape)
    sfreq = 200 * down / up  # the recording's rate does not matter here
    length = 3200
    n_windows = recording.shape[1] // length
    windows = recording.reshape(len(recording), n_windows, length)

    def edge_error(resampled_windows, resampled):
        expected = resampled.reshape(len(recording), n_windows, -1)[:, 1:-1]
        error = resampled_windows[:, 1:-1] - expected
        return np.sqrt(np.mean(error[..., np.r_[:20, -20:0]] ** 2))

    def mnes(signals):
        return mne.filter.resample(signals, up=up, down=down, npad=640, verbose="error")

    ours = edge_error(resample(windows, sfreq), resample(recording, sfreq))
    assert ours < 0.9 * edge_error(mnes(windows), mnes(recording))


@pytest.mark.parametrize("unit_factor", [1.0, 1e-6])
def test_resample__scale__does_not_matter(unit_factor):
    signals = band_limited(256, 3)
    np.testing.assert_allclose(
        resample(unit_factor * signals, 256), unit_factor * resample(signals, 256), rtol=1e-9
    )
