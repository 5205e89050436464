"""Checks of how the recordings of a corpus were read against what ``reading=`` asks for."""

from collections.abc import Sequence
from typing import Any

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.reading import Reading, checked_reading, other_reading
from sk_brainrvq.user_warnings import warn

# How each item of X was read; None for those still to be read.
Readings = Sequence[Reading | None]


def refuse_other_reading(readings: Readings, wanted: Any) -> None:
    """Raise InvalidEEGError if ``reading=`` asks for options that a corpus in X lacks."""
    sentences = _differences(readings, wanted)
    if sentences:
        raise InvalidEEGError(sentences[0])


def warn_of_other_reading(readings: Readings, wanted: Any) -> None:
    """Warn if ``reading=`` asks for options that a corpus in X lacks."""
    for sentence in _differences(readings, wanted):
        warn(f"{sentence} The corpus is used unchanged.")


def _differences(readings: Readings, wanted: Any) -> list[str]:
    """One sentence for each corpus and option that differs, without repeats."""
    asked = checked_reading(wanted)
    sentences: dict[str, None] = {}
    for own in filter(None, readings):
        for name in other_reading(own, asked):
            # In a list that also holds files, options of readers are meant for the files.
            if name == "bad_channels" or None not in readings:
                sentences[_sentence(name, getattr(own, name), getattr(asked, name))] = None
    return list(sentences)


def _sentence(name: str, own: Any, asked: Any) -> str:
    return (
        f"The corpus was built with {name}={own!r}, but reading= asks for {name}={asked!r}. Its "
        f"recordings were read when it was built. Run build_corpus with {name}={asked!r} into "
        f"another folder, or leave {name} out of reading=."
    )
