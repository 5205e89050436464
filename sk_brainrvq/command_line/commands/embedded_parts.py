"""Results of embedding recordings, and their exchange between processes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sk_brainrvq.command_line.commands.feature_table import FeatureTable, join_tables
from sk_brainrvq.files import write_whole


@dataclass(frozen=True)
class Embedded:
    """Results by number of the recording, in the user's order.

    Attributes
    ----------
    tables : dict of int to FeatureTable
    left_out : dict of int to str
        Reason why a recording has no table.
    """

    tables: dict[int, FeatureTable] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)


def write_part(done: Embedded, path: Path) -> None:
    """Write to a file atomically."""
    arrays: dict[str, Any] = {"left_out": np.array(json.dumps(done.left_out))}
    if done.tables:
        lengths = [len(table.start) for table in done.tables.values()]
        arrays["number"] = np.repeat(list(done.tables), lengths)
        arrays |= vars(join_tables(list(done.tables.values())))

    def write(beside: Path) -> None:
        with open(beside, "wb") as file:
            np.savez(file, **arrays)

    write_whole(path, write)


def read_part(path: Path) -> Embedded:
    """Read what :func:`write_part` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    left_out = json.loads(str(arrays.pop("left_out")))
    number = arrays.pop("number", np.empty(0, dtype=int))
    tables = {}
    if len(number):
        table = FeatureTable(**arrays)
        tables = {int(n): _rows(table, number == n) for n in np.unique(number)}
    return Embedded(tables, {int(n): reason for n, reason in left_out.items()})


def _rows(table: FeatureTable, chosen: np.ndarray) -> FeatureTable:
    by_window = ("features", "source", "subject", "session", "start")
    return replace(table, **{name: getattr(table, name)[chosen] for name in by_window})


def joined(parts: Sequence[Embedded]) -> Embedded:
    """All recordings of several parts, by number."""
    tables = {n: table for part in parts for n, table in part.tables.items()}
    left_out = {n: reason for part in parts for n, reason in part.left_out.items()}
    return Embedded(dict(sorted(tables.items())), dict(sorted(left_out.items())))
