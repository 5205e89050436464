"""Resampling from a stream's rate to 200 Hz with a causal filter."""

import math
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.signal import minimum_phase, upfirdn

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ, polyphase_kernel, rate_ratio

# The kernel has 48 times this length; beyond, finding its minimum phase takes seconds.
_LARGEST_TERM = 1000
# Samples of the result computed at once.
_PIECE = 4096


class CausalResampler:
    """Resamples chunks as if they were one signal.

    Parameters
    ----------
    sfreq : float
        Rate of the signals in Hz.

    Raises
    ------
    InvalidEEGError
        Unless the ratio of 200 Hz to ``sfreq`` is a fraction of whole numbers up to 1000.

    Notes
    -----
    The filter has the pass band of `resample`, but minimum phase: when downsampling it delays EEG
    by about 12 ms, instead of the 120 ms of a symmetric filter. Sample m of the result is at the
    time m / 200 and needs no later sample of the stream. The signal before the first sample is
    assumed to be constant at its value.
    """

    def __init__(self, sfreq: float):
        self._up, self._down = _causal_ratio(sfreq)
        self._kernel = _minimum_phase_kernel(self._up, self._down)
        self.n_taps = -(-len(self._kernel) // self._up)
        padded = np.zeros(self.n_taps * self._up)
        padded[: len(self._kernel)] = self._kernel
        # Kernel of each phase, with the newest sample last.
        self._phases = padded.reshape(self.n_taps, self._up).T[:, ::-1].copy()
        self._history: NDArray | None = None
        self._n_seen = 0

    def process(self, chunk: NDArray) -> NDArray:
        """Resample the next samples.

        Parameters
        ----------
        chunk : ndarray, shape (n_channels, n_times)
            At least one sample.

        Returns
        -------
        ndarray, shape (n_channels, n_resampled)
            Resampled signals, possibly without samples.
        """
        if self._up == self._down:
            return chunk
        if self._history is None:
            self._history = np.repeat(chunk[:, :1], self.n_taps - 1, axis=1)
        joined = np.concatenate([self._history, chunk], axis=1)
        first, end = (
            -(-n * self._up // self._down) for n in (self._n_seen, self._n_seen + chunk.shape[1])
        )
        pasts = sliding_window_view(joined, self.n_taps, axis=1)
        resampled = np.empty((len(chunk), end - first))
        for start in range(first, end, _PIECE):
            newest, phase = np.divmod(
                np.arange(start, min(start + _PIECE, end)) * self._down, self._up
            )
            resampled[:, start - first : start - first + len(newest)] = np.einsum(
                "cmt,mt->cm", pasts[:, newest - self._n_seen], self._phases[phase]
            )
        self._history = joined[:, joined.shape[1] - self.n_taps + 1 :]
        self._n_seen += chunk.shape[1]
        return resampled


def resample_causally(signals: NDArray, sfreq: float) -> NDArray:
    """Resample a whole recording as `CausalResampler` does.

    Parameters
    ----------
    signals : ndarray, shape (n_channels, n_times)
    sfreq : float
        In Hz.

    Returns
    -------
    ndarray, shape (n_channels, ceil(n_times * 200 / sfreq))

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.signals.filters.causal_resampling import resample_causally
    >>> resample_causally(np.ones((2, 501)), sfreq=500).shape
    (2, 201)
    """
    up, down = _causal_ratio(sfreq)
    if up == down:
        return signals
    kernel = _minimum_phase_kernel(up, down)
    n_before = -(-len(kernel) // up) - 1
    extended = np.pad(signals, ((0, 0), (n_before, 0)), mode="edge")
    # Zeros before the kernel move the first sample onto a step of ``down``.
    shift = -n_before * up % down
    start = (n_before * up + shift) // down
    kernel = np.concatenate([np.zeros(shift), kernel])
    n_resampled = -(-signals.shape[1] * up // down)
    return upfirdn(kernel, extended, up, down, axis=-1)[:, start : start + n_resampled]


def resampling_delay(sfreq: float, frequency: float) -> float:
    """Group delay of the causal resampler at a frequency in Hz, in seconds."""
    up, down = _causal_ratio(sfreq)
    if up == down:
        return 0.0
    kernel = _minimum_phase_kernel(up, down)
    samples = np.arange(len(kernel))
    waves = kernel * np.exp(-2j * np.pi * frequency / (sfreq * up) * samples)
    return float(np.real((samples * waves).sum() / waves.sum())) / (sfreq * up)


def _causal_ratio(sfreq: float) -> tuple[int, int]:
    ratio = rate_ratio(sfreq)
    exact = math.isclose(sfreq * ratio, TARGET_SFREQ, rel_tol=1e-12)
    if not exact or max(ratio.numerator, ratio.denominator) > _LARGEST_TERM:
        raise InvalidEEGError(
            f"sfreq={sfreq!r} was given for a stream; expected a rate whose ratio to 200 Hz is one "
            f"of whole numbers up to {_LARGEST_TERM}, such as 128, 250, 256, 500 or 2048 Hz. Pass "
            "the nominal rate of the amplifier, not a measured one."
        )
    return ratio.numerator, ratio.denominator


@lru_cache(maxsize=8)
def _minimum_phase_kernel(up: int, down: int) -> NDArray:
    kernel = minimum_phase(polyphase_kernel(up, down), method="homomorphic", half=False)
    return up * kernel / kernel.sum()
