"""Options for the parameters of an estimator, with one option per field of nested values."""

import inspect
from collections.abc import Collection, Mapping
from typing import Any

import click

from sk_brainrvq.command_line.options.read_options import read_option
from sk_brainrvq.command_line.options.signature_options import options_of
from sk_brainrvq.signals import Filters, Reading
from sk_brainrvq.training import Engine
from sk_brainrvq.weights import Architecture

VALUES: Mapping[str, type] = {
    "architecture": Architecture,
    "engine": Engine,
    "filters": Filters,
    "reading": Reading,
}
# A preset is the name of an architecture; options of readers are given one by one.
_OPTION_NAMES = {"preset": "architecture", "read_options": "read_option"}
# crops are a flag of the training commands; no option can express a callback.
_LEFT_OUT = {"crops", "callbacks", "read_options"}


def options_of_estimator(
    estimator: type, *, leave_out: Collection[str] = (), **settings: Any
) -> list[click.Option]:
    """Options for the parameters of an estimator, and for the fields of its values.

    Parameters
    ----------
    estimator : type
    leave_out : collection of str
        Parameters and fields without an option. A nested value that is left out has no options at
        all.
    **settings
        Further arguments of :func:`options_of`.

    Returns
    -------
    list of click.Option
        Options in the order of the signature; fields stand at the place of their value.
    """
    leave_out = {*leave_out, *_LEFT_OUT}
    options: list[click.Option] = []
    for name in inspect.signature(estimator).parameters:
        if name in leave_out:
            continue
        source, only = (VALUES[name], None) if name in VALUES else (estimator, {name})
        options += options_of(
            source, only=only, leave_out=leave_out, names=_OPTION_NAMES, **settings
        )
        if source is Reading:
            options.append(read_option())
    return options


def estimator_parameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of an estimator from its options; fields are combined to nested values.

    Parameters
    ----------
    settings : mapping
        Values of the options, by name.

    Returns
    -------
    dict
        Parameters, without nested values that have no options.

    Examples
    --------
    >>> estimator_parameters({"architecture": "tiny", "depth": 4, "lr": 0.01})
    {'lr': 0.01, 'architecture': Architecture(depth=4, preset='tiny')}
    """
    parameters, values = dict(settings), {}
    for name, value_class in VALUES.items():
        fields = {f: _OPTION_NAMES.get(f, f) for f in inspect.signature(value_class).parameters}
        given = {f: parameters.pop(o) for f, o in fields.items() if o in parameters}
        if given:
            values[name] = value_class(**given)
    return {**parameters, **values}
