"""Checks of a corpus's filters, which it has already been through, against an estimator's."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.settings import Filters, FilterSettings
from sk_brainrvq.user_warnings import quiet, warn

_BUILT_WITH = "The corpus was built with"


# Filters that each item of X has already been through; None for those still to be filtered.
Filtered = Sequence[FilterSettings | None]


def filters_after(filtered: Filtered, info: Mapping[str, Any], filters: Filters) -> dict[str, Any]:
    """Info of the training, with the filters of X if the weights have none.

    Parameters
    ----------
    filtered : sequence of FilterSettings or None
        One per item of X.
    info : mapping
        ``Weights.info`` of the weights that a fit starts from.
    filters : Filters
        Filters that the user asked for.

    Returns
    -------
    dict
        ``info``; if X consists only of corpora with the same filters, with these filters.

    Raises
    ------
    InvalidEEGError
        If the user's filters differ from those of a corpus in X.
    """
    found, info = _distinct(filtered), dict(info)
    if len(found) == 1 and None not in filtered:
        info.setdefault("filters", asdict(found[0]))
    wanted = filters.resolve(info.get("filters", {}))
    for own in found:
        if any(getattr(own, name) != getattr(wanted, name) for name in filters.chosen()):
            refuse_other_filters(own, wanted)
    return info


def _distinct(filtered: Filtered) -> list[FilterSettings]:
    return list(dict.fromkeys(filters for filters in filtered if filters is not None))


def refuse_other_filters(found: FilterSettings | None, wanted: FilterSettings) -> None:
    """Raise InvalidEEGError unless a corpus has the wanted filters."""
    if found != wanted:
        raise InvalidEEGError(
            f"{_BUILT_WITH} {found}, but {wanted} was asked for (by filters=, or the weights). "
            "Build the corpus with those, or pass filters=corpus.filters."
        )


def warn_of_other_filters(filtered: Filtered, wanted: FilterSettings, estimator: str) -> None:
    """Warn once if corpora in X have other filters than wanted."""
    others = [found for found in _distinct(filtered) if found != wanted]
    if not others:
        return
    warn(
        f"{_BUILT_WITH} {' and '.join(map(str, others))}, but this {estimator} expects EEG "
        f"filtered with {wanted} (because of its weights, or of what it was fitted on). A corpus "
        "is not filtered again, so results may be worse. Build it with those filters, or pass "
        "filters=corpus.filters if this is intended."
    )


def without_warning_again() -> AbstractContextManager[None]:
    """Suppress :func:`warn_of_other_filters`, which has already warned about the same X."""
    return quiet(_BUILT_WITH)
