"""Windows that a continuous recording is cut into."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ, resampled_length
from sk_brainrvq.signals.sources.annotations import overlapping_marks


def window_grid(n_times: int, window: float, overlap: float) -> tuple[NDArray, int]:
    """Starts of windows in a recording at 200 Hz, and their length.

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
            f"window={window!r} and overlap={overlap!r} seconds were given, but windows would be "
            "shorter, or start closer together, than one sample at 200 Hz."
        )
    if n_times < length:
        raise InvalidEEGError(
            f"The recording lasts {n_times / TARGET_SFREQ:.2f} s, less than one window of {window} "
            "s; pass a shorter window=..."
        )
    return np.arange(0, n_times - length + 1, step), length


def window_starts(raw: Any, window: float, overlap: float = 0.0) -> NDArray:
    """Starts of a recording's windows, in seconds from its beginning.

    Parameters
    ----------
    raw : mne.io.Raw
    window, overlap : float
        Length and overlap in seconds, as in an estimator.

    Returns
    -------
    ndarray, shape (n_windows,)
        One start for each row that an estimator returns. Windows that overlap an annotation
        beginning with BAD or EDGE are left out, and so is the remainder at the end.

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
            "windows were counted: it has changed. Make its Recordings again."
        )
    windows = np.empty((len(starts), len(signals), length), dtype=np.float32)
    for window, start in zip(windows, starts, strict=True):
        window[:] = signals[:, start : start + length]
    return windows
