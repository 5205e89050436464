"""Texts of parameters, taken from numpydoc docstrings."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ROLE = re.compile(r":[a-z:]+:`[~!]?([^`]+)`")
_PLAIN_WORDS = {"X": "the input", "None": "none", "True": "on", "False": "off"}
_CHOICES = re.compile(r"\{([^}]*)\}")


@dataclass(frozen=True)
class ParameterText:
    """Text of a docstring about a parameter.

    Attributes
    ----------
    kind : str
        Type as documented: ``int, optional``, ``{"uV", "mV", "V"}, default="uV"``.
    description : str
        Description as one paragraph of plain text.
    names : tuple of str
        All parameters that the description covers.
    """

    kind: str
    description: str
    names: tuple[str, ...]

    @property
    def choices(self) -> list[str]:
        """Words that the parameter takes, if its type is a set of words."""
        found = _CHOICES.match(self.kind)
        return re.findall(r"[\"']([^\"']+)[\"']", found[1]) if found else []


def parameter_texts(documented: Any) -> Mapping[str, ParameterText]:
    """Texts of the parameters of a class or function.

    Parameters
    ----------
    documented : class or callable
        Object with a numpydoc docstring. Dataclasses may list their fields as attributes.

    Returns
    -------
    mapping of str to ParameterText

    Examples
    --------
    >>> def scale(x, factor=2.0):
    ...     '''Multiply.
    ...
    ...     Parameters
    ...     ----------
    ...     x : float
    ...     factor : float, default=2.0
    ...         Of ``x``.
    ...     '''
    >>> parameter_texts(scale)["factor"].description
    'Of x.'
    """
    lines = (inspect.getdoc(documented) or "").splitlines()
    rows = _section(lines, "Parameters") or _section(lines, "Attributes")
    texts: dict[str, ParameterText] = {}
    heading, body = "", list[str]()
    for line in [*rows, "end"]:
        if not line or line[0].isspace():
            body.append(line.strip())
            continue
        names, _, kind = heading.partition(" : ")
        joint = tuple(name.strip() for name in names.split(","))
        text = ParameterText(kind.strip(), plain_text(" ".join(body)), joint)
        texts |= dict.fromkeys(filter(None, joint), text)
        heading, body = line, []
    return texts


def _section(lines: list[str], title: str) -> list[str]:
    """Lines of a section, without its title."""
    for start, line in enumerate(lines[:-1]):
        if line == title and lines[start + 1] == "-" * len(title):
            rest = lines[start + 2 :]
            ends = [i for i, ruler in enumerate(rest) if ruler and set(ruler) == {"-"}]
            return rest[: ends[0] - 1] if ends else rest
    return []


def plain_text(text: str) -> str:
    """Text without reStructuredText markup, in words that suit a command line."""
    text = _ROLE.sub(lambda role: role[1].rsplit(".", 1)[-1], text).replace("``", "")
    text = " ".join(text.split())
    for word, plain in _PLAIN_WORDS.items():
        text = re.sub(rf"\b{word}\b", plain, text)
    return text[:1].upper() + text[1:]
