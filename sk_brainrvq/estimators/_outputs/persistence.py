"""Plain Python and numpy values to JSON and back, without pickle."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sk_brainrvq.signals import Filters, Reading
from sk_brainrvq.training import Engine, RandomCrops
from sk_brainrvq.weights import Architecture

_MARK = "__sk_brainrvq__"
# Values that hold parameters of their own, by the mark that stands for each.
_VALUES: dict[str, type[BaseEstimator]] = {
    "architecture": Architecture,
    "crops": RandomCrops,
    "engine": Engine,
    "filters": Filters,
    "reading": Reading,
}


class Omitted:
    """Stands for a value that does not go into JSON, such as weights."""


def to_json(value: Any) -> Any:
    """Value as plain JSON; arrays and mappings with other keys are marked, columns become lists.

    Parameters
    ----------
    value : object
        Of plain types, numpy's, pandas', a path, a value such as Filters or Engine, or
        :class:`Omitted`; any other is an error.

    Returns
    -------
    object
    """
    if isinstance(value, Omitted):
        return {_MARK: "omitted"}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        return {_MARK: "array", "dtype": value.dtype.str, "values": to_json(value.tolist())}
    if isinstance(value, (list, tuple)):
        values = [to_json(item) for item in value]
        return {_MARK: "tuple", "values": values} if isinstance(value, tuple) else values
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    for mark, kind in _VALUES.items():
        if isinstance(value, kind):
            return {_MARK: mark, "values": to_json(value.get_params(deep=False))}
    if isinstance(value, Mapping):
        pairs = [[to_json(k), to_json(v)] for k, v in value.items()]
        return {_MARK: "mapping", "values": pairs}
    if isinstance(value, bytes):
        return {_MARK: "bytes", "values": value.hex()}
    if hasattr(value, "tolist"):  # a column of a table
        return to_json(value.tolist())
    raise TypeError(
        f"{value!r} of type {type(value).__name__} cannot be saved as JSON; use pickle or joblib "
        "for an estimator with such a parameter."
    )


def from_json(value: Any) -> Any:
    """Value that :func:`to_json` made plain."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    mark = value[_MARK]
    if mark == "omitted":
        return Omitted()
    if mark == "array":
        return np.array(from_json(value["values"]), dtype=np.dtype(value["dtype"]))
    if mark == "bytes":
        return bytes.fromhex(value["values"])
    if mark == "tuple":
        return tuple(from_json(item) for item in value["values"])
    if mark in _VALUES:
        return _VALUES[mark](**from_json(value["values"]))
    return {from_json(k): from_json(v) for k, v in value["values"]}
