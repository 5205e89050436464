"""JSON from files that anyone may have written."""

import json
from typing import Any

# A value takes some 100 bytes in memory, and may take 3 in the text.
MOST_VALUES = 400_000
LONGEST_TEXT = 16 * 2**20
_DEEPEST = 32


def parse_json(text: str | bytes, most_values: int = MOST_VALUES) -> Any:
    """Plain values in a JSON text of reasonable size and depth.

    Parameters
    ----------
    text : str or bytes
        UTF-8.
    most_values : int

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If it is no JSON, or would take far more memory than any text that the package writes.
    """
    if isinstance(text, bytes):
        text = text.decode()
    n_values = text.count(",") + text.count("[") + text.count("{")
    longest = LONGEST_TEXT * most_values // MOST_VALUES
    if len(text) > longest or n_values > most_values:
        raise ValueError(
            f"{len(text)} characters and some {n_values} values are more than the "
            f"{longest} and {most_values} that are read"
        )
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("values are nested too deeply") from None
    _check_depth(value, _DEEPEST)
    return value


def _check_depth(value: Any, levels: int) -> None:
    if not isinstance(value, (list, dict)):
        return
    if not levels:
        raise ValueError(f"values are nested more than {_DEEPEST} deep")
    for item in value.values() if isinstance(value, dict) else value:
        _check_depth(item, levels - 1)
