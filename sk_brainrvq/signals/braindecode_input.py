"""braindecode datasets as blocks of epochs, without importing braindecode."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.containers import EpochBlock
from sk_brainrvq.signals.exceptions import InvalidEEGError
from sk_brainrvq.signals.filtering import FilterSettings
from sk_brainrvq.signals.recordings import block_from_raw, eeg_channels, positions_of
from sk_brainrvq.signals.units import UNITS, typical_amplitude

# Below this, in the dataset's unit, signals are volts: EEG of a nanovolt does not exist.
_SMALLEST_MICROVOLTS = 1e-2


def is_braindecode_dataset(X: Any) -> bool:
    """Whether X is a dataset of braindecode, or a torch ``Subset`` of one."""
    if type(X).__name__ == "Subset" and hasattr(X, "dataset"):
        return is_braindecode_dataset(X.dataset)
    return any(base.__module__.split(".")[0] == "braindecode" for base in type(X).__mro__)


def blocks_from_braindecode(
    X: Any, window: float, overlap: float, filters: FilterSettings
) -> Iterator[EpochBlock]:
    """Blocks of a braindecode dataset, in its order.

    Parameters
    ----------
    X : BaseConcatDataset, WindowsDataset, EEGWindowsDataset, RawDataset or a Subset
    window, overlap : float
        In seconds, for recordings that were not cut into windows.
    filters : FilterSettings

    Yields
    ------
    EpochBlock
        One a recording. Volts and microvolts are told apart by the amplitude.

    Raises
    ------
    InvalidEEGError
        If recordings differ in their sampling rate.
    """
    rate, start = None, 0
    for leaf, rows in _leaves(X, None):
        source = _source(leaf)
        sfreq = float(source.info["sfreq"])
        if rate is not None and sfreq != rate:
            raise InvalidEEGError(
                f"The braindecode dataset mixes sampling rates: {rate} and {sfreq} Hz. Resample "
                "its recordings to one rate first."
            )
        rate = sfreq
        block = _block(leaf, rows, source, window, overlap, filters)
        block.index = block.index + start
        start += len(block.index)
        yield block


def labels_of(X: Any) -> NDArray:
    """Targets of the windows of a braindecode dataset, in its order."""
    targets: list = []
    for leaf, rows in _leaves(X, None):
        if not hasattr(leaf, "y"):
            raise InvalidEEGError("The braindecode dataset holds no targets; pass y.")
        own = np.asarray(leaf.y)
        targets += list(own if rows is None else own[rows])
    return np.asarray(targets)


def _leaves(X: Any, rows: list[int] | None) -> Iterator[tuple[Any, list[int] | None]]:
    """Recordings and the windows wanted of each (None: all), in the caller's order."""
    if type(X).__name__ == "Subset":
        inner = list(X.indices) if rows is None else [X.indices[row] for row in rows]
        yield from _leaves(X.dataset, inner)
    elif hasattr(X, "datasets"):
        if rows is None:
            for dataset in X.datasets:
                yield from _leaves(dataset, None)
            return
        ends = np.cumsum([len(dataset) for dataset in X.datasets])
        owners = np.searchsorted(ends, rows, side="right")
        run_starts = np.flatnonzero(np.r_[True, np.diff(owners) != 0])
        for first, last in zip(run_starts, [*run_starts[1:], len(rows)], strict=True):
            owner = owners[first]
            begin = ends[owner] - len(X.datasets[owner])
            local = [int(row - begin) for row in rows[first:last]]
            yield from _leaves(X.datasets[owner], local)
    else:
        yield X, rows


def _source(leaf: Any) -> Any:
    windows = getattr(leaf, "windows", None)
    return leaf.raw if windows is None else windows


def _block(
    leaf: Any,
    rows: list[int] | None,
    source: Any,
    window: float,
    overlap: float,
    filters: FilterSettings,
) -> EpochBlock:
    if not hasattr(leaf, "crop_inds"):  # a recording that was not cut into windows
        sample = source.get_data(stop=min(source.n_times, 20000), verbose="error")
        return block_from_raw(source, window, overlap, filters, _to_microvolts(sample))
    rows = list(range(len(leaf))) if rows is None else rows
    data = np.stack([np.asarray(leaf[row][0]) for row in rows])
    names = eeg_channels(source)
    picks = [source.ch_names.index(name) for name in names]
    data = data[:, picks] if data.shape[1] > len(picks) else data
    return EpochBlock(
        data,
        _to_microvolts(data),
        float(source.info["sfreq"]),
        names,
        np.arange(len(data)),
        positions_of(source.info, names),
        float(source.info["highpass"] or 0),
    )


def _to_microvolts(signals: NDArray) -> float:
    """Factor to microvolts: braindecode holds volts as MNE does, or what was made of them."""
    return UNITS["V"] if 0 < typical_amplitude(signals) < _SMALLEST_MICROVOLTS else UNITS["uV"]
