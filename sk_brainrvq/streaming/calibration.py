"""EEG of the current person, for learning a centre before the stream begins."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.sources.annotations import is_bad_sample

_TO_MICROVOLTS = 1e6


def is_raw(X: Any) -> bool:
    """Whether X is a recording of MNE."""
    return hasattr(X, "info") and hasattr(X, "annotations") and hasattr(X, "n_times")


def read_raw(raw: Any, ch_names: Sequence[str] | None, sfreq: float) -> tuple[NDArray, NDArray]:
    """Signals of a recording in the form that the stream would have.

    Parameters
    ----------
    raw : mne.io.Raw
    ch_names : sequence of str, or None
        Channels of the stream.
    sfreq : float
        Of the stream, in Hz.

    Returns
    -------
    microvolts : ndarray, shape (n_channels, n_times)
    is_bad : ndarray of bool, shape (n_times,)
        Samples annotated as BAD or EDGE.

    Raises
    ------
    InvalidEEGError
        If the rate differs or channels of the stream are missing.
    """
    rate = float(raw.info["sfreq"])
    if rate != sfreq:
        raise InvalidEEGError(
            f"The recording for calibration has {rate:g} Hz, but the stream has {sfreq:g} Hz; the "
            f"same causal filters need the same rate. Pass raw.copy().resample({sfreq:g})."
        )
    names = list(raw.ch_names) if ch_names is None else list(ch_names)
    missing = [name for name in names if name not in raw.ch_names]
    if missing:
        raise InvalidEEGError(
            f"Channels {missing} of the stream are missing from the recording for calibration, "
            f"which has {list(raw.ch_names)}. Rename its channels with raw.rename_channels."
        )
    return raw.get_data(picks=names) * _TO_MICROVOLTS, is_bad_sample(raw)


def usable_ends(n_samples: int, n_window: int, n_before: int, is_bad: NDArray) -> list[int]:
    """Ends of the windows that a centre is learnt from: consecutive and without bad samples.

    Parameters
    ----------
    n_samples : int
        At 200 Hz.
    n_window : int
        Samples of a window.
    n_before : int
        Samples to skip at the start, while filters settle.
    is_bad : ndarray of bool
        Mask of all samples, at any rate.

    Returns
    -------
    list of int

    Raises
    ------
    InvalidEEGError
        If there is none.
    """
    scale = len(is_bad) / n_samples
    ends = [
        end
        for end in range(n_before + n_window, n_samples + 1, n_window)
        if not is_bad[int((end - n_window) * scale) : int(np.ceil(end * scale))].any()
    ]
    if not ends:
        raise InvalidEEGError(
            f"The EEG for calibration is {n_samples / 200:.3g} s long and has no usable window of "
            f"{n_window / 200:g} s: the first {n_before / 200:.3g} s are left out, while the "
            "filters settle, and so are samples annotated as BAD. Pass a few minutes."
        )
    return ends
