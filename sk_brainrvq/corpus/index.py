"""Index of a corpus: everything known about its recordings except their signals, in one file."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.corpus.index_fields import (
    checked_failure,
    checked_fields,
    reading_of,
    wrong_header,
)
from sk_brainrvq.exceptions import InvalidCorpusError
from sk_brainrvq.json_text import parse_json
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ
from sk_brainrvq.signals.reading import Reading

INDEX_NAME = "index.jsonl"
FORMAT = "sk_brainrvq.corpus"
# Since version 2, bad stretches, projections and filters stated in the files are respected.
VERSION = 2
_ANEW = "Run build_corpus again with the same settings: it rebuilds the index from the recordings."


@dataclass(frozen=True, slots=True)
class CorpusRecording:
    """What a corpus knows about one recording besides its signal.

    Attributes
    ----------
    id : str
        Name of its array, ``recordings/<id>`` in the Zarr group.
    source : str
        Path of the file that it was read from, as given.
    source_size : int
        Size of that file in bytes.
    subject, session : str
        The session is empty if unknown.
    ch_names : tuple of str
    positions : tuple of (3,) tuple or None
        Head coordinates of each channel in metres; None if unknown.
    n_times : int
        Number of samples at 200 Hz.
    scale : tuple of float
        Microvolts per step of the stored integers, for each channel.
    unusable : tuple of (int, int)
        Runs of rejected seconds: the first second, and the one after the last.
    recorded_sfreq, recorded_highpass : float
        Sampling rate and high-pass edge of the file in Hz.
    recorded_lowpass : float or None
        Low-pass edge of the file in Hz; None if unknown.
    notes : tuple of str
        What the user should know, such as channels left out or an implausible amplitude.
    digest : str
        SHA-256 of the stored integers, chunk after chunk.
    """

    id: str
    source: str
    source_size: int
    subject: str
    session: str
    ch_names: tuple[str, ...]
    positions: tuple[tuple[float, float, float] | None, ...]
    n_times: int
    scale: tuple[float, ...]
    unusable: tuple[tuple[int, int], ...]
    recorded_sfreq: float
    recorded_highpass: float
    recorded_lowpass: float | None
    notes: tuple[str, ...]
    digest: str

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.n_times / TARGET_SFREQ

    @property
    def usable(self) -> NDArray:
        """Whether each second is usable, shape (n_seconds,); an incomplete last one counts."""
        kept = np.ones(-(-self.n_times // int(TARGET_SFREQ)), dtype=bool)
        for first, end in self.unusable:
            kept[first:end] = False
        return kept

    @property
    def places(self) -> dict[str, NDArray] | None:
        """Head coordinates by channel name, for the channels that have any."""
        known = {
            name: np.array(place)
            for name, place in zip(self.ch_names, self.positions, strict=True)
            if place is not None
        }
        return known or None

    def to_json(self) -> dict[str, Any]:
        """Convert to what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(
        cls, fields: dict[str, Any], shared: dict[Any, Any] | None = None
    ) -> "CorpusRecording":
        """Recover a recording from `to_json`; raise InvalidCorpusError for anything else.

        Parameters
        ----------
        fields : dict
            Untrusted values read from a file.
        shared : dict, optional
            Cache in which equal channel lists are kept only once.

        Returns
        -------
        CorpusRecording
        """
        shared = {} if shared is None else shared
        values = {name: _tuples(value) for name, value in checked_fields(fields).items()}
        for name in ("ch_names", "positions", "notes"):
            values[name] = shared.setdefault(values[name], values[name])
        return cls(**values)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


