"""Cut signals into windows."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def regular_windows(signals: NDArray, n_times: int) -> NDArray:
    """Cut signals into consecutive windows, dropping an incomplete one at the end.

    Parameters
    ----------
    signals : ndarray, shape (n_channels, n_samples)
    n_times : int

    Returns
    -------
    ndarray, shape (n_windows, n_channels, n_times), float32
    """
    n_windows = signals.shape[1] // n_times
    cut = signals[:, : n_windows * n_times].reshape(len(signals), n_windows, n_times)
    return cut.transpose(1, 0, 2).astype(np.float32)


def windows_at(signals: NDArray, starts: ArrayLike, n_times: int, *, wrap: bool = False) -> NDArray:
    """Cut windows that begin at given samples.

    Parameters
    ----------
    signals : ndarray, shape (n_channels, n_samples)
    starts : array-like of int, shape (n_windows,)
    n_times : int
    wrap : bool, default=False
        Whether windows that cross an edge continue at the other end of the signals; otherwise
        all windows must lie inside.

    Returns
    -------
    ndarray, shape (n_windows, n_channels, n_times), float32
    """
    samples = np.asarray(starts, np.intp).reshape(-1, 1) + np.arange(n_times)
    cut = np.take(signals, samples, axis=1, mode="wrap" if wrap else "raise")
    return np.ascontiguousarray(cut.transpose(1, 0, 2), np.float32)
