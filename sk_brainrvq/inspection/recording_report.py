"""Report on a recording, as values, as JSON and as text."""

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

_WIDTH = 100
_LABEL = 12
_MEGABYTE = 2**20
_LISTED = "Left out"
# A blank at which no line ends.
_GLUE = "\u00a0"


@dataclass(frozen=True)
class ChannelFacts:
    """One channel of a recording.

    Attributes
    ----------
    name : str
    kept : bool
        Whether the channel counts as EEG.
    how : str
        How the channel was matched to electrodes, as in ``electrode_report_``.
    place : str
        The electrodes, with their weights if there are several; "unknown" without any.
    note : str
        What was assumed about the channel, or why it is left out.
    amplitude : float or None
        Standard deviation within a window in microvolts, before filtering: the median over windows.
        None for channels that are left out.
    offset : float or None
        Mean within a window in microvolts, computed in the same way.
    """

    name: str
    kept: bool
    how: str
    place: str
    note: str = ""
    amplitude: float | None = None
    offset: float | None = None


@dataclass(frozen=True)
class RecordingReport:
    """How an embedder would read one recording; prints as a page of text.

    Attributes
    ----------
    source : str
        Path of the recording, or its type.
    error : str or None
        Why the recording cannot be used. Otherwise only ``notes`` is then known.
    kind : str
        "recording", "epochs" or "array".
    sfreq : float
        Sampling rate in Hz.
    duration : float
        Duration in seconds, over all epochs.
    channels : list of ChannelFacts
        Channels, those that count as EEG first.
    header_filters : dict
        "highpass" and "lowpass" in Hz as stated by the recording; None if it states none.
    filters_to_apply : dict
        Filters that remain to be applied: "l_freq", "h_freq" and "notch" in Hz, and "reference".
    annotations : dict of str to int
        Number of occurrences of each description.
    window : float
        Length of a window or an epoch in seconds.
    n_windows : int
        Number of rows that an embedder returns.
    unused : float
        Seconds outside all windows.
    n_tokens : int
        Number of seconds of single channels that the network reads, over all windows.
    expected_seconds : float
        Approximate time that embedding takes on this machine, including reading.
    expected_bytes : int
        Approximate peak memory for signals, without the network.
    notes : list of str
        Warnings that an embedder would give.
    """

    source: str
    error: str | None = None
    kind: str = ""
    sfreq: float = 0.0
    duration: float = 0.0
    channels: list[ChannelFacts] = field(default_factory=list)
    header_filters: dict[str, float | None] = field(default_factory=dict)
    filters_to_apply: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, int] = field(default_factory=dict)
    window: float = 0.0
    n_windows: int = 0
    unused: float = 0.0
    n_tokens: int = 0
    expected_seconds: float = 0.0
    expected_bytes: int = 0
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for ``json.dumps``."""
        return asdict(self)

    def __str__(self) -> str:
        if self.error is not None:
            body = _paragraph("error", self.error)
        else:
            body = [*_lines(self._facts()), "", *_table(self.channels), *self._left_out()]
        return "\n".join([self.source, *body, *_notes(self._notes())])

    __repr__ = __str__

    def is_like(self, other: "RecordingReport") -> bool:
        """Whether both recordings have the same channels, read in the same way."""
        both_used = self.error is None and other.error is None
        return both_used and _matches(self) == _matches(other)

    def compared_with(self, other: "RecordingReport", name: str) -> str:
        """The report as text, without what it shares with a named report on the same channels."""
        known, kept = other._facts(), [channel for channel in self.channels if channel.kept]
        facts = {label: text for label, text in self._facts().items() if text != known.get(label)}
        facts["amplitude"] = _listed((channel.name, channel.amplitude) for channel in kept)
        if _shows_offset(kept):
            facts["offset"] = _listed((channel.name, channel.offset) for channel in kept)
        notes = self._notes()
        if notes == other._notes():
            notes = []
        elif not notes:
            facts["warnings"] = "none"
        facts = {"as": f"{name}, except:".replace(" ", _GLUE), **facts}
        return "\n".join([self.source, *_lines(facts), *_notes(notes)])

    def _notes(self) -> list[str]:
        """Warnings, without the one on channels left out, which are listed anyway."""
        return [note for note in self.notes if not (self.channels and note.startswith(_LISTED))]

    def _facts(self) -> dict[str, str]:
        kept = sum(channel.kept for channel in self.channels)
        patches = -(-round(self.window * 1000) // 1000)
        unused = f"; {self.unused:.1f} s are in no window" if self.unused >= 0.05 else ""
        return {
            self.kind: f"{self.duration:.1f} s at {self.sfreq:g} Hz",
            "channels": f"{kept} of {len(self.channels)} count as EEG",
            "header": _band(self.header_filters.get("highpass"), self.header_filters.get("lowpass"))
            or "states no filter",
            "filters": _filters(self.filters_to_apply) or "nothing left to filter",
            "annotations": _counts(self.annotations) or "none",
            "windows": f"{self.n_windows} of {self.window:g} s each{unused}",
            "tokens": f"{self.n_windows} windows x {kept} channels x {patches} patches "
            f"= {self.n_tokens:,}",
            "expected": f"about {_time(self.expected_seconds)} on this machine, about "
            f"{max(1, round(self.expected_bytes / _MEGABYTE)):,} MB for signals",
        }

    def _left_out(self) -> list[str]:
        reasons: dict[str, list[str]] = {}
        for channel in self.channels:
            if not channel.kept:
                reasons.setdefault(channel.note, []).append(channel.name)
        lines = [
            line
            for reason, names in reasons.items()
            for line in _wrapped(f"{', '.join(names)}: {reason}", "    ")
        ]
        return ["", "  left out", *lines] if lines else []


class RecordingReports(list[RecordingReport]):
    """Reports on several recordings; prints them one after the other, with a summary line.

    Of recordings with the same channels, only the first is printed in full.
    """

    def __str__(self) -> str:
        pages = "\n\n".join(map(self.page, range(len(self))))
        return f"{pages}\n\n{self.summary()}"

    __repr__ = __str__

    def page(self, number: int) -> str:
        """One report as text; it repeats nothing of the first report on the same channels."""
        report = self[number]
        for place, other in enumerate(islice(self, number), start=1):
            if report.is_like(other):
                is_only = sum(one.source == other.source for one in self) == 1
                name = other.source if is_only else f"{other.source}, number {place}"
                return report.compared_with(other, name)
        return str(report)

    def summary(self) -> str:
        """One line on all recordings."""
        usable = [report for report in self if report.error is None]
        failed = len(self) - len(usable)
        windows = sum(report.n_windows for report in usable)
        seconds = sum(report.expected_seconds for report in usable)
        montages = {tuple(c.name for c in report.channels if c.kept) for report in usable}
        rates = sorted({report.sfreq for report in usable})
        parts = [
            f"{len(usable)} of {len(self)} recordings can be used" if failed else None,
            f"{windows} windows",
            f"{len(montages)} {'montage' if len(montages) == 1 else 'montages'}",
            f"{', '.join(f'{rate:g}' for rate in rates) or 'no'} Hz",
            f"about {_time(seconds)} on this machine",
        ]
        return f"All: {', '.join(part for part in parts if part)}."


def _matches(report: RecordingReport) -> list[tuple[Any, ...]]:
    """What the table of channels shows, except for numbers."""
    return [(c.name, c.kept, c.how, c.place, c.note) for c in report.channels]


def _table(channels: Iterable[ChannelFacts]) -> list[str]:
    """The channels that are kept, one per line."""
    kept = [channel for channel in channels if channel.kept]
    rows: list[tuple[str, ...]] = [("channel", "place", "amplitude", "offset", "note")]
    for channel in kept:
        amplitude, offset = _microvolts(channel.amplitude), _microvolts(channel.offset)
        note = "; ".join(filter(None, [_HOW.get(channel.how, channel.how), channel.note]))
        rows.append((channel.name, channel.place, amplitude, offset, note))
    if not _shows_offset(kept):
        rows = [(*row[:3], *row[4:]) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    numbers = range(2, len(rows[0]) - 1)
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _shows_offset(channels: Iterable[ChannelFacts]) -> bool:
    """Whether an offset is so large that it must be seen."""
    return any(
        abs(c.offset or 0.0) > 5 * (c.amplitude or 0.0) and abs(c.offset or 0.0) > 1
        for c in channels
    )


def _listed(values: Iterable[tuple[str, float | None]]) -> str:
    """Values of channels in a row; no line ends between a name and its value."""
    texts = [f"{name} {_microvolts(value)}".replace(" ", _GLUE) for name, value in values]
    return ", ".join(texts)


# Matches that need no comment because the name gives the position.
_HOW = {"exact": "", "decorated": "", "official": "", "mean": "no known position"}


def _microvolts(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f} uV"
    # A wrong unit must not look like a flat channel.
    return f"{value:.1f} uV" if value == 0 or abs(value) >= 0.05 else f"{value:.1g} uV"


def _band(low: float | None, high: float | None) -> str:
    parts = [
        None if low is None else f"high-pass {low:g} Hz",
        None if high is None else f"low-pass {high:g} Hz",
    ]
    return ", ".join(filter(None, parts))


def _filters(applied: Mapping[str, Any]) -> str:
    reference = applied.get("reference")
    if reference is not None and not isinstance(reference, str):
        reference = ", ".join(reference)
    parts = [
        _band(applied.get("l_freq"), applied.get("h_freq")),
        f"mains of {applied['notch']:g} Hz removed" if applied.get("notch") else "",
        f"reference {reference}" if reference else "",
    ]
    return ", ".join(filter(None, parts))


def _counts(annotations: Mapping[str, int]) -> str:
    return ", ".join(f"{name!r} {count} times" for name, count in annotations.items())


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _lines(facts: Mapping[str, str]) -> list[str]:
    return [line for label, text in facts.items() for line in _paragraph(label, text)]


def _paragraph(label: str, text: str) -> list[str]:
    lines = _wrapped(text, " " * (_LABEL + 2))
    return [f"  {label.ljust(_LABEL)}{lines[0].strip()}", *lines[1:]]


def _notes(notes: Iterable[str]) -> list[str]:
    lines = [
        line
        for note in notes
        for line in textwrap.wrap(note, _WIDTH, initial_indent="  * ", subsequent_indent="    ")
    ]
    return ["", *lines] if lines else []


def _wrapped(text: str, indent: str) -> list[str]:
    wrapper = textwrap.TextWrapper(_WIDTH, indent, indent)
    wrapper.break_on_hyphens = wrapper.break_long_words = False  # pairs of electrodes, paths
    lines = wrapper.wrap(text)
    return [line.replace(_GLUE, " ") for line in lines] or [indent]
