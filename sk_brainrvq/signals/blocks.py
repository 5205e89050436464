"""Blocks of epochs with names, rate and unit; arrays as blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.electrodes import check_ch_names
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ
from sk_brainrvq.signals.units import UNITS


@dataclass
class EpochBlock:
    """Epochs that share montage, rate and length, as the container held them.

    Attributes
    ----------
    data : ndarray, shape (n_epochs, n_channels, n_times)
    to_microvolts : float
        Factor from the data's unit to microvolts.
    sfreq : float
        Sampling rate in Hz.
    ch_names : list of str, or None
    index : ndarray, shape (n_epochs,)
        Position of each epoch in the caller's order.
    positions : dict of str to ndarray, or None
        Head coordinates of channels in metres, where they are known.
    unit : str or None
        As the user named it; None for MNE objects, which are in volts.
    item : int or None
        Item of the user's list that the epochs come from.
    highpass, lowpass : float
        What the signals were filtered with already, in Hz; no low-pass is None.
    filtered : bool
        Whether the user's filters have been applied (to the continuous recording).
    """

    data: NDArray
    to_microvolts: float
    sfreq: float
    ch_names: list[str] | None
    index: NDArray
    positions: dict[str, NDArray] | None = None
    highpass: float = 0.0
    lowpass: float | None = None
    filtered: bool = False
    unit: str | None = None
    item: int | None = None

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.data.shape[1]


def check_sfreq(sfreq: Any) -> float:
    """Sampling rate as float; raise InvalidEEGError unless from 1 to 100,000 Hz."""
    try:
        rate = float(sfreq)
    except (TypeError, ValueError):
        rate = float("nan")
    if not 1 <= rate <= 1e5:
        raise InvalidEEGError(
            f"sfreq={sfreq!r} was given; expected a sampling rate in Hz, from 1 to 100,000."
        )
    return rate


def blocks_from_array(
    X: NDArray, sfreq: float | None, ch_names: Sequence[str] | None, unit: str
) -> list[EpochBlock]:
    """One block of a numeric array.

    Parameters
    ----------
    X : ndarray, shape (n_epochs, n_times) or (n_epochs, n_channels, n_times)
        2-D arrays hold one channel.
    sfreq : float or None
        None means 200 Hz.
    ch_names : sequence of str, or None
    unit : {"uV", "mV", "V"}

    Returns
    -------
    list of one EpochBlock
    """
    if unit not in UNITS:
        raise InvalidEEGError(f"unit={unit!r} was given; expected one of 'uV', 'mV', 'V'.")
    if X.ndim == 2:
        X = X[:, None, :]
    if X.ndim != 3:
        raise InvalidEEGError(
            f"X has {X.ndim} dimensions {X.shape}; expected (n_epochs, n_channels, n_times), or "
            "(n_epochs, n_times) for one channel."
        )
    if 0 in X.shape:
        raise InvalidEEGError(
            f"X has shape {X.shape}; at least one epoch, one channel and one sample are needed."
        )
    names = None if ch_names is None else check_ch_names(ch_names, X.shape[1])
    rate = TARGET_SFREQ if sfreq is None else check_sfreq(sfreq)
    return [EpochBlock(X, UNITS[unit], rate, names, np.arange(len(X)), unit=unit)]
