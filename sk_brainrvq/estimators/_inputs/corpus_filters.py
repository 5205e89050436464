"""A corpus is filtered already: its filters against those that an estimator asks for."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources.registry import is_corpus

_BUILT_WITH = "The corpus was built with"


def filters_of_corpora(X: Any) -> list[FilterSettings]:
    """Filters of the corpus X, or of the corpora in a list X, each once.

    Parameters
    ----------
    X : anything that an estimator takes

    Returns
    -------
    list of FilterSettings
        Empty where there is no corpus.
    """
    return list(dict.fromkeys(corpus.filters for corpus in filter(is_corpus, _items(X))))


def common_filters(X: Any) -> FilterSettings | None:
    """Filters of all of X, where it is made of nothing but corpora that were filtered alike."""
    found = filters_of_corpora(X)
    return found[0] if len(found) == 1 and all(map(is_corpus, _items(X))) else None


def _items(X: Any) -> list | tuple:
    return X if isinstance(X, (list, tuple)) else [X]


def refuse_other_filters(found: FilterSettings, wanted: FilterSettings) -> None:
    """Raise InvalidEEGError unless a corpus has the filters that are wanted."""
    if found != wanted:
        raise InvalidEEGError(
            f"{_BUILT_WITH} {found}, but {wanted} was asked for (by l_freq, h_freq, notch, "
            "reference, or the weights). Build the corpus with those, or pass the corpus's."
        )


def refuse_own_filters(X: Any, given: Mapping[str, Any], wanted: FilterSettings) -> None:
    """Raise InvalidEEGError where the user's own filters are not those of a corpus in X.

    Parameters
    ----------
    X : anything that an estimator takes
    given : mapping
        The estimator's parameters ``l_freq``, ``h_freq``, ``notch``, ``reference``.
    wanted : FilterSettings
        The same, checked, with what "auto" stands for.
    """
    own = [name for name, value in given.items() if not is_auto(value)]
    for found in filters_of_corpora(X):
        if any(getattr(found, name) != getattr(wanted, name) for name in own):
            refuse_other_filters(found, wanted)


def warn_of_other_filters(X: Any, wanted: FilterSettings, estimator: str) -> None:
    """Warn once where corpora in X were filtered otherwise than is wanted."""
    others = [found for found in filters_of_corpora(X) if found != wanted]
    if not others:
        return
    warnings.warn(
        f"{_BUILT_WITH} {' and '.join(map(str, others))}, but this {estimator} takes EEG filtered "
        f"with {wanted} (by its weights, or what it was fitted on). A corpus is not filtered "
        "again: results may be worse. Build it with those filters, or pass the corpus's own as "
        "l_freq, h_freq, notch and reference if you mean it so.",
        EEGWarning,
        stacklevel=4,
    )


@contextmanager
def without_warning_again() -> Iterator[None]:
    """Leave out :func:`warn_of_other_filters`, which has been said of the same X."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", _BUILT_WITH, EEGWarning)
        yield


def is_auto(value: Any) -> bool:
    """Whether a filter is left to the weights."""
    return isinstance(value, str) and value == "auto"
