"""Blocks of epochs with names, rate and unit."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.bad_channels.channel_faults import Fault

# Float64 samples held at once while a block is converted.
_CHUNK_SAMPLES = 2**22


@dataclass
class EpochBlock:
    """Epochs that share montage, rate and length, in the form in which the container held them.

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
        Unit that the user named; None for MNE objects, which are in volts.
    item : int or None
        Item of the user's list that the epochs come from.
    highpass, lowpass : float
        Edges in Hz of filters already applied to the signals; None for no low-pass.
    filtered : bool
        Whether the user's filters have been applied (to the continuous recording).
    bad_channels : dict of str to Fault, or None
        Bad channels of the whole recording, already treated. None: each epoch is still to be
        judged.
    recording : str or None
        Name of the file.
    info : mne.Info or None
        Info of the MNE object that the epochs come from.
    left_out : dict of str to str
        Channels of the recording that are bad or not EEG, and why.
    segment : ndarray of int, shape (n_epochs,), or None
        Position of each part in its epoch, if these are parts of longer epochs; `index` then
        numbers the epochs.
    subjects : ndarray of object, shape (n_epochs,), or None
        Subject of each epoch, None if unknown. None if the container holds no subjects.
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
    bad_channels: dict[str, Fault] | None = None
    recording: str | None = None
    info: Any = None
    left_out: dict[str, str] = field(default_factory=dict)
    segment: NDArray | None = None
    subjects: NDArray | None = None

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.data.shape[1]

    def take(self, rows: slice | NDArray) -> "EpochBlock":
        """Select epochs."""
        segment = None if self.segment is None else self.segment[rows]
        subjects = None if self.subjects is None else self.subjects[rows]
        return replace(
            self,
            data=self.data[rows],
            index=self.index[rows],
            segment=segment,
            subjects=subjects,
        )


def check_finite(block: EpochBlock) -> None:
    """Raise InvalidEEGError for NaN or infinity in a block, naming epoch and channel."""
    usable = np.isfinite(block.data).all(axis=-1)
    if not usable.all():
        epoch, channel = np.argwhere(~usable)[0]
        name = f"channel {channel}" if block.ch_names is None else repr(block.ch_names[channel])
        raise InvalidEEGError(
            f"The epochs contain NaN or infinity, first in epoch {block.index[epoch]}, {name}. "
            "Drop such epochs, or interpolate the channel."
        )


def pieces_of(block: EpochBlock) -> Iterator[EpochBlock]:
    """Split a block into parts of limited size; a memory-mapped array is read part by part.

    Parameters
    ----------
    block : EpochBlock

    Yields
    ------
    EpochBlock
    """
    n_epochs, n_channels, n_times = block.data.shape
    rows = max(1, _CHUNK_SAMPLES // (n_channels * n_times))
    mapping = _mapping_of(block.data)
    for start in range(0, n_epochs, rows):
        yield block.take(slice(start, start + rows))
        if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapping.madvise(mmap.MADV_DONTNEED)


def _mapping_of(data: Any) -> mmap.mmap | None:
    """The file mapping behind an array, whose pages would otherwise stay in memory once read.

    None for mode "c", in which the pages hold the user's changes.
    """
    while data is not None:
        if isinstance(data, np.memmap) and data.mode != "c":
            return data._mmap  # type: ignore[attr-defined]
        data = getattr(data, "base", None)
    return None
