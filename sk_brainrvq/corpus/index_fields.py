"""Check the fields of an index, which comes from a file that cannot be trusted."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from sk_brainrvq.exceptions import InvalidCorpusError
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ
from sk_brainrvq.signals.filters.settings import FilterSettings
from sk_brainrvq.signals.reading import Reading

# Samples of the longest recording, a month: a flag for each second must fit into memory.
LONGEST = int(31 * 24 * 3600 * TARGET_SFREQ)
_FILTERS = ("l_freq", "h_freq", "notch", "reference")


def wrong_header(header: Mapping[str, Any]) -> str | None:
    """Say what is wrong in the first line of an index; None if nothing is."""
    for name in ("n_recordings", "n_failed"):
        if not _is_count(header.get(name)):
            return f"{name} is {header.get(name)!r:.80}; expected a whole number"
    if not isinstance(header.get("sha256"), str):
        return "it lacks the checksum sha256"
    settings = header.get("settings")
    if not isinstance(settings, dict) or not settings.keys() >= set(_FILTERS):
        return f"its settings are {settings!r:.80}; expected {', '.join(_FILTERS)} among them"
    try:
        FilterSettings.checked(**{name: settings[name] for name in _FILTERS})
        reading_of(settings).check()
    except (ValueError, OverflowError) as error:
        return str(error)
    return None


def reading_of(settings: Mapping[str, Any]) -> Reading:
    """Return how recordings were read, from the unchecked settings of an index."""
    return Reading(
        bad_channels=settings.get("bad_channels", "keep"),
        read_options=settings.get("read_options"),
    )


def checked_fields(fields: Any) -> dict[str, Any]:
    """Return the fields of a recording as given; raise InvalidCorpusError if one is invalid.

    Parameters
    ----------
    fields : object
        A value read from JSON.

    Returns
    -------
    dict
        Values by the names of the attributes of ``CorpusRecording``.
    """
    if not isinstance(fields, dict) or fields.keys() != _CHECKS.keys():
        odd = sorted(fields.keys() ^ _CHECKS.keys()) if isinstance(fields, dict) else fields
        raise InvalidCorpusError(f"a recording is not described by its fields ({odd!r:.200})")
    for name, (is_right, expected) in _CHECKS.items():
        if not is_right(fields[name]):
            raise InvalidCorpusError(f"{name} is {fields[name]!r:.80}; expected {expected}")
    n_channels = len(fields["ch_names"])
    for name in ("positions", "scale"):
        if len(fields[name]) != n_channels:
            raise InvalidCorpusError(
                f"{name} has {len(fields[name])} entries for {n_channels} channels"
            )
    n_seconds = -(-fields["n_times"] // int(TARGET_SFREQ))
    if any(end > n_seconds for _, end in fields["unusable"]):
        raise InvalidCorpusError(f"unusable goes beyond the {n_seconds} seconds of the recording")
    return fields


def checked_failure(row: Any) -> tuple[str, str]:
    """Return a failed file and the reason; raise InvalidCorpusError if the row is invalid."""
    source, reason = (row.get("failed"), row.get("reason")) if isinstance(row, dict) else (0, 0)
    if not isinstance(source, str) or not isinstance(reason, str):
        raise InvalidCorpusError(f"{row!r:.80} is not a failed source and its reason")
    return source, reason


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,80}", value) is not None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_length(value: Any) -> bool:
    return _is_count(value) and 1 <= value <= LONGEST


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and abs(value) < 1e300 and math.isfinite(value)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_edge(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_place(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))
    )


def _is_run(value: Any) -> bool:
    pair = isinstance(value, list) and len(value) == 2 and all(map(_is_count, value))
    return pair and value[0] < value[1]


def _list_of(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(is_right, value))


def _or_none(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_right(value)


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "id": (_is_id, "a name of letters, digits, _ and -"),
    "source": (_is_text, "text"),
    "source_size": (_is_count, "a number of bytes"),
    "subject": (_is_text, "text"),
    "session": (_is_text, "text"),
    "ch_names": (lambda value: _list_of(_is_text)(value) and len(value) > 0, "names"),
    "positions": (_list_of(_is_place), "a list of three numbers or null for each channel"),
    "n_times": (_is_length, f"a number of samples from 1 to {LONGEST}, a month"),
    "scale": (_list_of(_is_positive), "a number above 0 for each channel"),
    "unusable": (_list_of(_is_run), "pairs of seconds, each a first and a later one"),
    "recorded_sfreq": (_is_positive, "a rate in Hz"),
    "recorded_highpass": (_is_edge, "a frequency in Hz"),
    "recorded_lowpass": (_or_none(_is_edge), "a frequency in Hz, or null"),
    "notes": (_list_of(_is_text), "a list of texts"),
    "digest": (_is_text, "text"),
}
