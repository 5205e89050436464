"""Options from a YAML file."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click


def read_config(
    context: click.Context, parameter: click.Parameter, path: Path | None
) -> Path | None:
    """Use the options in a file as defaults of a command; the command line overrides them.

    Parameters
    ----------
    context : click.Context
    parameter : click.Parameter
        ``--config`` itself.
    path : Path or None

    Returns
    -------
    Path or None
        The file.

    Raises
    ------
    click.BadParameter
        If the file is not a YAML mapping, or has keys that are not options of the command.
    """
    if path is None:
        return None
    values = _load(path, context, parameter)
    # A configuration file named in a configuration file would never be read.
    known = {p.name: p for p in context.command.params if p.name and p is not parameter}
    defaults: dict[str, Any] = {}
    for key, value in values.items():
        name = str(key).replace("-", "_")
        if name not in known:
            raise click.BadParameter(_unknown(path, str(key), list(known)), context, parameter)
        if name in defaults:
            message = f"{path} holds '{key}' twice, with - and with _. Remove one of them."
            raise click.BadParameter(message, context, parameter)
        if value is not None:
            defaults[name] = _as_given(value, known[name])
        elif getattr(known[name].type, "takes_none", False):
            defaults[name] = "none"
    context.default_map = {**(context.default_map or {}), **defaults}
    return path


def _load(path: Path, context: click.Context, parameter: click.Parameter) -> Mapping[Any, Any]:
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = f"{path} is not YAML: {' '.join(str(error).split())}"
        raise click.BadParameter(message, context, parameter) from error
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        message = (
            f"{path} holds a {type(values).__name__}; expected lines such as 'batch-size: 32'."
        )
        raise click.BadParameter(message, context, parameter)
    return values


def _unknown(path: Path, key: str, known: list[str]) -> str:
    near = get_close_matches(key.replace("-", "_"), known, n=1, cutoff=0.5)
    meant = f"did you mean '{near[0].replace('_', '-')}'?" if near else "see --help."
    return f"'{key}' in {path} is not an option of this command: {meant}"


def _as_given(value: Any, parameter: click.Parameter) -> Any:
    """Convert a YAML value to the form that the parameter takes on the command line."""
    if parameter.nargs == -1 and not isinstance(value, list):
        return [str(value)]
    if getattr(parameter, "multiple", False) and not isinstance(value, list):
        return [value]
    if isinstance(parameter.type, (click.Choice, type(click.STRING), click.Path)):
        return str(value) if isinstance(value, (int, float)) else value
    return value
