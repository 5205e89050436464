"""JSON from untrusted files."""

import json
from typing import Any

# A value takes about 100 bytes in memory, but may take only 3 in the text.
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
        If the text is not JSON, or would take far more memory than any text that the package
        writes.
    """
    if isinstance(text, bytes):
        text = text.decode()
    n_values = text.count(",") + text.count("[") + text.count("{")
    longest = LONGEST_TEXT * most_values // MOST_VALUES
    if len(text) > longest or n_values > most_values:
        raise ValueError(
            f"{len(text)} characters and about {n_values} values are more than the limits of "
            f"{longest} characters and {most_values} values"
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
