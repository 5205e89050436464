"""Conversion of plain Python and numpy values to JSON and back, without pickle."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from sk_brainrvq.signals import Filters, Reading
from sk_brainrvq.training import Engine, RandomCrops
from sk_brainrvq.weights import Architecture

_MARK = "__sk_brainrvq__"
# Classes of values with parameters, by the mark that stands for each.
_VALUES: dict[str, type[BaseEstimator]] = {
    "architecture": Architecture,
    "crops": RandomCrops,
    "engine": Engine,
    "filters": Filters,
    "reading": Reading,
}
# Booleans, numbers, text, plain objects and dates, which make up columns and labels.
_ARRAY_KINDS = "biufUSOMm"
_LARGEST_ARRAY = 2**24
_STATE = ("key", "pos", "has_gauss", "gauss")


class Omitted:
    """Stands for a value that is not written to JSON, such as weights."""


def to_json(value: Any) -> Any:
    """Convert a value to plain JSON; arrays and mappings with other keys are marked.

    Parameters
    ----------
    value : object
        A plain, numpy or pandas type, a path, a RandomState, a device, a value such as Filters or
        Engine, or :class:`Omitted`; any other type is an error. Columns become lists.

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
    if isinstance(value, torch.device):
        return {_MARK: "device", "values": str(value)}
    if isinstance(value, RandomState):
        return {_MARK: "random_state", "values": _state_of(value)}
    raise _cannot_save(value)


def _state_of(generator: RandomState) -> dict[str, Any]:
    state: Any = generator.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise _cannot_save(generator)
    plain = {**state["state"], "has_gauss": state["has_gauss"], "gauss": state["gauss"]}
    return {name: to_json(np.asarray(plain[name]).tolist()) for name in _STATE}


def _cannot_save(value: Any) -> TypeError:
    mend = "use pickle or joblib for an estimator with such a parameter"
    if isinstance(value, (np.random.Generator, RandomState)):
        mend = "pass an integer or numpy.random.RandomState(seed) as random_state before saving"
    return TypeError(f"{value!r} of type {type(value).__name__} cannot be saved as JSON; {mend}.")


def entries_from_json(value: Any) -> dict[str, Any]:
    """Restore a mapping that :func:`to_json` converted; a value may be Omitted.

    Parameters
    ----------
    value : object
        Content of an untrusted file.

    Returns
    -------
    dict of str to object

    Raises
    ------
    ValueError
        If :func:`to_json` cannot have written it.
    """
    omitted = {_MARK: "omitted"}
    entries = {}
    for name, item in _pairs(value):
        if not isinstance(name, str) or name in entries:
            raise ValueError(f"{name!r:.80} is not the name of one value")
        try:
            entries[name] = Omitted() if item == omitted else from_json(item)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise ValueError(f"{name[:80]!r} cannot be read: {error}") from error
    return entries


def _pairs(value: Any) -> list[Any]:
    pairs = value.get("values") if isinstance(value, dict) else None
    if not isinstance(pairs, list) or value.get(_MARK) != "mapping":
        raise ValueError(f"{value!r:.80} is not a mapping")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise ValueError("a mapping has entries that are not pairs")
    return pairs


def from_json(value: Any) -> Any:
    """Restore a value that :func:`to_json` converted; raise ValueError or TypeError otherwise."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    mark, values = value.get(_MARK), value.get("values")
    if mark == "array":
        return _array(values, value.get("dtype"))
    if mark == "bytes" and isinstance(values, str):
        return bytes.fromhex(values)
    if mark == "tuple" and isinstance(values, list):
        return tuple(from_json(item) for item in values)
    if mark == "mapping":
        return {from_json(k): from_json(v) for k, v in _pairs(value)}
    if mark == "device" and isinstance(values, str):
        return torch.device(values)
    if mark == "random_state":
        return _random_state(values)
    if isinstance(mark, str) and mark in _VALUES:
        return _value(_VALUES[mark], entries_from_json(values))
    raise ValueError(f"{value!r:.80} has no mark that this version knows")


def _value(kind: type[BaseEstimator], params: dict[str, Any]) -> BaseEstimator:
    made = kind()
    unknown = sorted(params.keys() - made.get_params(deep=False).keys())
    if unknown or any(isinstance(param, Omitted) for param in params.values()):
        raise ValueError(f"{kind.__name__} has no such parameters: {unknown or 'omitted ones'}")
    return made.set_params(**params)


def _array(values: Any, dtype: Any) -> NDArray:
    if not isinstance(dtype, str):
        raise ValueError(f"{dtype!r:.80} is not a type of an array")
    wanted, plain = np.dtype(dtype), np.array(from_json(values), dtype=object)
    if wanted.kind not in _ARRAY_KINDS or wanted.itemsize * plain.size > _LARGEST_ARRAY:
        raise ValueError(f"an array of type {dtype[:80]} and {plain.size} values cannot be read")
    return np.array(from_json(values), dtype=wanted)


def _random_state(values: Any) -> RandomState:
    if not isinstance(values, dict) or values.keys() != set(_STATE):
        raise ValueError("a RandomState lacks parts of its state")
    state = {name: values[name] for name in ("key", "pos")}
    if not isinstance(state["key"], list) or len(state["key"]) != 624:
        raise ValueError("the key of a RandomState does not have 624 numbers")
    if not all(isinstance(number, int) and 0 <= number < 2**32 for number in state["key"]):
        raise ValueError("the key of a RandomState has numbers that do not fit into 32 bits")
    if not isinstance(state["pos"], int) or not 0 <= state["pos"] <= 624:
        raise ValueError(f"the position of a RandomState is {state['pos']!r:.80}, not within 624")
    state["key"] = np.array(state["key"], dtype=np.uint32)
    gauss = {"has_gauss": int(values["has_gauss"]), "gauss": float(values["gauss"])}
    generator = RandomState()
    generator.set_state({"bit_generator": "MT19937", "state": state, **gauss})
    return generator
