"""Checks of chunks, their timestamps, and the settings of a stream."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ
from sk_brainrvq.signals.sources.arrays import to_numbers

_LARGEST_MICROVOLTS = 1e9
# Relative deviation from which timestamps show another rate rather than jitter.
_RATE_TOLERANCE = 0.01
# Minimum number of samples of a chunk whose timestamps determine the rate.
_FEWEST_TIMESTAMPS = 4
# Tolerance for seconds that should be whole samples.
_SHARE_OF_SAMPLE = 1e-3


def checked_chunk(
    chunk: Any, n_channels: int, ch_names: Sequence[str] | None, to_microvolts: float, unit: str
) -> NDArray:
    """Check a chunk and convert it to microvolts.

    Parameters
    ----------
    chunk : array-like, shape (n_channels, n_times)
    n_channels : int
    ch_names : sequence of str, or None
    to_microvolts : float
    unit : str
        Unit of the stream, for the message.

    Returns
    -------
    ndarray, shape (n_channels, n_times), float64

    Raises
    ------
    InvalidEEGError
        For another shape, anything but real numbers, NaN, infinity or absurd amplitudes.
    """
    try:
        array = np.asarray(to_numbers(chunk))
    except ValueError as error:
        if isinstance(error, InvalidEEGError):
            raise
        raise InvalidEEGError(
            f"The chunk is a {type(chunk).__name__} that cannot be converted to an array: {error}. "
            f"Expected shape ({n_channels}, n_times)."
        ) from error
    if array.dtype.kind not in "iuf":
        raise InvalidEEGError(
            f"The chunk has dtype {array.dtype}; expected real numbers, shape ({n_channels}, "
            "n_times)."
        )
    _check_shape(array, n_channels)
    microvolts = array.astype(np.float64) * to_microvolts
    usable = np.abs(microvolts) <= _LARGEST_MICROVOLTS  # False for NaN too
    if not usable.all():
        channel, sample = np.argwhere(~usable)[0].tolist()
        name = f"channel {channel}" if ch_names is None else repr(ch_names[channel])
        raise InvalidEEGError(_unusable(microvolts[channel, sample], name, sample, unit))
    return microvolts


def _check_shape(array: NDArray, n_channels: int) -> None:
    if array.ndim == 2 and array.shape[0] == n_channels:
        return
    remedy = ""
    if array.ndim == 2 and array.shape[1] == n_channels:
        remedy = " Its axes are swapped: pass chunk.T."
    elif array.ndim == 1 and len(array) == n_channels:
        remedy = " For one sample of all channels, pass chunk[:, None]."
    elif array.ndim == 1 and n_channels == 1:
        remedy = " For samples of one channel, pass chunk[None]."
    elif array.ndim == 2:
        remedy = " Select the channels of ch_names, in their order, before calling push."
    raise InvalidEEGError(
        f"The chunk has shape {array.shape}; expected ({n_channels}, n_times), one row per channel "
        f"of the stream.{remedy}"
    )


def _unusable(value: float, name: str, sample: int, unit: str) -> str:
    if np.isfinite(value):
        return (
            f"The chunk holds {value:.3g} microvolts, first at {name}, sample {sample}; EEG stays "
            f"far below {_LARGEST_MICROVOLTS:.0e}. Check unit={unit!r}."
        )
    what = "NaN" if np.isnan(value) else "infinity"
    return (
        f"The chunk contains {what}, first at {name}, sample {sample}. The filters would never "
        "recover from it: repeat the last good value of the channel, or leave these samples out "
        "and call reset()."
    )


def checked_timestamps(timestamps: Any, n_times: int, sfreq: float) -> NDArray | None:
    """Check the timestamps of the samples of a chunk; raise InvalidEEGError if they are invalid.

    Parameters
    ----------
    timestamps : array-like, shape (n_times,), or None
        In seconds.
    n_times : int
    sfreq : float
        Of the stream, in Hz.

    Returns
    -------
    ndarray, shape (n_times,), float64; or None
    """
    if timestamps is None:
        return None
    try:
        times = np.asarray(timestamps, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidEEGError(
            f"timestamps of type {type(timestamps).__name__} were given, which are not numbers; "
            "expected one timestamp in seconds per sample of the chunk."
        ) from error
    if times.shape != (n_times,):
        raise InvalidEEGError(
            f"timestamps of shape {times.shape} were given for a chunk of {n_times} samples; "
            f"expected ({n_times},): one in seconds per sample."
        )
    if not np.isfinite(times).all():
        raise InvalidEEGError("timestamps contain NaN or infinity; expected seconds.")
    if n_times >= _FEWEST_TIMESTAMPS:
        period = float(np.median(np.diff(times)))
        if not abs(period * sfreq - 1) < _RATE_TOLERANCE:
            seen = f"{1 / period:.5g} Hz" if period > 0 else "no rate at all"
            raise InvalidEEGError(
                f"Timestamps of the chunk advance by {period:.4g} s per sample, which is {seen}, "
                f"but the stream was set up with sfreq={sfreq:g}. Set up a StreamingEmbedder with "
                "the rate of the stream."
            )
    return times


def find_gaps(times: NDArray, before: float | None, sfreq: float) -> list[int]:
    """Samples of a chunk that do not directly follow the previous one.

    Parameters
    ----------
    times : ndarray, shape (n_times,)
    before : float or None
        Timestamp of the last sample before the chunk.
    sfreq : float
        In Hz.

    Returns
    -------
    list of int
        Samples that are early or late by more than half a sample.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.streaming.chunk_checks import find_gaps
    >>> find_gaps(np.array([1.00, 1.01, 1.05, 1.06]), before=0.99, sfreq=100)
    [2]
    """
    first = times[:1] - 1 / sfreq if before is None else np.array([before])
    steps = np.diff(np.concatenate([first, times])) * sfreq
    return np.flatnonzero(np.abs(steps - 1) > 0.5).tolist()


def describe_gap(gap: int, times: NDArray | None, before: float | None, sfreq: float) -> str:
    """Beginning of a sentence on a gap that `find_gaps` found."""
    times = np.asarray(times)
    last = times[gap - 1] if gap else before
    step = float(times[gap] - last)
    missing = step - 1 / sfreq
    what = f"a gap of {missing:.4g} s" if missing > 0 else f"a jump back by {-missing:.4g} s"
    return f"Timestamps show {what} before sample {gap} of the chunk, at {times[gap]:.6g} s"


def checked_samples(name: str, seconds: Any) -> int:
    """Samples at 200 Hz of a window or step; raise InvalidEEGError unless it is a whole number."""
    is_number = isinstance(seconds, Real) and not isinstance(seconds, bool)
    samples = float(seconds) * TARGET_SFREQ if is_number else 0.0
    whole = round(samples) if np.isfinite(samples) else 0
    if whole < 1 or abs(samples - whole) > _SHARE_OF_SAMPLE:
        raise InvalidEEGError(
            f"{name}={seconds!r} was given; expected seconds above 0, in steps of 0.005 (a sample "
            "at 200 Hz)."
        )
    return whole