@dataclass(frozen=True)
class CorpusIndex:
    """Contents of the index file.

    Attributes
    ----------
    settings : dict
        What the corpus was built with.
    recordings : tuple of CorpusRecording
        Sorted by source.
    failed : tuple of (str, str)
        Files that could not be used, each with the reason, sorted.
    """

    settings: dict[str, Any]
    recordings: tuple[CorpusRecording, ...]
    failed: tuple[tuple[str, str], ...]

    @property
    def filters(self) -> FilterSettings:
        """Filters that were applied to the signals."""
        names = ("l_freq", "h_freq", "notch", "reference")
        return FilterSettings.checked(**{name: self.settings[name] for name in names})

    @property
    def reading(self) -> Reading:
        """How the recordings were read."""
        return reading_of(self.settings)

    def to_bytes(self) -> bytes:
        """Encode the index: a header, then one line per recording and per failed source."""
        rows: Iterable[dict] = [
            *(recording.to_json() for recording in self.recordings),
            *({"failed": source, "reason": reason} for source, reason in self.failed),
        ]
        body = b"".join(json_line(row) for row in rows)
        header = {
            "format": FORMAT,
            "version": VERSION,
            "settings": self.settings,
            "n_recordings": len(self.recordings),
            "n_failed": len(self.failed),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        return json_line(header) + body

    @classmethod
    def from_bytes(cls, content: bytes, where: str) -> "CorpusIndex":
        """Decode the content of an index file.

        Parameters
        ----------
        content : bytes
        where : str
            Location of the corpus, for messages.

        Returns
        -------
        CorpusIndex

        Raises
        ------
        InvalidCorpusError
            If a newer version wrote it, or if it is truncated, changed or not an index.
        """
        first, _, body = content.partition(b"\n")
        header = _header(first, where)
        if hashlib.sha256(body).hexdigest() != header["sha256"]:
            n_lines = body.count(b"\n")
            raise InvalidCorpusError(
                f"The index of the corpus at {where} is truncated or was changed: it has "
                f"{n_lines} lines of {header['n_recordings'] + header['n_failed']}, and their "
                f"checksum differs. {_ANEW}"
            )
        lines = body.splitlines()
        if len(lines) != header["n_recordings"] + header["n_failed"]:
            raise InvalidCorpusError(
                f"The index of the corpus at {where} has {len(lines)} lines, but its header says "
                f"{header['n_recordings']} and {header['n_failed']}. {_ANEW}"
            )
        # Many recordings share their channels; keeping equal lists once saves memory.
        shared: dict[Any, Any] = {}
        recordings, failed = [], []
        for number, line in enumerate(lines):
            try:
                if number < header["n_recordings"]:
                    recordings.append(CorpusRecording.from_json(parse_json(line), shared))
                else:
                    failed.append(checked_failure(parse_json(line)))
            except ValueError as error:
                raise InvalidCorpusError(
                    f"Line {number + 2} of {INDEX_NAME} at {where} cannot be used: {error}. {_ANEW}"
                ) from error
        if len({recording.id for recording in recordings}) < len(recordings):
            raise InvalidCorpusError(
                f"{INDEX_NAME} at {where} names a recording more than once. {_ANEW}"
            )
        return cls(header["settings"], tuple(recordings), tuple(failed))


def json_line(value: Any) -> bytes:
    """Encode a value as one line of JSON, always in the same way."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def digest_of_windows(index: CorpusIndex, numbers: NDArray, *spans: NDArray) -> str:
    """Compute a digest of windows: equal for equal signals, wherever they are stored.

    Parameters
    ----------
    index : CorpusIndex
    numbers : ndarray of int, shape (n_windows,)
        Recording of each window, as its position in the index.
    *spans : ndarray of int, shape (n_windows,)
        What distinguishes windows of one recording: starts, lengths.

    Returns
    -------
    str
    """
    used, places = np.unique(numbers, return_inverse=True)
    digest = hashlib.sha256()
    for number in used:
        recording = index.recordings[number]
        digest.update(json_line([recording.digest, recording.ch_names, recording.scale]))
    for values in (places, *spans):
        digest.update(np.ascontiguousarray(values, dtype="<i8").tobytes())
    return digest.hexdigest()


def _header(line: bytes, where: str) -> dict[str, Any]:
    try:
        header = parse_json(line)
        known = isinstance(header, dict) and header.get("format") == FORMAT
    except ValueError:
        known = False
    if not known:
        raise InvalidCorpusError(
            f"{INDEX_NAME} at {where} is not the index of a corpus, or it is truncated in its "
            f"first line. Pass the folder that build_corpus wrote, or: {_ANEW}"
        )
    check_version(header, where)
    wrong = wrong_header(header)
    if wrong:
        raise InvalidCorpusError(
            f"The first line of {INDEX_NAME} at {where} cannot be used: {wrong}. {_ANEW}"
        )
    return header


def check_version(header: dict[str, Any], where: str) -> None:
    """Raise InvalidCorpusError for a corpus that a newer version of the package wrote."""
    version = header.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= VERSION:
        raise InvalidCorpusError(
            f"The corpus at {where} has format version {version!r:.80}; this sk_brainrvq reads up "
            f"to version {VERSION}. Upgrade sk_brainrvq to read it."
        )
