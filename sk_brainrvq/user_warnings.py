"""Warnings that point at the user's line, from any depth and in any thread.

Python shows a warning once per line that it points at: where that is the user's line, a text is
shown once per call, however many recordings or folds repeat it.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sk_brainrvq.exceptions import EEGWarning

# Frames of these packages stand between the user's line and what is warned of.
_BETWEEN = ("sk_brainrvq", "sklearn", "joblib", "moabb", "concurrent")
_MODULES_BETWEEN = ("contextlib", "functools", "threading")
# Beginnings of texts that are not to be said in this context; "" is all of them. Unlike
# ``warnings.catch_warnings`` this leaves other threads alone.
_unsaid: ContextVar[tuple[str, ...]] = ContextVar("unsaid", default=())


def warn(message: str, category: type[Warning] = EEGWarning) -> None:
    """Warn at the nearest line outside of this package and those that call it for the user.

    Parameters
    ----------
    message : str
    category : type, default=EEGWarning

    Examples
    --------
    >>> import warnings
    >>> from sk_brainrvq.user_warnings import quiet, warn
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     warn("The channel is flat.")
    ...     with quiet("The channel"):
    ...         warn("The channel is flat.")
    >>> [str(warning.message) for warning in said]
    ['The channel is flat.']
    """
    if not any(message.startswith(start) for start in _unsaid.get()):
        warnings.warn(message, category, stacklevel=_level_of_user())


def _level_of_user() -> int:
    """Stack level, seen from `warn`, of the user's line."""
    frame, level = sys._getframe(2), 2
    while frame.f_back is not None and _is_between(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    return level


def _is_between(module: str) -> bool:
    return module.split(".")[0] in _BETWEEN or module in _MODULES_BETWEEN


@contextmanager
def quiet(start: str = "") -> Iterator[None]:
    """Leave out the warnings of `warn` that begin so, in this thread only.

    Parameters
    ----------
    start : str, default=""
        All of them by default.
    """
    token = _unsaid.set((*_unsaid.get(), start))
    try:
        yield
    finally:
        _unsaid.reset(token)
