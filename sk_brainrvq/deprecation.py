"""Deprecation warnings, which last for two minor versions; `docs/stability.rst` has the policy.

Functions and classes use Python's own decorator (PEP 702). It does not cover keywords or the
parameters of estimators: scikit-learn handles those by hand, and this module does the same.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import typing_extensions

from sk_brainrvq.user_warnings import warn

P = ParamSpec("P")
R = TypeVar("R")

# Default of a renamed constructor parameter, as in scikit-learn.
DEPRECATED = "deprecated"


def deprecated(
    name: str, *, since: str, removed_in: str, use: str
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function, method or class that will be removed.

    Parameters
    ----------
    name : str
        The name that users know it by.
    since, removed_in : str
        The first version that warns, and the first without it.
    use : str
        What to use instead.

    Returns
    -------
    callable
        The decorator. Each call warns with a FutureWarning at the caller's line.

    Examples
    --------
    >>> from sk_brainrvq.deprecation import deprecated
    >>> @deprecated("old_mean()", since="0.2", removed_in="0.4", use="numpy.mean")
    ... def old_mean(values):
    ...     return sum(values) / len(values)
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     old_mean([1, 3])
    2.0
    >>> print(caught[0].message)
    old_mean() is deprecated since version 0.2 and will be removed in 0.4; use numpy.mean.
    """
    return typing_extensions.deprecated(
        _message(name, since, removed_in, use), category=FutureWarning, stacklevel=1
    )


def renamed_keywords(
    *, since: str, removed_in: str, **new_names: str
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function or method whose keywords were renamed.

    Parameters
    ----------
    since, removed_in : str
        The first version that warns, and the first that accepts only the new names.
    **new_names : str
        The new name of each old one.

    Returns
    -------
    callable
        The decorator. An old name raises a FutureWarning at the caller's line, and its value is
        passed under the new name; passing both in one call raises a TypeError.

    Examples
    --------
    >>> from sk_brainrvq.deprecation import renamed_keywords
    >>> @renamed_keywords(since="0.2", removed_in="0.4", rate="sfreq")
    ... def n_samples(seconds, *, sfreq=200):
    ...     return seconds * sfreq
    >>> n_samples(2, sfreq=100)
    200
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            for old in new_names.keys() & kwargs.keys():
                new = new_names[old]
                if new in kwargs:
                    raise TypeError(
                        f"{old} and {new} were given; {new} is the new name of {old}: pass only "
                        f"{new}."
                    )
                warn(_message(f"{old}=", since, removed_in, f"{new}="), FutureWarning)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return wrapper

    return decorate


def renamed_parameter(estimator: Any, old: str, new: str, *, since: str, removed_in: str) -> Any:
    """Value of a constructor parameter that was renamed; call this at the start of fit.

    The old parameter stays in ``__init__`` with the default "deprecated", and both are stored as
    given, so that ``get_params``, ``set_params`` and ``clone`` work with either.

    Parameters
    ----------
    estimator : sklearn.base.BaseEstimator
    old, new : str
        Names of the parameter.
    since, removed_in : str
        The first version that warns, and the first that accepts only the new name.

    Returns
    -------
    object
        The old parameter's value if it was set, with a FutureWarning at the first line outside the
        package; otherwise the new parameter's value.

    Raises
    ------
    ValueError
        If both were set.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> from sk_brainrvq.deprecation import DEPRECATED, renamed_parameter
    >>> class Scaler(BaseEstimator):
    ...     def __init__(self, factor=1.0, gain=DEPRECATED):
    ...         self.factor = factor
    ...         self.gain = gain
    ...     def fit(self, X, y=None):
    ...         versions = {"since": "0.2", "removed_in": "0.4"}
    ...         self.factor_ = renamed_parameter(self, "gain", "factor", **versions)
    ...         return self
    >>> Scaler(factor=2.0).fit(None).factor_
    2.0
    """
    given, current = getattr(estimator, old), getattr(estimator, new)
    if isinstance(given, str) and given == DEPRECATED:
        return current
    default = inspect.signature(type(estimator)).parameters[new].default
    if current is not default and (type(current) is not type(default) or current != default):
        raise ValueError(
            f"{old}={given!r} and {new}={current!r} were given; {new} is the new name of {old}: "
            f"pass {new} only."
        )
    message = _message(f"{old}=", since, removed_in, f"{new}=")
    warn(message, FutureWarning)
    return given


def _message(name: str, since: str, removed_in: str, use: str) -> str:
    versions = f"since version {since} and will be removed in {removed_in}"
    return f"{name} is deprecated {versions}; use {use}."
