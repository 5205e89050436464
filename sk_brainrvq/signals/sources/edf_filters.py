"""Filters of the EEG channels of EDF, BDF and GDF files."""

import math
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

# A fixed header, then each field for all signals; the filters follow 136 bytes per signal.
_FIXED_SIZE, _FILTERS_AFTER = 256, 136
_LABEL_SIZE, _TEXT_SIZE = 16, 80
# GDF 2 has numbers instead of text, after a field of 68 bytes.
_GDF_2_UNUSED = 68

Band = tuple[float, float | None]


def stated_band(path: Path, is_used: Callable[[str], bool]) -> Band | None:
    """Weakest filters that the header states for the channels in use.

    MNE's ``info`` holds the strictest of all channels, including those of heart and muscles.

    Parameters
    ----------
    path : Path
    is_used : callable
        Takes a channel's name; returns whether it counts.

    Returns
    -------
    (highpass, lowpass) or None
        In Hz; 0.0 and None if a channel has none or does not state it. None for files that are
        not EDF, BDF or GDF, cannot be read as such, or have no such channel.

    Notes
    -----
    Source: Kemp et al. (1992), a simple format for exchange of digitized polygraphic recordings;
    Schlögl (2013), GDF: a general dataformat for biosignals, arXiv cs/0608052.
    """
    suffix = path.suffix.lower()
    if suffix not in (".edf", ".bdf", ".gdf"):
        return None
    try:
        with path.open("rb") as file:
            channels = _gdf_channels(file) if suffix == ".gdf" else _edf_channels(file)
    except (ValueError, struct.error):
        return None
    bands = [band for name, band in channels if is_used(name)]
    return weakest_band(bands) if bands else None


def weakest_band(bands: list[Band]) -> Band:
    """Weakest filters among some channels.

    Examples
    --------
    >>> from sk_brainrvq.signals.sources.edf_filters import weakest_band
    >>> weakest_band([(0.5, 70.0), (0.1, 100.0)]), weakest_band([(0.5, 70.0), (0.5, None)])
    ((0.1, 100.0), (0.5, None))
    """
    lowpasses = [lowpass for _, lowpass in bands if lowpass is not None]
    every = len(lowpasses) == len(bands)
    return min(highpass for highpass, _ in bands), max(lowpasses) if every else None


def _edf_channels(file: BinaryIO) -> list[tuple[str, Band]]:
    n_signals = int(file.read(_FIXED_SIZE)[252:256])
    return _channels_of_texts(file, n_signals)


def _gdf_channels(file: BinaryIO) -> list[tuple[str, Band]]:
    fixed = file.read(_FIXED_SIZE)
    version = float(fixed[4:8])
    (n_signals,) = struct.unpack_from("<H", fixed, 252)
    if version < 1.9:
        return _channels_of_texts(file, n_signals)
    names = _texts(file, _FIXED_SIZE, n_signals, _LABEL_SIZE)
    file.seek(_FIXED_SIZE + (_FILTERS_AFTER + _GDF_2_UNUSED) * n_signals)
    values = struct.unpack(f"<{2 * n_signals}f", file.read(8 * n_signals))
    lowpasses, highpasses = values[:n_signals], values[n_signals:]
    bands = [
        (_known(high) or 0.0, _known(low)) for high, low in zip(highpasses, lowpasses, strict=True)
    ]
    return list(zip(names, bands, strict=True))


def _channels_of_texts(file: BinaryIO, n_signals: int) -> list[tuple[str, Band]]:
    names = _texts(file, _FIXED_SIZE, n_signals, _LABEL_SIZE)
    texts = _texts(file, _FIXED_SIZE + _FILTERS_AFTER * n_signals, n_signals, _TEXT_SIZE)
    bands = [(_edge("HP", text) or 0.0, _edge("LP", text)) for text in texts]
    return list(zip(names, bands, strict=True))


def _texts(file: BinaryIO, start: int, n_signals: int, size: int) -> list[str]:
    file.seek(start)
    fields = [file.read(size) for _ in range(n_signals)]
    return [field.decode("latin-1").split("\0")[0].strip() for field in fields]


def _edge(kind: str, text: str) -> float | None:
    """Frequency in Hz after "HP:" or "LP:"; None without a number, or with another unit."""
    other_unit = r"(?:m?s|sec|kHz)\b"
    end = rf"(?=[;/]|\s*$|\s+(?!{other_unit}))"
    found = re.findall(rf"{kind}:\s*([0-9.,]+)(?:\s*[Hh][Zz]|{end})", text)
    try:
        return _known(float(found[-1].replace(",", "."))) if found else None
    except ValueError:
        return None


def _known(frequency: float) -> float | None:
    return float(frequency) if 0 < frequency < math.inf else None
