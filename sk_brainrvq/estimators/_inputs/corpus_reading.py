"""The recordings of a corpus were read long ago: how, against what ``reading=`` asks for."""

from collections.abc import Sequence
from typing import Any

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.reading import Reading, checked_reading, other_reading
from sk_brainrvq.user_warnings import warn

# Of each item of X how it was read already; None for those still to be read.
Readings = Sequence[Reading | None]


def refuse_other_reading(readings: Readings, wanted: Any) -> None:
    """Raise InvalidEEGError where ``reading=`` asks for what a corpus in X can no longer do."""
    sentences = _differences(readings, wanted)
    if sentences:
        raise InvalidEEGError(sentences[0])


def warn_of_other_reading(readings: Readings, wanted: Any) -> None:
    """Warn where ``reading=`` asks for what a corpus in X can no longer do."""
    for sentence in _differences(readings, wanted):
        warn(f"{sentence} The corpus is used as it is.")


def _differences(readings: Readings, wanted: Any) -> list[str]:
    """A sentence per corpus and option that differs, each once."""
    asked = checked_reading(wanted)
    sentences: dict[str, None] = {}
    for own in filter(None, readings):
        for name in other_reading(own, asked):
            # In a list that holds files too, options of readers are meant for those.
            if name == "bad_channels" or None not in readings:
                sentences[_sentence(name, getattr(own, name), getattr(asked, name))] = None
    return list(sentences)


def _sentence(name: str, own: Any, asked: Any) -> str:
    return (
        f"The corpus was built with {name}={own!r}, but reading= asks for {name}={asked!r}. Its "
        f"recordings were read when it was built: run build_corpus with {name}={asked!r} into "
        f"another folder, or leave {name} out of reading=."
    )
