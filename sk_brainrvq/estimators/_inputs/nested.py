"""Parameters that are objects with parameters, such as ``filters``, and their placeholders."""

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
    """Objects for parameters that are set in part, as by ``filters__l_freq``.

    Parameters
    ----------
    params : mapping
        Arguments of ``set_params``.
    names : mapping
        The estimator's parameters and their values.

    Returns
    -------
    dict
        An object for each parameter that held only a placeholder: None, or a name.

    Raises
    ------
    ValueError
        For ``filters=None``, which means no filtering.
    """
    parts = {key.partition("__")[0]: key for key in params if "__" in key}
    made = {}
    for name, key in parts.items():
        if name not in VALUES or name not in names or hasattr(names[name], "set_params"):
            continue
        if name == "filters" and names[name] is None:
            raise ValueError(
                f"{key}={params[key]!r} was given, but filters=None does not filter. Set "
                "filters='auto' or filters=Filters(...) first."
            )
        is_preset = name == "architecture" and isinstance(names[name], str)
        made[name] = Architecture(names[name]) if is_preset else VALUES[name]()
    return made


@contextmanager
def kept_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Restore an estimator's parameters, including nested ones, on an error."""
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
