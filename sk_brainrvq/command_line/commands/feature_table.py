"""A table of features on disk: npz or parquet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.files import write_whole

SUFFIXES = (".npz", ".parquet")
_COLUMNS = ("source", "subject", "session", "start")


@dataclass(frozen=True)
class FeatureTable:
    """Features of windows, and where each window comes from.

    Attributes
    ----------
    features : ndarray, shape (n_windows, n_features), float32
    source : ndarray of str, shape (n_windows,)
        Recording, by the name that the user gave.
    subject, session : ndarray of str, shape (n_windows,)
        Subject and session; empty if unknown.
    start : ndarray, shape (n_windows,), float64
        Seconds from the beginning of the recording.
    feature_names : ndarray of str, shape (n_features,)
    """

    features: NDArray
    source: NDArray
    subject: NDArray
    session: NDArray
    start: NDArray
    feature_names: NDArray

    def save(self, path: Path) -> None:
        """Write to ``.npz`` or ``.parquet``; an older file stays until the new one is complete."""
        write_whole(path, self._write_parquet if path.suffix == ".parquet" else self._write_npz)

    def _write_npz(self, path: Path) -> None:
        # An open file, because numpy would append .npz to a name.
        with open(path, "wb") as file:
            np.savez(file, **vars(self))

    def _write_parquet(self, path: Path) -> None:
        import pyarrow
        from pyarrow import parquet

        about = {name: getattr(self, name) for name in _COLUMNS}
        columns = dict(zip(map(str, self.feature_names), self.features.T, strict=True))
        parquet.write_table(pyarrow.table({**about, **columns}), path)


def join_tables(tables: Sequence[FeatureTable]) -> FeatureTable:
    """Concatenate tables, which all have the same features, in the order given."""
    joined = {
        name: np.concatenate([getattr(table, name) for table in tables])
        for name in ("features", *_COLUMNS)
    }
    return FeatureTable(feature_names=tables[0].feature_names, **joined)
