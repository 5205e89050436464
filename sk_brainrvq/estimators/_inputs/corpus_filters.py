"""A corpus is filtered already: its filters against those that an estimator asks for."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.settings import Filters, FilterSettings
from sk_brainrvq.user_warnings import quiet, warn

_BUILT_WITH = "The corpus was built with"


# Of each item of X what it went through already; None for those still to be filtered.
Filtered = Sequence[FilterSettings | None]


def filters_after(filtered: Filtered, info: Mapping[str, Any], filters: Filters) -> dict[str, Any]:
    """What is known of the training, with the filters of X where the weights know none.

    Parameters
    ----------
    filtered : sequence of FilterSettings or None
        One per item of X.
    info : mapping
        ``Weights.info`` of the weights that a fit starts from.
    filters : Filters
        What the user asked for.

    Returns
    -------
    dict
        ``info``; where X is made only of corpora that were filtered alike, with their filters.

    Raises
    ------
    InvalidEEGError
        If the user's own filters are not those of a corpus in X.
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
    """Raise InvalidEEGError unless a corpus has the filters that are wanted."""
    if found != wanted:
        raise InvalidEEGError(
            f"{_BUILT_WITH} {found}, but {wanted} was asked for (by filters=, or the weights). "
            "Build the corpus with those, or pass filters=corpus.filters."
        )


def warn_of_other_filters(filtered: Filtered, wanted: FilterSettings, estimator: str) -> None:
    """Warn once where corpora in X were filtered otherwise than is wanted."""
    others = [found for found in _distinct(filtered) if found != wanted]
    if not others:
        return
    warn(
        f"{_BUILT_WITH} {' and '.join(map(str, others))}, but this {estimator} takes EEG filtered "
        f"with {wanted} (by its weights, or what it was fitted on). A corpus is not filtered "
        "again: results may be worse. Build it with those filters, or pass "
        "filters=corpus.filters if you mean it so."
    )


def without_warning_again() -> AbstractContextManager[None]:
    """Leave out :func:`warn_of_other_filters`, which has been said of the same X."""
    return quiet(_BUILT_WITH)
