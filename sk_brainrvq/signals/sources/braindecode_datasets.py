"""braindecode datasets as blocks of epochs, without importing braindecode."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.bad_channels import BadChannelPolicy
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.electrodes.names import shorten
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources.channels import band_of, chosen_channels, positions_of
from sk_brainrvq.signals.sources.mne_raws import KEEP, block_from_raw, filtered_signals
from sk_brainrvq.signals.sources.projections import projected
from sk_brainrvq.signals.sources.source import ReadSettings, Source
from sk_brainrvq.signals.sources.subjects import (
    as_subjects,
    columns_of_people,
    is_nobody,
    subject_of_header,
)
from sk_brainrvq.signals.units import UNITS, typical_amplitude

# How much of a recording tells volts from microvolts.
_SAMPLES_TO_JUDGE, _WINDOWS_TO_JUDGE = 20_000, 20
# Below this, in the dataset's unit, signals are in volts: EEG of a nanovolt does not exist.
_SMALLEST_MICROVOLTS = 1e-2


class BraindecodeSource(Source):
    """Datasets of braindecode, whether cut into windows or not."""

    def accepts(self, X: Any) -> bool:
        """Whether X is a dataset of braindecode, or rows of one."""
        return is_braindecode_dataset(X)

    def blocks(self, X: Any, settings: ReadSettings) -> Iterator[EpochBlock]:
        """One block per recording."""
        return blocks_from_braindecode(
            X,
            settings.window,
            settings.overlap,
            settings.filters,
            settings.bad_channels,
            settings.known_as_eeg,
        )

    def labels_of(self, X: Any) -> NDArray:
        """Targets of the windows."""
        return targets_of(X)


def is_braindecode_dataset(X: Any) -> bool:
    """Whether X is a dataset of braindecode, or torch's ``Subset`` or skorch's view of one."""
    if _is_subset(X):
        return is_braindecode_dataset(X.dataset)
    return any(base.__module__.split(".")[0] == "braindecode" for base in type(X).__mro__)


def blocks_from_braindecode(
    X: Any,
    window: float,
    overlap: float,
    filters: FilterSettings,
    bad_channels: BadChannelPolicy = KEEP,
    known_as_eeg: Collection[str] = (),
) -> Iterator[EpochBlock]:
    """Blocks of a braindecode dataset, one per recording.

    Parameters
    ----------
    X : BaseConcatDataset, WindowsDataset, EEGWindowsDataset, RawDataset or a Subset
    window, overlap : float
        In seconds, for recordings that were not cut into windows.
    filters : FilterSettings
    bad_channels : BadChannelPolicy
        What to do about bad channels of recordings that were not cut; by default nothing.
    known_as_eeg : collection of str, optional
        Channels for which the user has given a position.

    Yields
    ------
    EpochBlock
        ``index`` numbers the windows in the dataset's order, which a shuffled Subset spreads
        over its recordings. Volts and microvolts are told apart by the amplitude.

    Raises
    ------
    InvalidEEGError
        If recordings differ in their sampling rate, no window is left, or a Subset picks
        samples of a recording that was not cut.
    """
    rate, start = None, 0
    for part in _parts(X):
        n_windows = 0
        for leaf, rows, places in part:
            sfreq = float(_source(leaf).info["sfreq"])
            if rate is not None and sfreq != rate:
                raise InvalidEEGError(
                    f"The braindecode dataset mixes sampling rates: {rate} and {sfreq} Hz. "
                    "Resample its recordings to one rate first."
                )
            rate = sfreq
            if _is_cut(leaf):
                block = _block_of_windows(leaf, rows, filters, known_as_eeg)
            else:
                block = _block_of_recording(
                    leaf, window, overlap, filters, bad_channels, known_as_eeg
                )
            block.index = start + (block.index if places is None else places)
            block.subjects = _subjects(leaf, block)
            n_windows += len(block.index)
            yield block
        start += n_windows
    if start == 0:
        raise InvalidEEGError("The braindecode dataset holds no window.")


def targets_of(X: Any) -> NDArray:
    """Targets of the windows of a braindecode dataset, in its order."""
    targets: list = []
    for part in _parts(X):
        placed: dict[int, Any] = {}
        for leaf, rows, places in part:
            if not hasattr(leaf, "y"):
                raise InvalidEEGError("The braindecode dataset holds no targets; pass y.")
            every = np.arange(len(leaf))
            wanted = every if rows is None else rows
            at = every if places is None else places
            placed |= {int(i): leaf.y[row] for i, row in zip(at, wanted, strict=True)}
        targets += [placed[i] for i in sorted(placed)]
    return np.asarray(targets)


# A recording, the wanted windows, and their positions among the windows of its part; None
# stands for all windows in order.
_Leaf = tuple[Any, NDArray | None, NDArray | None]


def _parts(X: Any) -> Iterator[list[_Leaf]]:
    """Consecutive runs of windows: those of a Subset or of one recording."""
    if _is_subset(X):
        rows = _indices(X)
        yield list(_leaves(X.dataset, rows, np.arange(len(rows))))
    elif hasattr(X, "datasets"):
        for dataset in X.datasets:
            yield from _parts(dataset)
    else:
        yield [(X, None, None)]


def _leaves(X: Any, rows: NDArray, places: NDArray) -> Iterator[_Leaf]:
    """Recordings that hold the wanted rows of X, each once."""
    if _is_subset(X):
        yield from _leaves(X.dataset, _indices(X)[rows], places)
    elif hasattr(X, "datasets"):
        ends = np.cumsum([len(dataset) for dataset in X.datasets])
        owners = np.searchsorted(ends, rows, side="right")
        for owner in np.unique(owners):
            own = owners == owner
            dataset = X.datasets[owner]
            yield from _leaves(dataset, rows[own] - (ends[owner] - len(dataset)), places[own])
    elif _is_cut(X):
        yield X, rows, places
    else:
        raise InvalidEEGError(
            "A Subset picks samples of a braindecode recording that was not cut into windows. Cut "
            "it first, or choose whole recordings with BaseConcatDataset.split."
        )


def _is_subset(X: Any) -> bool:
    """Whether X is a ``Subset`` of torch, or skorch's ``SliceDataset``, which picks rows too."""
    return type(X).__name__ in ("Subset", "SliceDataset") and hasattr(X, "dataset")


