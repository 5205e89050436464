"""From what a user hands over to blocks of epochs with names, rate and unit."""

import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.electrodes import check_ch_names
from sk_brainrvq.signals.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.resampling import TARGET_SFREQ
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
    """

    data: NDArray
    to_microvolts: float
    sfreq: float
    ch_names: list[str] | None
    index: NDArray

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.data.shape[1]


def is_mne_epochs(X: Any) -> bool:
    """Whether X is an ``mne.Epochs`` (of any kind), without importing MNE."""
    mne = sys.modules.get("mne")
    return mne is not None and isinstance(X, mne.BaseEpochs)


def is_list_of_epochs(X: Any) -> bool:
    """Whether X is a list of Epochs, as scikit-learn's indexing makes of Epochs."""
    return isinstance(X, (list, tuple)) and len(X) > 0 and all(is_mne_epochs(x) for x in X)


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
    return [EpochBlock(X, UNITS[unit], rate, names, np.arange(len(X)))]


def blocks_from_epochs(X: Any) -> list[EpochBlock]:
    """Blocks of ``mne.Epochs`` or of a list of them.

    Parameters
    ----------
    X : mne.Epochs or list of mne.Epochs

    Returns
    -------
    list of EpochBlock
        Epochs of the same channels, rate and length share a block.
    """
    items = [X] if is_mne_epochs(X) else list(X)
    gathered: dict[tuple, list[tuple[int, NDArray]]] = {}
    start = 0
    for epochs in items:
        names = _eeg_channels(epochs)
        data = epochs.get_data(picks=names, verbose="error")
        key = (tuple(names), float(epochs.info["sfreq"]), data.shape[-1])
        gathered.setdefault(key, []).append((start, data))
        start += len(data)
    if start == 0:
        raise InvalidEEGError("The Epochs hold no epoch (0 samples); all were dropped or none cut.")
    return [
        EpochBlock(
            np.concatenate([data for _, data in pieces]),
            UNITS["V"],
            sfreq,
            list(names),
            np.concatenate([np.arange(first, first + len(data)) for first, data in pieces]),
        )
        for (names, sfreq, _), pieces in gathered.items()
    ]


def _eeg_channels(epochs: Any) -> list[str]:
    """Names of the good EEG channels; the others are listed in a warning."""
    names, types = epochs.ch_names, epochs.get_channel_types()
    bads = set(epochs.info["bads"])
    kept = [n for n, kind in zip(names, types, strict=True) if kind == "eeg" and n not in bads]
    left_out = [name for name in names if name not in kept]
    if not kept:
        raise InvalidEEGError(
            f"The Epochs hold no good EEG channel: their channels are of type {sorted(set(types))} "
            f"and {len(bads)} are marked bad. Set types with set_channel_types, or clear "
            "info['bads']."
        )
    if left_out:
        message = f"Left out, as bad or not EEG: {', '.join(left_out)}."
        warnings.warn(message, EEGWarning, stacklevel=2)
    return kept
