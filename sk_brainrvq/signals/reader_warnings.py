"""Warnings of MNE's readers, collected in the reading thread and passed on if they matter."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

# Beginnings of warnings that are not passed on, with the reasons.
_LEFT_OUT = (
    # A warning of our own compares the sizes of files with their headers.
    "Number of records from the header does not match the file size",
    # These marks identify joins, which no filter or window crosses.
    "The data contains 'boundary' events",
    # The filters of the EEG channels are read from the header, or else the weakest count.
    "Channels contain different highpass filters",
    "Channels contain different lowpass filters",
    # Of the two filters, the later one was applied last.
    "Online software filter detected",
    # Names of files, dates and people do not matter here.
    "This filename",
    "Invalid measurement date",
    "Cannot read in the measurement date",
    "Could not parse meas date",
    "Invalid patient information",
    # Annotations can only extend to the end of the recording.
    "Limited",
    # About channels that are not EEG, and about events, which are not read.
    "Not setting position",
    "no event annotations found",
    "Did not find any event code",
    "stim channels are currently ignored",
    # Epochs are read without their events.
    "The EEGLAB file contains no event information",
    "At least one epoch has multiple events",
)
_NOTHING = "(?!)"


@dataclass
class _Ear:
    """Texts heard so far, and the text that Python is asking its filters about."""

    heard: list[str] = field(default_factory=list)
    asked: str = ""

    def note(self, text: str) -> None:
        """Add a text once: MNE may issue it as a warning and in its log."""
        if text not in self.heard:
            self.heard.append(text)


_ear: ContextVar[_Ear | None] = ContextVar("ear", default=None)


class _Text:
    """Stands in for a filter's message pattern, which Python matches first."""

    # In other threads and processes scikit-learn rebuilds the filter from this; it matches nothing.
    pattern = _NOTHING

    def match(self, text: str) -> bool:
        """Whether this thread is collecting warnings."""
        ear = _ear.get()
        if ear is None:
            return False
        ear.asked = text
        return True


class _Module:
    """Stands in for the pattern of the module that warns."""

    pattern = _NOTHING

    def match(self, module: str) -> bool:
        """Whether the module is MNE; if so, the text is noted."""
        ear = _ear.get()
        if ear is None or module.split(".")[0] != "mne":
            return False
        ear.note(ear.asked)
        return True


class _Log(logging.Filter):
    """Notes warnings that MNE's readers write to its log, and keeps them off the screen."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show the record."""
        ear = _ear.get()
        if ear is None:
            return True
        if record.levelno >= logging.WARNING:
            ear.note(record.getMessage())
        return False


_LOG = _Log()
# Unlike ``warnings.catch_warnings``, a filter that matches nothing in other threads leaves them
# alone. It stays in place: removing it would disturb threads that are going through the list.
_FILTER = ("ignore", _Text(), RuntimeWarning, _Module(), 0)


@contextmanager
def heard_from_mne() -> Iterator[list[str]]:
    """Collect MNE's warnings in this thread instead of showing them.

    Yields
    ------
    list of str
        Texts of the warnings, filled as MNE warns, each once.

    Examples
    --------
    >>> from mne.utils import warn
    >>> from sk_brainrvq.signals.reader_warnings import heard_from_mne
    >>> with heard_from_mne() as heard:
    ...     warn("The unit of channel 3 is unknown.")
    >>> heard
    ['The unit of channel 3 is unknown.']
    """
    filters: list = warnings.filters  # type: ignore[assignment]
    if not filters or filters[0] is not _FILTER:
        filters.insert(0, _FILTER)
    logging.getLogger("mne").addFilter(_LOG)  # no more than once
    ear = _Ear()
    token = _ear.set(ear)
    try:
        yield ear.heard
    finally:
        _ear.reset(token)


def worth_telling(heard: Sequence[str], also_left_out: Sequence[str] = ()) -> list[str]:
    """Warnings that users should see, each once, on one line.

    Parameters
    ----------
    heard : sequence of str
    also_left_out : sequence of str, optional
        Further beginnings of warnings to leave out.

    Returns
    -------
    list of str
    """
    lines = dict.fromkeys(" ".join(text.split()) for text in heard)
    return [line for line in lines if not line.startswith((*_LEFT_OUT, *also_left_out))]
