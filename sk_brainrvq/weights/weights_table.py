"""The weights that come with the package, as a readable table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights.checkpoint import BUNDLED, BUNDLED_NAMES
from sk_brainrvq.weights.checkpoint_header import TENSOR_FILE
from sk_brainrvq.weights.hub.model_card import CARD_FILE, front_matter

_COLUMNS = ("name", "kind", "digest", "date", "licence", "data", "size")


class WeightsTable(list[dict[str, Any]]):
    """One row per name, which prints as a table and can be passed to ``pandas.DataFrame``."""

    def __repr__(self) -> str:
        cells = [{**row, "size": f"{row['size'] / 1e6:.1f} MB"} for row in self]
        lines = [_COLUMNS, *(tuple(str(row[name]) for name in _COLUMNS) for row in cells)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def weights_table(read: Callable[[Path], Any]) -> WeightsTable:
    """Build the table of the bundled weights.

    Parameters
    ----------
    read : callable
        Function that reads ``Weights`` from a folder.

    Returns
    -------
    WeightsTable
    """
    rows = []
    for name in BUNDLED_NAMES:
        card, weights = front_matter(card_of(name)), read(BUNDLED / name)
        about = {"date": str(card["date"]), "licence": card["license"], "data": card["data"]}
        size = (BUNDLED / name / TENSOR_FILE).stat().st_size
        rows.append(
            {"name": name, "kind": weights.kind, "digest": weights.digest, **about, "size": size}
        )
    return WeightsTable(rows)


def card_of(name: str) -> str:
    """Return the text of the model card of bundled weights."""
    file = BUNDLED / name / CARD_FILE
    if not file.is_file():
        raise CheckpointError(
            f"This installation lacks the model card of the bundled weights {name!r} ({file}). "
            "Install sk_brainrvq again."
        )
    return file.read_text(encoding="utf-8")


def bundled_card(weights: Any) -> str | None:
    """Return the text of the model card if the weights are bundled; None otherwise."""
    name = weights.name
    bundled = name in BUNDLED_NAMES and weights == type(weights)(BUNDLED / name)
    return card_of(name) if bundled else None
