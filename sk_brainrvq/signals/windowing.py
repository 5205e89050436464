"""Which windows a continuous recording is cut into."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ, resampled_length
from sk_brainrvq.signals.sources.annotations import overlapping_marks


def window_grid(n_times: int, window: float, overlap: float) -> tuple[NDArray, int]:
    """Where windows begin in a recording at 200 Hz, and how long they are.

    Parameters
    ----------
    n_times : int
        Samples of the recording at 200 Hz.
    window, overlap : float
        In seconds.

    Returns
    -------
    starts : ndarray of int, shape (n_windows,)
        First sample of each.
    length : int

    Raises
    ------
    InvalidEEGError
        If the recording is shorter than a window, or windows make no sense.
    """
    length = round(window * TARGET_SFREQ)
    step = round((window - overlap) * TARGET_SFREQ)
    if length < 1 or step < 1:
        raise InvalidEEGError(
            f"window={window!r} and overlap={overlap!r} seconds were given: windows would be, or "
            "start, less than one sample of 200 Hz apart."
        )
    if n_times < length:
        raise InvalidEEGError(
            f"The recording lasts {n_times / TARGET_SFREQ:.2f} s, less than one window of "
            f"{window} s; pass a shorter window=..."
        )
    return np.arange(0, n_times - length + 1, step), length


def window_starts(raw: Any, window: float, overlap: float = 0.0) -> NDArray:
    """Seconds from the beginning of a recording at which its windows start.

    Parameters
    ----------
    raw : mne.io.Raw
    window, overlap : float
        In seconds, as of an estimator.

    Returns
    -------
    ndarray, shape (n_windows,)
        One for each row that an estimator gives: without the windows that overlap an annotation
        beginning with BAD or EDGE, and the tail that fills no window.

    Examples
    --------
    >>> import mne, numpy as np
    >>> from sk_brainrvq.signals import window_starts
    >>> info = mne.create_info(["C3", "C4"], 250, "eeg")
    >>> raw = mne.io.RawArray(np.zeros((2, 250 * 32)), info, verbose=False)
    >>> _ = raw.set_annotations(mne.Annotations([7], [1], ["BAD_move"]))
    >>> window_starts(raw, window=5, overlap=0).tolist()
    [0.0, 10.0, 15.0, 20.0, 25.0]
    """
    n_times = resampled_length(raw.n_times, float(raw.info["sfreq"]))
    starts, length = window_grid(n_times, window, overlap)
    return starts[~overlapping_marks(raw, starts, length)[0]] / TARGET_SFREQ


def windows_at(signals: NDArray, starts: NDArray, length: int) -> NDArray:
    """Windows (n_windows, n_channels, length) that begin at these samples, in float32."""
    if len(starts) and starts.max() + length > signals.shape[1]:
        raise InvalidEEGError(
            f"The recording lasts {signals.shape[1] / TARGET_SFREQ:.2f} s, less than when its "
            "windows were counted: it has changed. Make Recordings of it anew."
        )
    windows = np.empty((len(starts), len(signals), length), dtype=np.float32)
    for window, start in zip(windows, starts, strict=True):
        window[:] = signals[:, start : start + length]
    return windows
