"""Units and rates of the channels of EDF, BDF and GDF files, which MNE does not report."""

import re
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import Any, BinaryIO

from sk_brainrvq.signals.electrodes.matching import match_electrodes
from sk_brainrvq.signals.electrodes.other_channels import other_kinds

# Bytes of the fields of one signal in order: label, transducer, unit, four limits, filters,
# samples per record. GDF 2 has a code instead of the unit.
_LABEL, _TRANSDUCER, _UNIT = 16, 80, 8
_BEFORE_SAMPLES = 216
_VOLTAGE = re.compile(r"(?:[nuµμm]|mk|micro|milli|nano)?v(?:olts?)?(?:rms|r)?", re.IGNORECASE)
# Values found if nobody thought of a unit, or if samples are raw counts.
_NO_UNIT = {"", "1", "AU", "A.U.", "N/A", "NONE", "UNKNOWN", "ADU", "COUNTS", "DIGITS", "RAW"}
# Below this share of the EEG's rate a channel is not EEG from the same amplifier.
_SLOW = 0.5
_STATUS = ("EDF ANNOTATIONS", "BDF ANNOTATIONS", "STATUS")
# ISO/IEEE 11073-10101: bits 5 and above are the quantity, 4256 is the volt.
_GDF_VOLT = 4256 >> 5


@dataclass(frozen=True)
class HeaderChannel:
    """Information on a channel in the header.

    Attributes
    ----------
    name : str
    unit : str
    is_voltage : bool or None
        None if there is no unit.
    sfreq : float
        Samples per record over the duration of a record: the rate, up to a common factor.
    """

    name: str
    unit: str
    is_voltage: bool | None
    sfreq: float


def header_channels(path: Path) -> list[HeaderChannel]:
    """Channels of an EDF, BDF or GDF file, without annotations and status.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of HeaderChannel
        Empty for other files, and for headers that cannot be read.

    Notes
    -----
    Source: Kemp et al. (1992), a simple format for exchange of digitized polygraphic recordings;
    Schlögl (2013), GDF: a general dataformat for biosignals, arXiv cs/0608052.
    """
    suffix = path.suffix.lower()
    if suffix not in (".edf", ".bdf", ".gdf"):
        return []
    try:
        with path.open("rb") as file:
            channels = _gdf(file) if suffix == ".gdf" else _edf(file)
    except (OSError, ValueError, struct.error, ZeroDivisionError):
        return []
    return [channel for channel in channels if channel.name.upper() not in _STATUS]


def _edf(file: BinaryIO) -> list[HeaderChannel]:
    fixed = file.read(256)
    n_signals, seconds = int(fixed[252:256]), float(fixed[244:252]) or 1.0
    names = _texts(file, 256, n_signals, _LABEL)
    units = _texts(file, 256 + (_LABEL + _TRANSDUCER) * n_signals, n_signals, _UNIT)
    samples = _texts(file, 256 + _BEFORE_SAMPLES * n_signals, n_signals, 8)
    return [
        HeaderChannel(name, unit, _is_voltage(unit), int(count) / seconds)
        for name, unit, count in zip(names, units, samples, strict=True)
    ]


def _gdf(file: BinaryIO) -> list[HeaderChannel]:
    fixed = file.read(256)
    (n_signals,) = struct.unpack_from("<H", fixed, 252)
    names = _texts(file, 256, n_signals, _LABEL)
    if float(fixed[4:8]) < 1.9:
        units = _texts(file, 256 + (_LABEL + _TRANSDUCER) * n_signals, n_signals, _UNIT)
        file.seek(256 + _BEFORE_SAMPLES * n_signals)
        counts = struct.unpack(f"<{n_signals}i", file.read(4 * n_signals))
        return [
            HeaderChannel(name, unit, _is_voltage(unit), float(count))
            for name, unit, count in zip(names, units, counts, strict=True)
        ]
    file.seek(256 + 102 * n_signals)  # after label, transducer and the unit in words
    codes = struct.unpack(f"<{n_signals}H", file.read(2 * n_signals))
    file.seek(256 + _BEFORE_SAMPLES * n_signals)
    samples = struct.unpack(f"<{n_signals}i", file.read(4 * n_signals))
    return [
        HeaderChannel(name, "", None if code < 600 else code >> 5 == _GDF_VOLT, float(count))
        for name, code, count in zip(names, codes, samples, strict=True)
    ]


