"""Filters and resampler that see the past only: against SciPy, MNE and those of recordings."""

from itertools import pairwise

import mne
import numpy as np
import pytest
from scipy import signal

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.causal_filters import (
    CausalFilter,
    causal_sections,
    filter_delay,
    settling_time,
)
from sk_brainrvq.signals.filters.causal_resampling import (
    CausalResampler,
    resample_causally,
    resampling_delay,
)
from sk_brainrvq.signals.filters.resampling import resample
from sk_brainrvq.signals.filters.settings import FilterSettings

BAND = FilterSettings(l_freq=0.5, h_freq=45.0, notch=50.0)


def in_chunks(process, x, seed):
    """What ``process`` makes of random chunks, one after the other."""
    rng = np.random.default_rng(seed)
    edges = [0, *np.sort(rng.integers(0, x.shape[1], 20)), x.shape[1]]
    parts = [process(x[:, a:b]) for a, b in pairwise(edges) if b > a]
    return np.concatenate(parts, axis=1)


def test_causal_filter__random_chunks__equals_scipy_on_the_whole():
    x = np.random.default_rng(0).normal(size=(3, 2000)) + [[0], [500], [-3e4]]
    sections = causal_sections(BAND, 500)
    state = signal.sosfilt_zi(sections)[:, None] * x[:, :1]
    whole, _ = signal.sosfilt(sections, x, zi=state)
    for seed in range(3):
        assert np.allclose(in_chunks(CausalFilter(sections).process, x, seed), whole, atol=1e-9)
    assert abs(whole[:, 0]).max() < 1e-6  # an offset makes no step


def test_causal_sections__gain__half_where_that_of_mne_is_half():
    frequencies, sfreq = np.array([0.25, 1, 5, 10, 30, 40, 45 + 11.25 / 2]), 500
    taps = mne.filter.create_filter(None, sfreq, 0.5, 45, verbose="error")
    wanted = abs(signal.freqz(taps, worN=frequencies, fs=sfreq)[1])
    band = causal_sections(FilterSettings(l_freq=0.5, h_freq=45.0), sfreq)
    found = abs(signal.freqz_sos(band, worN=frequencies, fs=sfreq)[1])
    assert np.allclose(found[[0, -1]], 0.5, atol=0.01)
    assert np.allclose(found, wanted, atol=0.08)
    hum = causal_sections(FilterSettings(notch=50.0), sfreq)
    gains = abs(signal.freqz_sos(hum, worN=[10, 45, 50, 100, 200], fs=sfreq)[1])
    assert np.allclose(gains[2:], 0, atol=1e-6)
    assert np.allclose(gains[:2], 1, atol=0.05)


def test_settling_time__two_starts__agree_afterwards_to_a_hundredth():
    x = np.random.default_rng(0).normal(size=(1, 6000))
    sections = causal_sections(BAND, 500)
    step = CausalFilter(sections)
    step.process(np.ones((1, 1)))
    difference = CausalFilter(sections).process(x) - step.process(x)
    settled = int(settling_time(sections, 500) * 500)
    assert abs(difference[:, settled:]).max() < 0.01 * abs(difference).max()
    assert 500 < settled < 2500


@pytest.mark.parametrize("sfreq", [128, 250, 500, 512])
def test_causal_resampler__random_chunks__equals_the_whole_and_passes_what_resample_does(sfreq):
    x = np.random.default_rng(0).normal(size=(2, 4 * sfreq + 3))
    whole = resample_causally(x, sfreq)
    assert whole.shape == (2, -(-x.shape[1] * 200 // sfreq))
    for seed in range(3):
        assert np.allclose(in_chunks(CausalResampler(sfreq).process, x, seed), whole, atol=1e-12)
    # One sample at a time none is early, and none is left waiting.
    single = CausalResampler(sfreq)
    made = np.cumsum([single.process(x[:, [i]]).shape[1] for i in range(100)])
    assert made.tolist() == [-(-(i + 1) * 200 // sfreq) for i in range(100)]
    # Amplitudes are those of the symmetric filter.
    power = [(abs(np.fft.rfft(y[:, 100:700])) ** 2).sum() for y in (whole, resample(x, sfreq))]
    assert power[0] == pytest.approx(power[1], rel=0.02)


def middle_of_burst(x, sfreq):
    """Seconds at which the envelope of a burst has its middle."""
    envelope = abs(signal.hilbert(x)) ** 2
    return (envelope * np.arange(len(x))).sum() / envelope.sum() / sfreq


def test_delays__bursts_of_a_frequency__come_as_late_as_they_say():
    for sfreq, frequency in ((250, 10.0), (512, 40.0), (128, 12.0), (1000, 10.0)):
        times = np.arange(-4, 4, 1 / sfreq)
        burst = np.exp(-((times / 0.4) ** 2)) * np.cos(2 * np.pi * frequency * times)
        middle = middle_of_burst(burst, sfreq)
        resampled = middle_of_burst(resample_causally(burst[None], sfreq)[0], 200)
        delay = resampling_delay(sfreq, frequency)
        assert resampled - middle == pytest.approx(delay, abs=2e-4)
        assert 0.01 < delay < 0.03
        sections = causal_sections(FilterSettings(l_freq=0.5, h_freq=45.0), sfreq)
        filtered = middle_of_burst(CausalFilter(sections).process(burst[None])[0], sfreq)
        assert filtered - middle == pytest.approx(
            filter_delay(sections, sfreq, frequency), abs=5e-4
        )


def test_causal_resampler__rate_without_small_ratio__says_to_pass_the_nominal_one():
    for sfreq in (499.907, 200.001, 1234.5):
        with pytest.raises(InvalidEEGError, match="Pass the nominal rate of the amplifier"):
            CausalResampler(sfreq)
