"""Filters for signals shorter than the filter MNE would design."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, idct

_HUM_PERIODS = 2
# Amplitude and phase of hum may follow a polynomial with one degree per second, up to this one:
# the lowest degree gave the smallest error on short epochs, this one on epochs of 3 s or more.
_MAX_HUM_DEGREE = 3


def mirrored_band_pass(
    signals: NDArray,
    sfreq: float,
    low: float | None,
    high: float | None,
    low_transition: float,
    high_transition: float,
) -> NDArray:
    """Zero-phase band-pass of signals continued endlessly by their mirror image.

    The cosine transform is the spectrum of that continuation, so a gain for each of its
    coefficients filters it with a filter of any length.

    Parameters
    ----------
    signals : ndarray, shape (..., n_times)
    sfreq : float
    low, high : float or None
        Edges of the pass band in Hz.
    low_transition, high_transition : float
        Width in Hz from the pass band to where nothing passes.

    Returns
    -------
    ndarray, shape (..., n_times)
    """
    n_times = signals.shape[-1]
    frequencies = np.arange(n_times) * sfreq / (2 * n_times)
    gain = np.ones(n_times)
    if low is not None:
        gain *= _smooth_step((frequencies - low) / low_transition + 1)
    if high is not None:
        gain *= _smooth_step((high - frequencies) / high_transition + 1)
    coefficients = dct(signals, type=2, norm="ortho", axis=-1)
    coefficients *= gain
    return idct(coefficients, type=2, norm="ortho", axis=-1, overwrite_x=True)


def _smooth_step(x: NDArray) -> NDArray:
    """0 up to 0, 1 from 1 onwards, half a cosine between."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0, 1))


def shows_hum(n_times: int, sfreq: float, notch: float) -> bool:
    """Whether signals hold two periods of hum, enough to tell it from EEG."""
    return n_times / sfreq >= _HUM_PERIODS / notch


def subtract_hum(signals: NDArray, sfreq: float, harmonics: list[float]) -> NDArray:
    """Subtract the best-fitting sinusoids, with slowly changing amplitude and phase.

    Parameters
    ----------
    signals : ndarray, shape (..., n_times)
    sfreq : float
    harmonics : list of float
        Frequencies in Hz.

    Returns
    -------
    ndarray, shape (..., n_times)
    """
    n_times = signals.shape[-1]
    # At most a quarter of the signal's degrees of freedom.
    degree = max(0, min(_MAX_HUM_DEGREE, int(n_times / sfreq), n_times // 8 - 1))
    times = np.arange(n_times) / sfreq
    envelopes = np.linspace(-1, 1, n_times) ** np.arange(degree + 1)[:, None]
    for frequency in harmonics:
        turns = 2 * np.pi * frequency * times
        waves = np.concatenate([envelopes * np.cos(turns), envelopes * np.sin(turns)])
        basis, sizes, _ = np.linalg.svd(waves.T, full_matrices=False)
        # Near the Nyquist frequency cosine and sine are almost one.
        basis = basis[:, sizes > 1e-6 * sizes[0]]
        signals = signals - (signals @ basis) @ basis.T
    return signals
