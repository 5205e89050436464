"""Records of trainings as lines of a CSV file, without loss."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# The most important fields come first, long values last; fields of single systems between.
_FIRST = ("split", "fold", "system", "seed", "scored", "figures", "validation_figures", "seconds")
_LAST = ("test_subjects", "history", "config", "config.digest", "predictions.digest")
# Fields that hold figures have one column per metric.
_FLAT = ("figures", "validation_figures")
# Always text, even if it looks like a number.
_TEXT = ("split", "fold", "system")

Record = dict[str, Any]


def digest_of(config: Mapping[str, Any]) -> str:
    """Short digest of a configuration."""
    text = json.dumps(config, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def key_of(record: Mapping[str, Any]) -> str:
    """Identifier of a training, such as "folds/1/eegnet-seed0-ebb033b0fbcc".

    Parameters
    ----------
    record : mapping
        Has "split", "fold", "system", "seed" and "config"; the key has the digest of the latter.

    Returns
    -------
    str
    """
    name = f"{record['system']}-seed{record['seed']}-{digest_of(record['config'])}"
    return f"{record['split']}/{record['fold']}/{name}"


def to_cells(record: Mapping[str, Any]) -> dict[str, str]:
    """Convert a record to cells, by column.

    Parameters
    ----------
    record : mapping
        JSON values; names are Python identifiers. Figures are dictionaries.

    Returns
    -------
    dict of str to str

    Raises
    ------
    ValueError
        For other names.
    """
    cells = {}
    for name, value in record.items():
        if not name.isidentifier():
            raise ValueError(f"{name!r} was given as a field of a result; expected an identifier.")
        if name in _TEXT:
            cells[name] = str(value)
        elif name in _FLAT and value and all(metric.isidentifier() for metric in value):
            cells |= {f"{name}.{metric}": _to_cell(figure) for metric, figure in value.items()}
        else:
            cells[name] = _to_cell(value)
    return cells


def from_cells(cells: Mapping[str, str]) -> Record:
    """Restore the record from the cells of :func:`to_cells`; empty cells are missing fields."""
    record: Record = {}
    for column, cell in cells.items():
        name, dot, metric = column.partition(".")
        if not cell:
            continue
        if column in _TEXT:
            record[column] = cell
        elif dot:
            record.setdefault(name, {})[metric] = _from_cell(cell)
        else:
            record[column] = _from_cell(cell)
    return record


def to_csv(lines: Sequence[Mapping[str, str]]) -> str:
    """Write lines of cells to a CSV file, in a fixed order of lines and columns.

    A new training adds one line, wherever it was trained.
    """
    lines = sorted(lines, key=_place)
    columns = _ordered(dict.fromkeys(column for line in lines for column in line))
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()


def from_csv(text: str) -> list[dict[str, str]]:
    """Read lines of cells.

    Raises
    ------
    ValueError
        For lines that are longer or shorter than the first.
    """
    csv.field_size_limit(2**31 - 1)  # a long training has a long history
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines = []
    try:
        columns = next(rows, [])
        for row in rows:
            if len(row) != len(columns):
                raise ValueError(
                    f"line {rows.line_num} has {len(row)} cells; expected {len(columns)}"
                )
            lines.append(dict(zip(columns, row, strict=True)))
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num}: {error}") from error
    return lines


def _to_cell(value: Any) -> str:
    """Text as it is if that is unambiguous, all other values as JSON."""
    if isinstance(value, str) and value.isascii() and value.isprintable() and value:
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value)


def _from_cell(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _ordered(columns: Iterable[str]) -> list[str]:
    """Columns in the order of ``_FIRST``, the alphabet and ``_LAST``; metrics keep their order."""

    def place(column: str) -> tuple[int, str]:
        name = column.partition(".")[0]
        if name in _FIRST:
            return _FIRST.index(name), ""
        last = _LAST.index(column) + 1 if column in _LAST else 0
        return len(_FIRST) + last, column

    return sorted(columns, key=place)


def _place(line: Mapping[str, str]) -> tuple[Any, ...]:
    """Lines by split, fold, system and seed; fold 10 comes after fold 9."""
    fold, seed = line["fold"], line["seed"]
    return (line["split"], len(fold), fold, line["system"], len(seed), seed, line["config.digest"])
