"""Warnings that point at the user's line, from any depth and in any thread.

Python's own filter shows a text once per line that it points at, however many recordings or folds
repeat it. But it forgets what it has shown as soon as any filter changes, and scikit-learn and MNE
change filters within one call of the user, so this module remembers it.
"""

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

from sk_brainrvq.exceptions import EEGWarning

# Frames of these packages lie between the user's line and the cause of the warning.
_BETWEEN = (
    "sk_brainrvq",
    "sklearn",
    "joblib",
    "moabb",
    "skorch",
    "torch",
    "braindecode",
    "concurrent",
)
_MODULES_BETWEEN = ("contextlib", "functools", "threading")
# Beginnings of texts to suppress in this context; "" suppresses all of them. Unlike
# ``warnings.catch_warnings`` this does not affect other threads.
_unsaid: ContextVar[tuple[str, ...]] = ContextVar("unsaid", default=())
# Where texts go in this context instead of to the user's screen.
_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


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
    if any(message.startswith(start) for start in _unsaid.get()):
        return
    texts = _collected.get()
    if texts is not None:
        if message not in texts:
            texts.append(message)
        return
    frame = _frame_of_user()
    names = frame.f_globals
    registry = names.setdefault("__warningregistry__", {})
    place = frame.f_code.co_filename, frame.f_lineno, names.get("__name__", "<string>")
    _shown.show_once(message, category, place, registry)


def _frame_of_user() -> FrameType:
    """Frame of the user's line."""
    frame = sys._getframe(2)
    while frame.f_back is not None and _is_between(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return frame


def _is_between(module: str) -> bool:
    return module.split(".")[0] in _BETWEEN or module in _MODULES_BETWEEN


class _Shown:
    """What Python has shown under the same filters, so that it need not be shown again.

    Only Python's filter decides: a text is remembered if Python has noted it, which it does under
    "default", "module" and "once", not under "always" and "error".
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._display: Any = None
        # Keyed by the identity of a module's registry, which is kept alive so that the identity
        # stays unique.
        self._keys: dict[int, tuple[dict[Any, Any], set[Any]]] = {}

    def show_once(
        self,
        message: str,
        category: type[Warning],
        place: tuple[str, int, str],
        registry: dict[Any, Any],
    ) -> None:
        """Let Python show a text, unless it has already shown it under these filters."""
        noted = message, category, place[1]
        # Threads change each other's filters, so checking and showing must be one locked step.
        with self._lock:
            self._forget_if_shown_elsewhere()
            key = noted, place[0], _filters_of(category)
            _, keys = self._keys.setdefault(id(registry), (registry, set()))
            if key not in keys:
                warnings.warn_explicit(message, category, *place, registry=registry)
                if registry.get(noted) and _filters_are_global():
                    keys.add(key)

    def _forget_if_shown_elsewhere(self) -> None:
        """Forget what was shown elsewhere: a caller that starts recording has seen nothing yet."""
        # Recording replaces the second, logging.captureWarnings the first.
        display = warnings.showwarning, getattr(warnings, "_showwarnmsg_impl", None)
        if display != self._display:
            self._display = display
            self._keys.clear()


def _filters_of(category: type[Warning]) -> tuple[tuple[Any, ...], ...]:
    """The filters that a category can meet; scikit-learn's folds compile their patterns anew."""
    return tuple(
        (action, getattr(text, "pattern", text), kind, getattr(module, "pattern", module), line)
        for action, text, kind, module, line in warnings.filters
        if issubclass(category, kind)
    )


def _filters_are_global() -> bool:
    """Whether ``warnings.filters`` and the display are all there is to look at."""
    by_context = getattr(sys.flags, "context_aware_warnings", False)
    return hasattr(warnings, "_showwarnmsg_impl") and not by_context


_shown = _Shown()
if hasattr(os, "register_at_fork"):  # another thread's lock would stay locked in the child
    os.register_at_fork(after_in_child=lambda: setattr(_shown, "_lock", threading.RLock()))


@contextmanager
def quiet(start: str = "") -> Iterator[None]:
    """Suppress the warnings of `warn` that start with a text, in this thread only.

    Parameters
    ----------
    start : str, default=""
        Beginning of the texts to suppress; by default all of them.
    """
    token = _unsaid.set((*_unsaid.get(), start))
    try:
        yield
    finally:
        _unsaid.reset(token)


@contextmanager
def collected() -> Iterator[list[str]]:
    """Collect the texts of `warn` instead of showing them, in this thread only.

    Yields
    ------
    list of str
        Each text once, in the order of the warnings.

    Examples
    --------
    >>> from sk_brainrvq.user_warnings import collected, warn
    >>> with collected() as texts:
    ...     warn("The channel is flat.")
    >>> texts
    ['The channel is flat.']
    """
    texts: list[str] = []
    token = _collected.set(texts)
    try:
        yield texts
    finally:
        _collected.reset(token)
