"""Types of options that click does not have."""

from collections.abc import Mapping, Sequence
from typing import Any

import click


class NumberOrWord(click.ParamType):
    """A number, or one of some words; "none" becomes None.

    Parameters
    ----------
    words : sequence of str
    """

    name = "number"

    def __init__(self, words: Sequence[str]):
        self.words = list(words)
        self.takes_none = "none" in self.words

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the text shown in the help."""
        return "|".join(["FLOAT", *self.words])

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The number, the word, or None."""
        if value is None or value == "none":
            return None
        if value in self.words:
            return value
        try:
            return float(value)
        except (TypeError, ValueError):
            words = " or ".join(repr(word) for word in self.words)
            self.fail(f"{value!r} is neither a number nor {words}.", param, ctx)


class MainsFrequency(click.ParamType):
    """50 or 60 Hz, or None for "none"."""

    name = "mains"
    takes_none = True
    _meant: Mapping[str, float | None] = {"50": 50.0, "60": 60.0, "none": None}

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the text shown in the help."""
        return "|".join(self._meant)

    def get_missing_message(self, param: click.Parameter, ctx: Any = None) -> str:
        """Message if the option is missing."""
        return (
            "The mains frequency depends on where the EEG was recorded and cannot be guessed: "
            "50 (Europe, most of Asia and Africa), 60 (North America), or none."
        )

    def convert(self, value: Any, param: Any, ctx: Any) -> float | None:
        """The frequency in Hz."""
        word = "none" if value is None else str(value).removesuffix(".0")
        if word not in self._meant:
            self.fail(f"{value!r} was given; expected 50, 60 or none.", param, ctx)
        return self._meant[word]


class MainsOrWeights(MainsFrequency):
    """50 or 60 Hz, None for "none", or "auto" for what the weights were trained with."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the text shown in the help."""
        return f"{super().get_metavar(param, ctx)}|auto"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The frequency in Hz, None, or "auto"."""
        return value if value == "auto" else super().convert(value, param, ctx)


class Names(click.ParamType):
    """Names separated by commas; a single one stays text, "none" becomes None."""

    name = "names"
    takes_none = True

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the text shown in the help."""
        return "NAME[,NAME...]"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The name, the list of names, or None."""
        if isinstance(value, str):
            value = [name.strip() for name in value.split(",") if name.strip()]
        if value is None or list(value) == ["none"]:
            return None
        return value[0] if len(value) == 1 else list(value)


class Assignments(click.ParamType):
    """``NAME=VALUE``, or a mapping from a configuration file."""

    name = "assignments"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the text shown in the help."""
        return "CHANNEL=ELECTRODE[,CHANNEL=ELECTRODE...]"

    def convert(self, value: Any, param: Any, ctx: Any) -> Mapping[str, Any]:
        """A mapping."""
        if isinstance(value, Mapping):
            return value
        pairs = [pair.partition("=") for pair in str(value).split(",")]
        if not all(name and sign and meant for name, sign, meant in pairs):
            self.fail(f"{value!r} does not have the form {self.get_metavar(param)}.", param, ctx)
        return {name.strip(): meant.strip() for name, _, meant in pairs}
