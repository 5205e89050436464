"""From whatever a user hands over to blocks of epochs, in the caller's order."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.blocks import EpochBlock, blocks_from_array
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources.braindecode_datasets import (
    blocks_from_braindecode,
    is_braindecode_dataset,
)
from sk_brainrvq.signals.sources.mne_objects import (
    block_from_raw,
    blocks_from_epochs,
    check_finite,
    is_list_of_epochs,
    is_mne_epochs,
    is_mne_raw,
)
from sk_brainrvq.signals.sources.recording_files import read_recording


@dataclass(frozen=True)
class ReadSettings:
    """What reading needs to know besides X.

    Attributes
    ----------
    sfreq : float or None
        Rate of arrays in Hz; None is 200.
    ch_names : sequence of str, or None
        Channels of arrays.
    unit : {"uV", "mV", "V"}
        Of arrays.
    window, overlap : float
        Seconds, for continuous recordings.
    filters : FilterSettings
    on_error : {"raise", "warn", "skip"}
        What to do about a file in a list that cannot be used.
    """

    sfreq: float | None = None
    ch_names: Sequence[str] | None = None
    unit: str = "uV"
    window: float = 10.0
    overlap: float = 0.0
    filters: FilterSettings = field(default_factory=FilterSettings)
    on_error: str = "raise"

    def __post_init__(self) -> None:
        check_window(self.window, self.overlap)


def check_window(window: Any, overlap: Any) -> None:
    """Raise InvalidEEGError unless these are seconds that windows can be cut by."""
    numbers = all(
        isinstance(value, Real) and not isinstance(value, bool) for value in (window, overlap)
    )
    if not (numbers and 0 < window <= 1e5 and 0 <= overlap < window):
        raise InvalidEEGError(
            f"window={window!r} and overlap={overlap!r} were given; expected "
            "seconds, window above 0 and overlap from 0 to below window."
        )


def is_corpus(X: Any) -> bool:
    """Whether X is an ``EEGCorpus``."""
    from sk_brainrvq.corpus import EEGCorpus

    return isinstance(X, EEGCorpus)


def is_plain_array(X: Any) -> bool:
    """Whether X is to be read as one array (or as nothing that can be read)."""
    return not (_is_item(X) or is_list_of_items(X))


def holds_arrays(X: Any) -> bool:
    """Whether X is an array or a list with arrays in it: those bring no rate of their own."""
    in_list = is_list_of_items(X) and any(isinstance(x, np.ndarray) for x in X)
    return in_list or is_plain_array(X)


def reads_files(X: Any) -> bool:
    """Whether reading X means reading recordings from disk."""
    return isinstance(X, (str, Path)) or (
        isinstance(X, (list, tuple)) and any(isinstance(x, (str, Path)) for x in X)
    )


def is_list_of_items(X: Any) -> bool:
    """Whether X is a list of recordings, Epochs, datasets, or arrays that make no one array."""
    if not isinstance(X, (list, tuple)) or not X:
        return False
    if any(_is_item(x) for x in X):
        return True
    arrays = all(isinstance(x, np.ndarray) and x.ndim in (2, 3) for x in X)
    return arrays and (X[0].ndim == 3 or len({x.shape for x in X}) > 1)


def _is_item(x: Any) -> bool:
    known = is_mne_epochs(x) or is_mne_raw(x) or isinstance(x, (str, Path))
    return known or is_corpus(x) or is_braindecode_dataset(x)


def read_blocks(
    X: Any, settings: ReadSettings, check_array: Callable[[Any], NDArray]
) -> Iterator[EpochBlock]:
    """Blocks of X, each read when it is asked for.

    Parameters
    ----------
    X : array, mne.Epochs, mne.io.Raw, path, EEGCorpus, braindecode dataset, or a list of these
    settings : ReadSettings
        A corpus was filtered and cut already: it keeps its own windows.
    check_array : callable
        Checks an array, and gives it with 2 or 3 dimensions.

    Yields
    ------
    EpochBlock
        ``index`` numbers the epochs in the caller's order. Of a list of files one is read
        ahead, no more.

    Raises
    ------
    InvalidEEGError
        For what cannot be read; in a list the message names the item.
    """
    if is_list_of_epochs(X) or not is_list_of_items(X):
        yield from _blocks_of(X, settings, check_array)
        return
    start = 0
    for number, blocks in _one_ahead(X, settings, check_array):
        total = 0
        for block in _named(blocks, number):
            total = max(total, 1 + int(block.index.max()))
            yield replace(block, index=block.index + start, item=number)
        start += total
    if start == 0:
        raise InvalidEEGError("No item of the list could be used.")


def _blocks_of(
    X: Any, settings: ReadSettings, check_array: Callable[[Any], NDArray]
) -> Iterable[EpochBlock]:
    """Blocks of one item."""
    if isinstance(X, (str, Path)):
        return _blocks_of_file(X, settings, check_array)
    if is_mne_epochs(X) or is_list_of_epochs(X):
        return blocks_from_epochs(X)
    if is_mne_raw(X):
        return [block_from_raw(X, settings.window, settings.overlap, settings.filters)]
    if is_corpus(X):
        return X.blocks()
    if is_braindecode_dataset(X):
        return blocks_from_braindecode(X, settings.window, settings.overlap, settings.filters)
    array = check_array(X)
    return blocks_from_array(array, settings.sfreq, settings.ch_names, settings.unit)


def _blocks_of_file(
    path: str | Path, settings: ReadSettings, check_array: Callable[[Any], NDArray]
) -> list[EpochBlock]:
    """Blocks of a file, checked here and now, so that ``on_error`` can leave the file out."""
    recording = read_recording(path)
    try:
        blocks = list(_blocks_of(recording, settings, check_array))
        for block in blocks:
            check_finite(block)
    except InvalidEEGError as error:
        raise InvalidEEGError(f"{path}: {error}") from error
    return blocks


def _one_ahead(
    X: Sequence[Any], settings: ReadSettings, check_array: Callable[[Any], NDArray]
) -> Iterator[tuple[int, Iterable[EpochBlock]]]:
    """Blocks of each item of a list; while one is used the next is read."""

    def read(number: int) -> Iterable[EpochBlock]:
        item = X[number]
        if isinstance(item, np.ndarray) and item.ndim == 2:
            item = item[None]  # one epoch
        return _blocks_of(item, settings, check_array)

    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(read, 0)
        for number in range(len(X)):
            now = coming
            if number + 1 < len(X):
                coming = pool.submit(read, number + 1)
            try:
                yield number, now.result()
            except InvalidEEGError as error:
                if settings.on_error == "raise" or not isinstance(X[number], (str, Path)):
                    raise InvalidEEGError(f"Item {number} of the list: {error}") from error
                if settings.on_error == "warn":
                    message = f"Item {number} of the list is left out: {error}"
                    warnings.warn(message, EEGWarning, stacklevel=2)


def _named(blocks: Iterable[EpochBlock], number: int) -> Iterator[EpochBlock]:
    """Blocks whose errors name the item of the list they belong to."""
    try:
        yield from blocks
    except InvalidEEGError as error:
        raise InvalidEEGError(f"Item {number} of the list: {error}") from error