def _indices(subset: Any) -> NDArray:
    """Rows that a Subset picks, from 0."""
    if getattr(subset, "idx", 0) != 0:
        raise InvalidEEGError(
            f"X is a SliceDataset with idx={subset.idx!r}, which gives no EEG; expected "
            "SliceDataset(dataset, idx=0)."
        )
    # The indices of a SliceDataset are None if it picks all.
    indices = getattr(subset, "indices_", subset.indices)
    indices = np.asarray(indices, dtype=np.int64).reshape(-1)
    return np.where(indices < 0, indices + len(subset.dataset), indices)


def _is_cut(leaf: Any) -> bool:
    return hasattr(leaf, "crop_inds")


def _source(leaf: Any) -> Any:
    windows = getattr(leaf, "windows", None)
    return leaf.raw if windows is None else windows


def _block_of_recording(
    leaf: Any,
    window: float,
    overlap: float,
    filters: FilterSettings,
    bads: BadChannelPolicy,
    known_as_eeg: Collection[str],
) -> EpochBlock:
    sample = leaf.raw.get_data(stop=min(leaf.raw.n_times, _SAMPLES_TO_JUDGE), verbose="error")
    return block_from_raw(
        leaf.raw,
        window,
        overlap,
        filters,
        _to_microvolts(sample),
        bads,
        known_as_eeg=known_as_eeg,
        types=_types(leaf.raw),
    )


def _block_of_windows(
    leaf: Any, rows: NDArray | None, filters: FilterSettings, known_as_eeg: Collection[str]
) -> EpochBlock:
    source = _source(leaf)
    names, left_out = chosen_channels(source, known_as_eeg, _types(source))
    rows = np.arange(len(leaf)) if rows is None else rows
    if not len(rows):
        raise InvalidEEGError("The braindecode dataset holds no window.")
    # Windows from the whole recording, so that a few quiet ones are not taken for volts.
    sample = np.linspace(0, len(leaf) - 1, min(len(leaf), _WINDOWS_TO_JUDGE)).astype(int)
    to_microvolts = _to_microvolts(_signals(leaf, sample, names))
    is_filtered = filters != FilterSettings() and source is not getattr(leaf, "windows", None)
    if is_filtered and leaf.transform is None:
        continuous = filtered_signals(
            source, names, filters, to_microvolts, known_as_eeg=known_as_eeg
        )
        bounds = [leaf.crop_inds[row][1:] for row in rows]
        data, to_microvolts = np.stack([continuous[:, i:j] for i, j in bounds]), UNITS["uV"]
    else:
        data, is_filtered = _signals(leaf, rows, names), False
    highpass, lowpass = band_of(source.info)
    return EpochBlock(
        data,
        to_microvolts,
        float(source.info["sfreq"]),
        names,
        np.arange(len(data)),
        positions_of(source.info, names),
        highpass,
        lowpass,
        is_filtered,
        info=source.info,
        left_out=left_out,
    )


def _subjects(leaf: Any, block: EpochBlock) -> NDArray:
    """Subjects of windows, from the description of their recording or its header."""
    description: Any = getattr(leaf, "description", None)
    for column in () if description is None else columns_of_people(description.keys()):
        if not is_nobody(description[column]):
            return as_subjects([description[column]] * len(block.index))
    subject = subject_of_header(_source(leaf).info)
    return np.full(len(block.index), subject, dtype=object)


def _types(source: Any) -> Collection[str]:
    """Types of EEG; braindecode's ``create_from_X_y`` calls all channels misc."""
    return ("misc",) if set(source.get_channel_types()) == {"misc"} else ("eeg",)


def _signals(leaf: Any, rows: NDArray, names: list[str]) -> NDArray:
    """Windows as returned by the dataset, with the wanted channels."""
    windows = np.stack([np.asarray(leaf[int(row)][0]) for row in rows])
    info = _source(leaf).info
    if windows.shape[1] == len(info["ch_names"]):
        return projected(windows, info, names)
    if windows.shape[1] != len(names):
        raise InvalidEEGError(
            f"The dataset returns windows of {windows.shape[1]} channels, because a transform "
            f"selects some; expected all {len(info['ch_names'])} of its recording, or its "
            f"{len(names)} good EEG channels: {shorten(names)}."
        )
    return windows


def _to_microvolts(signals: NDArray) -> float:
    """Factor to microvolts: braindecode holds volts, as MNE does, or a rescaled form."""
    return UNITS["V"] if 0 < typical_amplitude(signals) < _SMALLEST_MICROVOLTS else UNITS["uV"]
