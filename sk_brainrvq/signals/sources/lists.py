"""Lists of recordings, Epochs, datasets, or arrays that cannot form one array."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.reading import Reading
from sk_brainrvq.signals.sources.arrays import is_array, to_numbers
from sk_brainrvq.signals.sources.source import ReadSettings, Source
from sk_brainrvq.user_warnings import warn

_LEAVE_OUT = (
    " To leave out files that cannot be used, pass reading=Reading(on_error='warn') (on the "
    "command line --on-error warn)."
)


class ListSource(Source):
    """Lists and tuples whose items are read one after the other, each by its own source.

    Parameters
    ----------
    find : callable, object -> Source or None
        Returns the source of an item.
    otherwise : Source
        Source of items for which ``find`` returns None.
    """

    def __init__(self, find: Callable[[Any], Source | None], otherwise: Source):
        self.find = find
        self.otherwise = otherwise

    def accepts(self, X: Any) -> bool:
        """Whether X is a list of items that do not form one array."""
        if not isinstance(X, (list, tuple)) or not X:
            return False
        found = [None if isinstance(x, (list, tuple)) else self.find(x) for x in X]
        if any(source is not None and not source.is_array for source in found):
            return True
        arrays = all(is_array(x) and x.ndim in (2, 3) for x in X)
        return arrays and (X[0].ndim == 3 or len({tuple(x.shape) for x in X}) > 1)

    def blocks(self, X: Any, settings: ReadSettings) -> Iterator[EpochBlock]:
        """Blocks of all items, with consecutive epoch numbers; one item is read ahead."""
        start = 0
        for number, blocks in self._one_ahead(X, settings):
            total = 0
            for block in _named(blocks, number):
                total = max(total, 1 + int(block.index.max()))
                yield replace(block, index=block.index + start, item=number)
            start += total
        if start == 0:
            raise InvalidEEGError("No item of the list could be used.")

    def brings_rate(self, X: Any) -> bool:
        """Whether no item is an array."""
        return all(source is None or source.brings_rate(x) for x, source in self._found(X))

    def reads_files(self, X: Any) -> bool:
        """Whether an item is a file."""
        return any(source is not None and source.reads_files(x) for x, source in self._found(X))

    def filters_of(self, X: Any) -> list[FilterSettings | None]:
        """Filters of every item."""
        return [filters for x in X for filters in self._source(x).filters_of(x)]

    def readings_of(self, X: Any) -> list[Reading | None]:
        """How every item was read."""
        return [reading for x in X for reading in self._source(x).readings_of(x)]

    def labels_of(self, X: Any) -> NDArray | None:
        """Labels of all items, if all have them."""
        return _joined(self._source(x).labels_of(x) for x in X)

    def subjects_of(self, X: Any) -> NDArray | None:
        """Subject of each epoch, if all items know theirs."""
        return _joined(self._source(x).subjects_of(x) for x in X)

    def _found(self, X: Any) -> Iterator[tuple[Any, Source | None]]:
        return ((x, self.find(x)) for x in X)

    def _source(self, x: Any) -> Source:
        return self.find(x) or self.otherwise

    def _one_ahead(
        self, X: Sequence[Any], settings: ReadSettings
    ) -> Iterator[tuple[int, Iterable[EpochBlock]]]:
        """Blocks of each item of a list; the next is read while one is used."""

        def read(number: int) -> Iterable[EpochBlock]:
            item = X[number]
            if is_array(item) and item.ndim == 2:
                item = np.asarray(to_numbers(item))[None]  # one epoch
            return self._source(item).blocks(item, settings)

        with ThreadPoolExecutor(max_workers=1) as pool:
            coming = pool.submit(read, 0)
            for number in range(len(X)):
                now = coming
                if number + 1 < len(X):
                    coming = pool.submit(read, number + 1)
                try:
                    yield number, now.result()
                except InvalidEEGError as error:
                    is_file = self._source(X[number]).reads_files(X[number])
                    if settings.on_error == "raise" or not is_file:
                        hint = _LEAVE_OUT if is_file else ""
                        message = f"Item {number} of the list: {error}{hint}"
                        raise InvalidEEGError(message) from error
                    if settings.on_error == "warn":
                        message = f"Item {number} of the list is left out: {error}"
                        warn(message)


def _joined(parts: Iterable[NDArray | None]) -> NDArray | None:
    """Concatenate all arrays; None if one is missing."""
    found = []
    for part in parts:
        if part is None:
            return None
        found.append(part)
    return np.concatenate(found)


def _named(blocks: Iterable[EpochBlock], number: int) -> Iterator[EpochBlock]:
    """Pass blocks through; errors name the item of the list that they belong to."""
    try:
        yield from blocks
    except InvalidEEGError as error:
        raise InvalidEEGError(f"Item {number} of the list: {error}") from error
