"""Resampling to 200 Hz and back, against MNE."""

import mne
import numpy as np
import pytest

from sk_brainrvq.signals.preparation import resample, restore_signals, to_patches

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
    patches = to_patches(resample(np.ones((2, 3, n_times)), sfreq))
    assert restore_signals(patches, sfreq, n_times).shape == (2, 3, n_times)
