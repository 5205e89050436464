"""Checks that the samples of a file are complete and undamaged."""

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.sources.edf_size import record_layout

# Smallest number of line feeds to judge by their neighbours: one in 256 bytes is a line feed.
_FEWEST_LINE_FEEDS = 16
_CHUNK_BYTES = 2**24
_CR, _LF = 13, 10
_BRAINVISION_BYTES = {"INT_16": 2, "UINT_16": 2, "INT_32": 4, "IEEE_FLOAT_32": 4}
# GDF's type numbers; those above 255 stand for integers of so many bits.
_GDF_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 8, 8: 8, 16: 4, 17: 8, 279: 3, 511: 3}
_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Layout:
    """Where the samples of a recording are stored.

    Attributes
    ----------
    file : Path
        File that holds the samples.
    header : int
        Bytes before them.
    unit : int
        Bytes that belong together: a record, or a sample of all channels.
    n_units : int or None
        Stated number; None if the header does not state it.
    may_go_on : bool, default=False
        Whether other things follow the samples.
    """

    file: Path
    header: int
    unit: int
    n_units: int | None
    may_go_on: bool = False


def doubt_about_size(path: Path, recording: Any = None, was_read: bool = True) -> str | None:
    """Describe a data file that is shorter or longer than its header says.

    Parameters
    ----------
    path : Path
        Path given to MNE: the header, if a recording has several files.
    recording : mne.io.Raw or mne.Epochs, optional
        Recording read by MNE, for formats whose header is more than a few numbers.
    was_read : bool, default=True
        False if MNE could not read it, for which this may be the reason.

    Returns
    -------
    str or None
        None also for other formats and for headers that cannot be read.

    Raises
    ------
    InvalidEEGError
        If the line ends in it were converted, as transfers of text do: all samples are shifted.
        If a GDF file is too short: MNE before 1.13 repeats samples in place of the missing ones.
    """
    layout = _layout(path, recording)
    if layout is None or not layout.file.is_file():
        return None
    size = layout.file.stat().st_size
    rest = (size - layout.header) % layout.unit
    stated = None if layout.n_units is None else layout.header + layout.unit * layout.n_units
    if size == stated or (stated is None and not rest):
        return None
    missing = 0 if stated is None else stated - size
    is_damaged = (
        _has_lost_carriage_returns(layout.file)
        if missing > 0
        else has_converted_line_ends(layout.file)
    )
    if is_damaged:
        raise InvalidEEGError(f"{layout.file} is damaged. {CONVERTED}")
    whose = "its header" if layout.file == path else path.name
    name = "The file" if layout.file == path else layout.file.name
    if missing > 0 and was_read and path.suffix.lower() == ".gdf":
        raise InvalidEEGError(f"{path} is shorter than its header says. Was it copied completely?")
    if missing > 0:
        done = "; the existing part is read" if was_read else ""
        return f"{name} is shorter than {whose} says{done}. Was it copied completely?"
    if layout.may_go_on:
        return None
    if stated is None:
        return f"{name} ends within a sample; complete samples are read. Was it copied completely?"
    return (
        f"{name} is longer than {whose} says: {size} bytes instead of {stated}. Everything that "
        "MNE interprets as samples is read. Is it the file that was recorded?"
    )


CONVERTED = (
    "Its bytes were changed like line ends of a text file, by git's autocrlf or FTP in text mode: "
    "the samples are shifted and meaningless. Copy the file again in binary mode."
)


def has_converted_line_ends(file: Path) -> bool:
    """Whether a carriage return was put before each line feed of a binary file.

    Parameters
    ----------
    file : Path

    Returns
    -------
    bool
        The file is read only up to a line feed without a carriage return.
    """
    found, before = 0, 0
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            values = np.frombuffer(chunk, np.uint8)
            previous = np.concatenate([[before], values[:-1]])
            line_feeds = values == _LF
            if (previous[line_feeds] != _CR).any():
                return False
            found, before = found + int(line_feeds.sum()), int(values[-1])
    return found >= _FEWEST_LINE_FEEDS


def _has_lost_carriage_returns(file: Path) -> bool:
    """Whether line ends were converted the other way, so that none of two bytes is left.

    Byte pairs similar to a carriage return with its line feed show whether these are missing:
    signals with small numbers never had any.
    """
    with file.open("rb") as opened:
        data = opened.read(_CHUNK_BYTES)
    like = data.count(bytes([_CR, _LF - 1])) + data.count(bytes([_CR, _LF + 1]))
    return like >= _FEWEST_LINE_FEEDS and bytes([_CR, _LF]) not in data


def _layout(path: Path, recording: Any) -> Layout | None:
    suffix = path.suffix.lower()
    try:
        if suffix in (".edf", ".bdf"):
            return Layout(path, *record_layout(path))
        if suffix == ".gdf":
            return _layout_of_gdf(path)
        if suffix in (".vhdr", ".ahdr"):
            return _layout_of_brainvision(path)
        if suffix == ".set" and recording is not None:
            return _layout_of_eeglab(recording)
    except (OSError, ValueError, KeyError, IndexError, struct.error):
        return None  # MNE's reader has a better message
    return None


def _layout_of_gdf(path: Path) -> Layout:
    """Source: Schlögl (2013), GDF: a general dataformat for biosignals, arXiv cs/0608052."""
    with path.open("rb") as file:
        fixed = file.read(256)
        (n_signals,) = struct.unpack_from("<H", fixed, 252)
        if float(fixed[4:8]) < 1.9:
            (header,) = struct.unpack_from("<q", fixed, 184)
        else:
            header = 256 * struct.unpack_from("<H", fixed, 184)[0]
        (n_records,) = struct.unpack_from("<q", fixed, 236)
        file.seek(256 + 216 * n_signals)
        values = struct.unpack(f"<{2 * n_signals}i", file.read(8 * n_signals))
    samples, types = values[:n_signals], values[n_signals:]
    unit = sum(n * _GDF_BYTES[kind] for n, kind in zip(samples, types, strict=True))
    # A table of events follows.
    return Layout(path, header, max(unit, 1), n_records if n_records > 0 else None, True)


def _layout_of_brainvision(path: Path) -> Layout | None:
    text = path.read_bytes().decode("latin-1")
    known = dict(re.findall(r"^[ \t]*(\w+)[ \t]*=[ \t]*(.*?)[ \t]*$", text, re.M))
    if known["DataFormat"].upper() != "BINARY":
        return None
    unit = int(known["NumberOfChannels"]) * _BRAINVISION_BYTES[known["BinaryFormat"].upper()]
    name = known["DataFile"].replace("$b", path.stem)
    points = int(known.get("DataPoints") or 0)
    return Layout(path.parent / name, 0, unit, points or None)


def _layout_of_eeglab(recording: Any) -> Layout | None:
    files = getattr(recording, "filenames", None) or (getattr(recording, "filename", None),)
    if files[0] is None or Path(files[0]).suffix.lower() != ".fdt":
        return None
    return Layout(Path(files[0]), 0, _FLOAT32_BYTES * len(recording.ch_names), len(recording.times))
