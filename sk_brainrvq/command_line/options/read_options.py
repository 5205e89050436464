"""Options of MNE's readers: ``--read-option FORMAT.NAME=VALUE``."""

import inspect
import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import click

from sk_brainrvq.command_line.options.signature_options import WorkOption

_FORM = "FORMAT.NAME=VALUE"
# Readers of the formats that a folder is searched for, by file extension.
_READERS = {
    "ahdr": ("read_raw_brainvision",),
    "bdf": ("read_raw_bdf",),
    "cdt": ("read_raw_curry",),
    "cnt": ("read_raw_cnt", "read_raw_ant"),
    "edf": ("read_raw_edf",),
    "eeg": ("read_raw_nihon",),
    "fif": ("read_raw_fif",),
    "fif.gz": ("read_raw_fif",),
    "gdf": ("read_raw_gdf",),
    "lay": ("read_raw_persyst",),
    "mff": ("read_raw_egi",),
    "nedf": ("read_raw_nedf",),
    "nxe": ("read_raw_eximia",),
    "set": ("read_raw_eeglab",),
    "vhdr": ("read_raw_brainvision",),
}
# Not for users: the command decides what to load and what to report.
_TAKEN = ("preload", "verbose")
_PYTHON = {"True": "true", "False": "false", "None": "null"}


def read_option() -> click.Option:
    """Make the option, whose value is ``read_options`` of :class:`~sk_brainrvq.Reading`, or None.

    Returns
    -------
    click.Option
        Option with the name "read_option".
    """
    return WorkOption(
        ["--read-option"],
        multiple=True,
        type=_ReadOption(),
        callback=_gathered,
        section="Signals",
        help="Option of MNE's reader for the files of one format, such as edf.encoding=latin1 or "
        "cnt.data_format=int32; may be given several times. A VALUE that is JSON, such as true, "
        '3 or ["EKG"], counts as that, any other as text.',
    )


class _ReadOption(click.ParamType):
    """``FORMAT.NAME=VALUE``, or options by format from a configuration file."""

    name = "read_option"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Shown in the help."""
        return _FORM

    def convert(self, value: Any, param: Any, ctx: Any) -> list[tuple[str, str, Any]]:
        """Format, name and value of each option."""
        if not isinstance(value, Mapping):
            return [self._parsed(str(value), param, ctx)]
        found = []
        for kind, options in value.items():
            if not isinstance(options, Mapping):
                self.fail(
                    f"{kind!r}: {options!r} was given; expected options of the format by name, "
                    "such as {edf: {encoding: latin1}}.",
                    *(param, ctx),
                )
            for name, one in options.items():
                place = f"{kind}.{name}"
                found.append((*self._checked(str(kind), str(name), place, param, ctx), one))
        return found

    def _parsed(self, text: str, param: Any, ctx: Any) -> tuple[str, str, Any]:
        place, sign, value = text.partition("=")
        if not sign:
            self.fail(
                f"{text!r} has no '='; expected {_FORM}, such as edf.encoding=latin1.", param, ctx
            )
        kind, _, name = place.strip().rpartition(".")
        return (*self._checked(kind, name, text, param, ctx), self._value(value, text, param, ctx))

    def _checked(self, kind: str, name: str, text: str, param: Any, ctx: Any) -> tuple[str, str]:
        """Format and name, after checking that the format exists and its reader has the option."""
        ending = kind.strip().lower().removeprefix(".")
        if not ending:
            self.fail(
                f"{text!r} does not name a format; expected {_FORM}, such as edf.encoding=latin1.",
                *(param, ctx),
            )
        if ending not in _READERS:
            near = get_close_matches(ending, _READERS, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_READERS)}."
            self.fail(f"{text!r}: there is no format {kind!r}; {meant}", param, ctx)
        known = _options_of(ending)
        if name not in known:
            near = get_close_matches(name, known, n=1)
            options = f"its options are {', '.join(known)}." if known else "it has none."
            meant = f"did you mean {near[0]!r}?" if near else options
            readers = " and ".join(f"mne.io.{reader}" for reader in _READERS[ending])
            self.fail(f"{text!r}: {readers} has no option {name!r}; {meant}", param, ctx)
        return f".{ending}", name

    def _value(self, value: str, text: str, param: Any, ctx: Any) -> Any:
        try:
            return json.loads(value)
        except json.JSONDecodeError as error:
            if value in _PYTHON:
                self.fail(f"{text!r}: write {_PYTHON[value]}, as JSON does.", param, ctx)
            if value[:1] in ("[", "{", '"'):
                self.fail(f"{text!r}: the value is not JSON: {error}.", param, ctx)
            return value


def _options_of(ending: str) -> list[str]:
    """Options that readers of a format take in addition to the file."""
    import mne

    readers = [getattr(mne.io, name, None) for name in _READERS[ending]]
    names = [
        name
        for reader in readers
        if reader is not None
        for name in list(inspect.signature(reader).parameters)[1:]
    ]
    return [name for name in dict.fromkeys(names) if name not in _TAKEN]


def _gathered(
    context: click.Context, parameter: click.Parameter, given: tuple[Any, ...]
) -> dict[str, dict[str, Any]] | None:
    """Options by file extension; an error if one is given twice."""
    found: dict[str, dict[str, Any]] = {}
    for kind, name, value in [one for each in given for one in each]:
        options = found.setdefault(kind, {})
        if name in options and options[name] != value:
            message = f"{kind[1:]}.{name} is given twice: {options[name]!r} and {value!r}."
            raise click.BadParameter(message, context, parameter)
        options[name] = value
    return found or None