def _texts(file: BinaryIO, start: int, n_signals: int, size: int) -> list[str]:
    file.seek(start)
    fields = [file.read(size) for _ in range(n_signals)]
    return [field.decode("latin-1").split("\0")[0].strip() for field in fields]


def _is_voltage(unit: str) -> bool | None:
    if unit.upper() in _NO_UNIT:
        return None
    return _VOLTAGE.fullmatch(unit.replace(" ", "")) is not None


def not_eeg_by_header(recording: Any, known_as_eeg: Collection[str] = ()) -> dict[str, str]:
    """Channels of a recording that are not EEG according to its header.

    Parameters
    ----------
    recording : mne.io.Raw
    known_as_eeg : collection of str, optional
        Channels for which the user has given a position: only a unit that is not a voltage
        excludes them.

    Returns
    -------
    dict of str to str
        Reason by channel name: the unit is not a voltage; or the name is not that of EEG, and the
        channel has no unit while others have, or a rate below half of the EEG's. That is the
        middle rate of the channels with EEG names, or else the highest of all that may be EEG.
        Empty for formats other than EDF, BDF and GDF, and if the file is gone.
    """
    reasons: dict[str, str] = {}
    for file in getattr(recording, "filenames", None) or ():
        if file is not None:
            channels = _by_name(header_channels(Path(file)), recording.ch_names)
            reasons |= _reasons(channels, known_as_eeg)
    return reasons


def _reasons(
    channels: Mapping[str, HeaderChannel], known_as_eeg: Collection[str]
) -> dict[str, str]:
    any_voltage = any(channel.is_voltage for channel in channels.values())
    voltages = {name: each for name, each in channels.items() if each.is_voltage is not False}
    others = other_kinds(voltages)
    may_be = {name: channel for name, channel in voltages.items() if name not in others}
    named = {name for name in may_be if name in known_as_eeg or _is_named_as_eeg(name)}
    sfreq = _sfreq_of_eeg(may_be, named)
    reasons: dict[str, str] = {}
    for name, channel in channels.items():
        if channel.is_voltage is False:
            reasons[name] = f"unit {channel.unit}" if channel.unit else "unit that is no voltage"
        elif name in named or name in known_as_eeg:
            continue
        elif channel.sfreq < _SLOW * sfreq:
            reasons[name] = "a far lower rate than the EEG's"
        elif channel.is_voltage is None and any_voltage:
            reasons[name] = "no unit"
    return reasons


def _sfreq_of_eeg(may_be: Mapping[str, HeaderChannel], named: Collection[str]) -> float:
    if named:
        return median_low(may_be[name].sfreq for name in named)
    return max((channel.sfreq for channel in may_be.values()), default=0.0)


def _by_name(channels: list[HeaderChannel], names: list[str]) -> dict[str, HeaderChannel]:
    """Channels by their names in MNE, which numbers duplicates: T8-P8-0, T8-P8-1."""
    counts: dict[str, int] = {}
    found: dict[str, HeaderChannel] = {}
    labels = [channel.name for channel in channels]
    for channel in channels:
        number = counts.setdefault(channel.name, 0)
        counts[channel.name] += 1
        single = labels.count(channel.name) == 1
        found[channel.name if single else f"{channel.name}-{number}"] = channel
    return {name: found[name] for name in names if name in found}


def _is_named_as_eeg(name: str) -> bool:
    """Whether a name is that of an electrode, or says EEG: "EEG(sec)"."""
    said = re.match(r"EEG(?![A-Z])", name, re.IGNORECASE) is not None
    return said or match_electrodes([name], 1)[0].has_position
