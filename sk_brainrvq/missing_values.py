"""Missing values in tables."""

import math
from typing import Any

import numpy as np

_MOST_ROWS = 5


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, pandas' NA or NaT.

    Examples
    --------
    >>> from sk_brainrvq.missing_values import is_missing
    >>> [is_missing(value) for value in (None, float("nan"), "nan", 0)]
    [True, True, False, False]
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and math.isnan(value)


def missing_rows(values: Any) -> list[int]:
    """Rows without a value, found before numpy turns missing values into text.

    Parameters
    ----------
    values : array-like, shape (n_rows, ...)
        A list of text and NaN becomes an array of text, in which NaN is the word "nan".

    Returns
    -------
    list of int

    Examples
    --------
    >>> from sk_brainrvq.missing_values import missing_rows
    >>> missing_rows(["rest", float("nan"), "task"])
    [1]
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "iubUS":
        return []
    listed = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(listed, (str, bytes)) or not hasattr(listed, "__iter__"):
        return []
    return [row for row, value in enumerate(listed) if _holds_missing(value)]


def _holds_missing(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_holds_missing, value))
    return is_missing(value)


def which_rows(rows: list[int]) -> str:
    """Text for a message that names the first few rows by number.

    Examples
    --------
    >>> from sk_brainrvq.missing_values import which_rows
    >>> which_rows([3]), which_rows([0, 1, 2, 3, 4, 5])
    ('row 3', 'rows 0, 1, 2, 3, 4, ...')
    """
    more = ", ..." if len(rows) > _MOST_ROWS else ""
    return f"row{'s' * (len(rows) > 1)} {', '.join(map(str, rows[:_MOST_ROWS]))}{more}"
