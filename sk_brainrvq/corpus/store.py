"""Read a corpus: its index once, its chunks on demand, with a cache of recent ones."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.corpus.index import INDEX_NAME, CorpusIndex
from sk_brainrvq.corpus.writing import (
    CHUNK_SAMPLES,
    MISSING,
    RECORDINGS,
    import_zarr,
    n_chunks_of,
)
from sk_brainrvq.exceptions import InvalidCorpusError

CACHE_BYTES = 128 * 2**20
# Most arrays kept open: the metadata of each takes about 20 kB.
_MAX_ARRAYS = 256
# Most decoded chunks that one request holds at a time, however many are cached afterwards.
_BYTES_AT_ONCE = 64 * 2**20
# Chunks read in parallel, because an object store responds slowly.
_THREADS = 8

T = TypeVar("T")


class CorpusStore:
    """Signals of a corpus, shared by all readers; thread-safe and picklable.

    Parameters
    ----------
    location : str
        Local path or fsspec URL.
    cache_bytes : int
        Most memory that cached chunks may take.
    """

    def __init__(self, location: str, cache_bytes: int = CACHE_BYTES) -> None:
        self.location = location
        self.cache_bytes = cache_bytes
        self._header: bytes | None = None
        self._forget()

    def _forget(self) -> None:
        self._index: CorpusIndex | None = None
        self._zarr_store: Any = None
        self._chunks: _Recent[NDArray] = _Recent(self.cache_bytes, lambda chunk: chunk.nbytes)
        self._arrays: _Recent[Any] = _Recent(_MAX_ARRAYS, lambda _: 1)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "location": self.location,
            "cache_bytes": self.cache_bytes,
            "header": self._header,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.location, self.cache_bytes = state["location"], state["cache_bytes"]
        self._header = state["header"]
        self._forget()

    @property
    def index(self) -> CorpusIndex:
        """The index, read at first use."""
        if self._index is None:
            self._index = self._read_index()
        return self._index

    def _read_index(self) -> CorpusIndex:
        content = read_index_file(self.location)
        index = CorpusIndex.from_bytes(content, self.location)
        header = content.partition(b"\n")[0]  # holds a checksum of the rest
        if self._header not in (None, header):
            raise InvalidCorpusError(
                f"The corpus at {self.location} has changed since this object was pickled; open "
                "it again with EEGCorpus."
            )
        self._header = header
        return index

    def windows(
        self, numbers: NDArray, starts: NDArray, lengths: NDArray
    ) -> Iterator[tuple[int, NDArray]]:
        """Yield the signals of windows, ordered so that each chunk is read once.

        Parameters
        ----------
        numbers : ndarray of int, shape (n_windows,)
            Recording of each window, as its position in the index.
        starts, lengths : ndarray of int, shape (n_windows,)
            First sample of each window, and its number of samples.

        Yields
        ------
        int
            Position of the window in the arguments.
        ndarray, shape (n_channels, length), float32
            Its signals in microvolts.
        """
        order = np.lexsort((starts, numbers)).tolist()
        spans = [(int(numbers[i]), int(starts[i]), int(lengths[i])) for i in order]
        for part in self._parts(spans):
            chunks = self._held({key for span in spans[part] for key in _keys(*span)})
            for place, span in zip(order[part], spans[part], strict=True):
                yield place, self._microvolts(span, chunks)

    def _parts(self, spans: list[tuple[int, int, int]]) -> Iterator[slice]:
        """Yield runs of windows whose chunks may be held in memory together."""
        first, keys, n_bytes = 0, set[tuple[int, int]](), 0
        for place, span in enumerate(spans):
            new = set(_keys(*span)) - keys
            n_channels = len(self.index.recordings[span[0]].ch_names)
            more = 2 * n_channels * CHUNK_SAMPLES * len(new)
            if keys and n_bytes + more > _BYTES_AT_ONCE:
                yield slice(first, place)
                first, keys, n_bytes = place, set(), 0
            keys |= new
            n_bytes += more
        yield slice(first, len(spans))

    def _microvolts(self, span: tuple[int, int, int], chunks: dict) -> NDArray:
        number, start, length = span
        parts = []
        for key in _keys(*span):
            begin = key[1] * CHUNK_SAMPLES
            parts.append(chunks[key][:, max(0, start - begin) : start + length - begin])
        steps = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        scale = np.array(self.index.recordings[number].scale, dtype=np.float32)
        return steps * scale[:, None]

    def _held(self, keys: set[tuple[int, int]]) -> dict[tuple[int, int], NDArray]:
        """Return decoded chunks, reading those that are not cached."""
        held = {key: self._chunks.get(key) for key in keys}
        missing = sorted(key for key, chunk in held.items() if chunk is None)
        if len(missing) > 1:
            with ThreadPoolExecutor(min(_THREADS, len(missing))) as pool:
                read = list(pool.map(self.read_chunk, missing))
        else:
            read = [self.read_chunk(key) for key in missing]
        for key, chunk in zip(missing, read, strict=True):
            self._chunks.put(key, chunk)
            held[key] = chunk
        return held  # type: ignore[return-value]

    def read_chunk(self, key: tuple[int, int]) -> NDArray:
        """Read one chunk from storage.

        Parameters
        ----------
        key : (int, int)
            Position of the recording in the index, and of the chunk in the recording.

        Returns
        -------
        ndarray, shape (n_channels, n_samples), int16

        Raises
        ------
        InvalidCorpusError
            If it is missing, truncated or changed.
        """
        number, chunk = key
        recording = self.index.recordings[number]
        array = self._open(number)
        begin = chunk * CHUNK_SAMPLES
        try:
            steps = array[:, begin : begin + CHUNK_SAMPLES]
        except Exception as error:
            raise self._broken(number, f"chunk {chunk} cannot be read ({error})") from error
        if (steps == MISSING).any():
            raise self._broken(number, f"chunk {chunk} is missing")
        if steps.shape != (len(recording.ch_names), min(CHUNK_SAMPLES, recording.n_times - begin)):
            raise self._broken(number, f"chunk {chunk} has the shape {steps.shape}")
        return steps

    def _open(self, number: int) -> Any:
        array = self._arrays.get(number)
        if array is None:
            zarr = import_zarr()
            if self._zarr_store is None:
                self._zarr_store = _zarr_store(self.location)
            path = f"{RECORDINGS}/{self.index.recordings[number].id}"
            try:
                array = zarr.open_array(self._zarr_store, path=path, mode="r")
            except FileNotFoundError as error:
                raise self._broken(number, "it is missing") from error
            except Exception as error:
                raise self._broken(number, f"its metadata cannot be read ({error})") from error
            self._check_array(number, array)
            self._arrays.put(number, array)
        return array

    def _check_array(self, number: int, array: Any) -> None:
        """Raise InvalidCorpusError before memory is allocated for an array of another size."""
        recording = self.index.recordings[number]
        n_channels, at_once = len(recording.ch_names), array.shards or array.chunks
        if array.shape != (n_channels, recording.n_times) or array.dtype != np.int16:
            raise self._broken(number, f"its array has shape {array.shape}, type {array.dtype}")
        if len(at_once) != 2 or array.chunks[0] > n_channels or array.chunks[1] > CHUNK_SAMPLES:
            raise self._broken(number, f"its array has chunks of {array.chunks}")

    def _broken(self, number: int, what: str) -> InvalidCorpusError:
        recording = self.index.recordings[number]
        return InvalidCorpusError(
            f"Recording {recording.id} of {recording.source!r} in the corpus at {self.location}: "
            f"{what}. Remove {RECORDINGS}/{recording.id} and run build_corpus again, or copy the "
            "corpus again."
        )


def read_index_file(location: str) -> bytes:
    """Read the index file of a corpus; raise InvalidCorpusError if there is none."""
    import_zarr()
    from fsspec.core import url_to_fs

    try:
        fs, path = url_to_fs(location)
        return fs.cat_file(f"{path.rstrip('/')}/{INDEX_NAME}")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidCorpusError(
            f"There is no corpus at {location}: {INDEX_NAME} is missing. Pass the folder that "
            "build_corpus wrote; if its build was interrupted, run it again."
        ) from error
    except ValueError as error:  # fsspec knows no such protocol
        raise InvalidCorpusError(f"The corpus at {location} cannot be opened: {error}.") from error


def _zarr_store(location: str) -> Any:
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    zarr = import_zarr()
    fs, path = url_to_fs(location)
    if isinstance(fs, LocalFileSystem):
        return zarr.storage.LocalStore(path, read_only=True)
    return zarr.storage.FsspecStore.from_url(location, read_only=True)


def _keys(number: int, start: int, length: int) -> list[tuple[int, int]]:
    """Return the chunks that hold a window."""
    first, last = start // CHUNK_SAMPLES, (start + length - 1) // CHUNK_SAMPLES
    return [(number, chunk) for chunk in range(first, last + 1)]


def first_chunks(index: CorpusIndex) -> NDArray:
    """Number of the first chunk of each recording, counted across the corpus."""
    counts = [n_chunks_of(recording.n_times) for recording in index.recordings]
    return np.concatenate([[0], np.cumsum(counts)])[:-1].astype(np.int64)


class _Recent(Generic[T]):
    """Cache of the items used last, up to a total weight."""

    def __init__(self, limit: int, weigh: Callable[[T], int]) -> None:
        self.limit, self.weigh = limit, weigh
        self.total = 0
        self.items: OrderedDict[Hashable, T] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: Hashable) -> T | None:
        with self.lock:
            if key in self.items:
                self.items.move_to_end(key)
            return self.items.get(key)

    def put(self, key: Hashable, item: T) -> None:
        with self.lock:
            replaced = self.items.pop(key, None)
            if replaced is not None:
                self.total -= self.weigh(replaced)
            self.items[key] = item
            self.total += self.weigh(item)
            while self.total > self.limit and len(self.items) > 1:
                _, oldest = self.items.popitem(last=False)
                self.total -= self.weigh(oldest)
