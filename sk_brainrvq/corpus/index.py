"""The index of a corpus: all that is known of its recordings but their signals, in one file."""

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
# 2: bad stretches, projections and filters that files state are heeded.
VERSION = 2
_ANEW = (
    "Run build_corpus again with the same settings: it writes the index anew from the recordings."
)


@dataclass(frozen=True, slots=True)
class CorpusRecording:
    """What a corpus knows of one recording, besides its signal.

    Attributes
    ----------
    id : str
        Name of its array, ``recordings/<id>`` in the Zarr group.
    source : str
        Path of the file it was read from, as given.
    source_size : int
        Bytes of that file.
    subject, session : str
        An empty session is one that nothing names.
    ch_names : tuple of str
    positions : tuple of (3,) tuple or None
        Head coordinates of each channel in metres, None where unknown.
    n_times : int
        Samples at 200 Hz.
    scale : tuple of float
        Microvolts per step of the stored integers, one a channel.
    unusable : tuple of (int, int)
        Runs of seconds that were rejected: the first, and the one after the last.
    recorded_sfreq, recorded_highpass : float
        Sampling rate of the file in Hz.
    recorded_lowpass : float or None
    notes : tuple of str
        What the user should know: channels left out, an amplitude that is not that of EEG.
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
        """Whether each second was kept, shape (n_seconds,); a last part counts as one."""
        kept = np.ones(-(-self.n_times // int(TARGET_SFREQ)), dtype=bool)
        for first, end in self.unusable:
            kept[first:end] = False
        return kept

    @property
    def places(self) -> dict[str, NDArray] | None:
        """Head coordinates by channel name, of the channels that have any."""
        known = {
            name: np.array(place)
            for name, place in zip(self.ch_names, self.positions, strict=True)
            if place is not None
        }
        return known or None

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_json(
        cls, fields: dict[str, Any], shared: dict[Any, Any] | None = None
    ) -> "CorpusRecording":
        """The recording that `to_json` gave; raise InvalidCorpusError for anything else.

        Parameters
        ----------
        fields : dict
            From a file that may say anything.
        shared : dict, optional
            Equal channels are held once in it.

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
        Source and reason of the files that could not be used, sorted.
    """

    settings: dict[str, Any]
    recordings: tuple[CorpusRecording, ...]
    failed: tuple[tuple[str, str], ...]

    @property
    def filters(self) -> FilterSettings:
        """Filters that the signals went through."""
        names = ("l_freq", "h_freq", "notch", "reference")
        return FilterSettings.checked(**{name: self.settings[name] for name in names})

    @property
    def reading(self) -> Reading:
        """How the recordings were read."""
        return reading_of(self.settings)

    def to_bytes(self) -> bytes:
        """The index file: a header, then a line for each recording and each failed source."""
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
        """The index in a file's content.

        Parameters
        ----------
        content : bytes
        where : str
            The corpus, for messages.

        Returns
        -------
        CorpusIndex

        Raises
        ------
        InvalidCorpusError
            If it is of a newer version, was cut short, changed, or is no index.
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
                f"The index of the corpus at {where} has {len(lines)} lines, and says that it has "
                f"{header['n_recordings']} and {header['n_failed']}. {_ANEW}"
            )
        # Many recordings share their channels: held once, they take little memory.
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
    """One line of JSON that is the same for the same value."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def digest_of_windows(index: CorpusIndex, numbers: NDArray, *spans: NDArray) -> str:
    """Digest of windows: the same for the same signals, wherever they are stored.

    Parameters
    ----------
    index : CorpusIndex
    numbers : ndarray of int, shape (n_windows,)
        Recording of each window, by its place in the index.
    *spans : ndarray of int, shape (n_windows,)
        What tells windows of one recording apart: starts, lengths.

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
