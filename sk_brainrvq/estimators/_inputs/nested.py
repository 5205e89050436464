"""Parameters that are values of their own, such as ``filters``, and what stands for them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sklearn.base import BaseEstimator

from sk_brainrvq.signals import Filters, Reading
from sk_brainrvq.training import Engine, RandomCrops
from sk_brainrvq.weights import Architecture

VALUES: Mapping[str, type] = {
    "architecture": Architecture,
    "crops": RandomCrops,
    "engine": Engine,
    "filters": Filters,
    "reading": Reading,
}


def make_values(params: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Objects for parameters that are asked for in part, as by ``filters__l_freq``.

    Parameters
    ----------
    params : mapping
        What ``set_params`` was called with.
    names : mapping
        The estimator's own parameters and what they hold.

    Returns
    -------
    dict
        An object for each parameter that held what only stands for one: None, or a name.

    Raises
    ------
    ValueError
        For ``filters=None``, which says that nothing is filtered.
    """
    parts = {key.partition("__")[0]: key for key in params if "__" in key}
    made = {}
    for name, key in parts.items():
        if name not in VALUES or name not in names or hasattr(names[name], "set_params"):
            continue
        if name == "filters" and names[name] is None:
            raise ValueError(
                f"{key}={params[key]!r} was given, but filters=None filters nothing. Set "
                "filters='auto' or filters=Filters(...) first."
            )
        is_preset = name == "architecture" and isinstance(names[name], str)
        made[name] = Architecture(names[name]) if is_preset else VALUES[name]()
    return made


@contextmanager
def kept_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Leave an estimator's parameters, and those of its values, as they were on an error."""
    own = estimator.get_params(deep=False)
    values = [value for name, value in own.items() if name in VALUES]
    holders = [estimator, *(value for value in values if isinstance(value, BaseEstimator))]
    before = [holder.get_params(deep=False) for holder in holders]
    try:
        yield
    except Exception:
        for holder, params in zip(holders, before, strict=True):
            for name, value in params.items():
                setattr(holder, name, value)
        raise
