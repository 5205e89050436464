"""Input of rivals: scale, channels, rate."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

_LATER_NAMES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}


def hundred_microvolts(X: NDArray) -> NDArray:
    """Convert to units of 100 microvolts: input of the protocol, LaBraM and CBraMod."""
    return (X / 100).astype(np.float32)


def by_percentile(X: NDArray) -> NDArray:
    """Divide each channel of a window by the 95th percentile of its magnitude, as for BIOT."""
    size = np.quantile(np.abs(X), 0.95, axis=-1, keepdims=True)
    return (X / (size + 1e-8)).astype(np.float32)


def by_range_with_scale(X: NDArray) -> NDArray:
    """Scale windows to -1 to 1, and add a channel with their original amplitude, as for BENDR.

    The authors relate the amplitude to a data set's largest value; here it is related to 1 mV, so
    that nothing is learnt from other windows.
    """
    low, high = X.min((1, 2), keepdims=True), X.max((1, 2), keepdims=True)
    stretched = 2 * (X - low) / np.maximum(high - low, 1e-8) - 1
    scale = 2 * np.clip((high - low) / 1000, 0, 1) - 1
    scale = np.broadcast_to(scale, (len(X), 1, X.shape[-1]))
    return np.concatenate([stretched, scale], axis=1).astype(np.float32)


def as_bendr_was_trained(X: NDArray, ch_names: Sequence[str]) -> tuple[NDArray, list[str]]:
    """Select the 19 channels of BENDR's published weights in order, at their 256 Hz.

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_channels, n_times)
        At 200 Hz.
    ch_names : sequence of str

    Returns
    -------
    tuple of ndarray and list of str

    Raises
    ------
    ValueError
        If one of the 19 is missing: the first convolution is tied to them.
    """
    from braindecode.models.bendr import BENDR_CHANNEL_ORDER

    row = {_LATER_NAMES.get(name.upper(), name.upper()): i for i, name in enumerate(ch_names)}
    wanted = [_LATER_NAMES.get(name, name) for name in BENDR_CHANNEL_ORDER if name != "SCALE"]
    missing = [name for name in wanted if name not in row]
    if missing:
        raise ValueError(f"--pretrained: BENDR's weights need the channels {missing} too.")
    chosen = X[:, [row[name] for name in wanted]]
    return resample_poly(chosen, 32, 25, axis=-1).astype(np.float32), wanted


def labram_names(ch_names: Sequence[str]) -> list[str]:
    """Find names for channels in LaBraM's table of positions.

    Parameters
    ----------
    ch_names : sequence of str
        A bipolar pair missing from the table takes the position of its first electrode.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a channel is in the table under no name.
    """
    from braindecode.models.labram import LABRAM_CHANNEL_ORDER

    known = {name.upper() for name in LABRAM_CHANNEL_ORDER}
    names = []
    for name in ch_names:
        electrodes = name.upper().split("-")
        pair = "-".join(_LATER_NAMES.get(electrode, electrode) for electrode in electrodes)
        fitting = [n for n in (name.upper(), pair, electrodes[0]) if n in known]
        if not fitting:
            raise ValueError(f"LaBraM has no position for channel {name!r}.")
        names.append(fitting[0])
    return names
