"""Warnings of MNE's readers, collected in the reading thread and passed on if they matter."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

# Beginnings of warnings that are not passed on, and why.
_LEFT_OUT = (
    # The sizes of files are compared with their headers in other words.
    "Number of records from the header does not match the file size",
    # Joints are known by these marks, and no filter or window runs across.
    "The data contains 'boundary' events",
    # The filters of the EEG channels are read from the header, or the weakest are what counts.
    "Channels contain different highpass filters",
    "Channels contain different lowpass filters",
    # The later of the two filters is the one that the signals went through last.
    "Online software filter detected",
    # Names of files, dates and people play no part here.
    "This filename",
    "Invalid measurement date",
    "Cannot read in the measurement date",
    "Could not parse meas date",
    "Invalid patient information",
    # Up to the end of the recording is all that an annotation can say.
    "Limited",
    # Of channels that are no EEG; of events, which nobody reads.
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
    """What was heard, and the text that Python asks its filters about."""

    heard: list[str] = field(default_factory=list)
    asked: str = ""

    def note(self, text: str) -> None:
        """Add a text, once: MNE may say it as a warning and in its log."""
        if text not in self.heard:
            self.heard.append(text)


_ear: ContextVar[_Ear | None] = ContextVar("ear", default=None)


class _Text:
    """Stands for the pattern of a text in a filter of warnings; Python asks it first."""

    # What scikit-learn makes its filters of in other threads and processes: one of nothing.
    pattern = _NOTHING

    def match(self, text: str) -> bool:
        """Whether someone in this thread listens."""
        ear = _ear.get()
        if ear is None:
            return False
        ear.asked = text
        return True


class _Module:
    """Stands for the pattern of the module that warns."""

    pattern = _NOTHING

    def match(self, module: str) -> bool:
        """Whether it is MNE; then what it says is noted."""
        ear = _ear.get()
        if ear is None or module.split(".")[0] != "mne":
            return False
        ear.note(ear.asked)
        return True


class _Log(logging.Filter):
    """Keeps from the screen what MNE's readers write to its log as a warning, and notes it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be shown."""
        ear = _ear.get()
        if ear is None:
            return True
        if record.levelno >= logging.WARNING:
            ear.note(record.getMessage())
        return False


_LOG = _Log()
# Unlike ``warnings.catch_warnings``, a filter that says nothing of other threads leaves them alone.
# It stays: to take it out again would be seen by threads that go through the list.
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
