"""All results of a dataset: one table, and single files of trainings that are not in it yet.

``results/eegmat.csv`` has one line per training: figures, what was chosen, the configuration as
JSON. It is CSV rather than Parquet so that a new result adds one line to a diff, which git stores
efficiently and GitHub shows as a table. Predictions are numbers that nobody reads in a diff: they
are arrays in ``results/eegmat.npz``, stored under a digest that is also in the line.

Each training writes its own files in ``results/eegmat/unmerged``, so that parallel processes do
not wait for each other and a killed command loses no finished results; :meth:`Store.merge` moves
them into the table. Reading covers both.
"""

import copy
import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from sk_brainrvq.files import write_whole
from table.lines import Record, digest_of, from_cells, from_csv, key_of, to_cells, to_csv

Arrays = dict[str, NDArray]
Entry = tuple[Record, Arrays]


class DamagedTableError(ValueError):
    """A table that cannot be read, or whose two files do not match."""


@dataclass(frozen=True)
class Store:
    """Results of a dataset in a folder of results.

    Attributes
    ----------
    results : Path
    dataset : str
    """

    results: Path
    dataset: str

    @property
    def table(self) -> Path:
        """File of records, one per line."""
        return self.results / f"{self.dataset}.csv"

    @property
    def predictions(self) -> Path:
        """File of the arrays of all records."""
        return self.results / f"{self.dataset}.npz"

    @property
    def unmerged(self) -> Path:
        """Folder of results that are not in the table yet."""
        return self.results / self.dataset / "unmerged"

    def __contains__(self, key: str) -> bool:
        # In the opposite order, a result that is being merged might be missed.
        return self._single(key).exists() or key in self._kept()

    def __iter__(self) -> Iterator[str]:
        """Keys of all results, sorted."""
        single = [path.relative_to(self.unmerged) for path in self._waiting()]
        keys = {path.with_name(path.stem).as_posix() for path in single}
        return iter(sorted(keys | {*self._kept()}))

    def read(self, key: str) -> Entry:
        """Read a record and its arrays by the key of :func:`~table.lines.key_of`.

        Raises
        ------
        KeyError
            If there is no such result.
        """
        path = self._single(key)
        try:
            return _read_single(path)
        except FileNotFoundError:  # perhaps merged just now
            return copy.deepcopy(self._kept()[key])

    def add(self, record: Mapping[str, object], arrays: Mapping[str, NDArray]) -> str:
        """Save a result; it replaces one with the same key.

        Parameters
        ----------
        record : mapping
            Includes the fields needed by :func:`~table.lines.key_of`.
        arrays : mapping of str to ndarray

        Returns
        -------
        str
            Key of the result.
        """
        text = json.dumps(record, indent=1, default=str) + "\n"
        to_cells(json.loads(text))  # refuse now what no table can hold
        key = key_of(record)
        path = self._single(key)
        with self._lock():
            path.parent.mkdir(parents=True, exist_ok=True)
            # The record is written last: without it there is no result.
            write_whole(_arrays_of(path), _packed(arrays))
            write_whole(path, text.encode())
        return key

    def merge(self) -> int:
        """Move single results into the table; return their number.

        If killed at any time, the next call completes the merge.
        """
        if not self._waiting():
            return 0
        with self._lock():
            waiting = self._waiting()
            entries = [_read_single(path) for path in waiting]
            self._write({**self._read(), **{key_of(entry[0]): entry for entry in entries}})
            for path in waiting:
                path.unlink()
                _arrays_of(path).unlink()
        return len(waiting)

    def take(self, other: "Store") -> int:
        """Add results of another folder that are missing here; return their number."""
        self.merge()
        theirs = {key: other.read(key) for key in other}
        new = {key: entry for key, entry in theirs.items() if key not in self}
        if new:
            with self._lock():
                self._write({**new, **self._read()})
        return len(new)

    def _single(self, key: str) -> Path:
        """File of the record of an unmerged result; its arrays are beside it."""
        return self.unmerged / f"{key}.json"

    def _waiting(self) -> list[Path]:
        """Unmerged records. Empty folders are kept: other processes may be reading them."""
        return sorted(self.unmerged.glob("*/*/*.json"))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Lock out other writers; the system releases the lock if a process is killed."""
        path = self._lock_path
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path):
            yield

    @property
    def _lock_path(self) -> Path:
        return self.results / self.dataset / "results.lock"

    def _kept(self) -> Mapping[str, Entry]:
        """Content of the table; not to be changed."""
        try:
            return self._read()
        except DamagedTableError:
            if not self._lock_path.exists():
                raise
        with self._lock():  # another process may just have replaced one of the two files
            return self._read()

    def _read(self) -> Mapping[str, Entry]:
        return _read_table(self.table, self.predictions, _state_of(self.table, self.predictions))

    def _write(self, entries: Mapping[str, Entry]) -> None:
        """Write both files so that they match even if killed at any time."""
        lines = []
        for record, arrays in entries.values():
            cells = to_cells(record)
            cells["config.digest"] = digest_of(record["config"])
            cells["predictions.digest"] = _digest(arrays)
            lines.append(cells)
        before, after = _members(self._read()), _members(entries)
        # Lines find their predictions before and after: replaced ones are deleted last.
        write_whole(self.predictions, _packed(before | after))
        write_whole(self.table, to_csv(lines).encode())
        if before.keys() - after.keys():
            write_whole(self.predictions, _packed(after))


def _read_single(path: Path) -> Entry:
    """Read an unmerged result."""
    try:
        return json.loads(path.read_text()), dict(_unpacked(_arrays_of(path)))
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DamagedTableError(
            f"{path} is damaged ({error}); remove it, and this result will be recomputed."
        ) from error


def _arrays_of(path: Path) -> Path:
    """File of arrays beside an unmerged record."""
    return path.with_suffix(".npz")


def _state_of(*paths: Path) -> tuple[tuple[int, ...] | None, ...]:
    """Identify the state of the files."""
    found: list[tuple[int, ...] | None] = []
    for path in paths:
        try:
            status = os.stat(path)
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        except FileNotFoundError:
            found.append(None)
    return tuple(found)


@lru_cache(maxsize=4)
def _read_table(table: Path, predictions: Path, _state: object) -> dict[str, Entry]:
    """Read the results of a table, again only if ``_state`` changed; none without a table."""
    if not table.exists():
        return {}
    try:
        arrays: dict[str, Arrays] = {}
        for member, array in _unpacked(predictions):
            digest, _, name = member.partition("/")
            arrays.setdefault(digest, {})[name] = array
        entries: dict[str, Entry] = {}
        for line in from_csv(table.read_text(encoding="utf-8")):
            key, entry = _entry(line, arrays)
            if key in entries:
                raise ValueError(f"{key} occurs twice")
            entries[key] = entry
    except (ValueError, KeyError, OSError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DamagedTableError(
            f"{table} and {predictions.name} cannot be read ({error}). Take both from the same "
            f"copy, in the repository by 'git checkout -- {table} {predictions}', or move both "
            "away to recompute everything."
        ) from error
    return entries


def _entry(line: dict[str, str], arrays: Mapping[str, Arrays]) -> tuple[str, Entry]:
    """Check and return a line of the table with its arrays."""
    config, predictions = (line.pop(f"{name}.digest") for name in ("config", "predictions"))
    record = from_cells(line)
    key = key_of(record)
    if digest_of(record["config"]) != config:
        raise ValueError(f"the configuration of {key} does not match its digest {config}")
    if predictions not in arrays:
        raise ValueError(f"predictions of {key} are missing")
    if _digest(arrays[predictions]) != predictions:
        raise ValueError(f"predictions of {key} do not match their digest {predictions}")
    return key, (record, arrays[predictions])


def _members(entries: Mapping[str, Entry]) -> Arrays:
    """Name arrays as in the file of predictions."""
    return {
        f"{_digest(arrays)}/{name}": array
        for _, (_, arrays) in sorted(entries.items())
        for name, array in arrays.items()
    }


def _digest(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def _packed(arrays: Mapping[str, NDArray]) -> bytes:
    """Write an npz file; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _unpacked(path: Path) -> Iterator[tuple[str, NDArray]]:
    with np.load(path) as arrays:
        yield from arrays.items()
