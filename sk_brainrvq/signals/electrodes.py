"""From channel names to rows of the electrode position table."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.exceptions import EEGWarning, InvalidEEGError

N_ELECTRODE_ROWS = 129

# Order of the published position table: entry i has row i + 1, row 0 is the class token's,
# and the last eight names have no row.
ELECTRODE_NAMES = tuple(
    """
    FP1 FPZ FP2 AF9 AF7 AF5 AF3 AF1 AFZ AF2 AF4 AF6 AF8 AF10
    F9 F7 F5 F3 F1 FZ F2 F4 F6 F8 F10 FT9 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 FT10
    T9 T7 C5 C3 C1 CZ C2 C4 C6 T8 T10 TP9 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 TP10
    P9 P7 P5 P3 P1 PZ P2 P4 P6 P8 P10 PO9 PO7 PO5 PO3 PO1 POZ PO2 PO4 PO6 PO8 PO10
    O1 OZ O2 O9 CB1 CB2 IZ O10 T3 T5 T4 T6 M1 M2 A1 A2
    CFC1 CFC2 CFC3 CFC4 CFC5 CFC6 CFC7 CFC8 CCP1 CCP2 CCP3 CCP4 CCP5 CCP6 CCP7 CCP8
    T1 T2 FTT9h TTP7h TPP9h FTT10h TPP8h TPP10h
    FP1-F7 F7-T7 T7-P7 P7-O1 FP2-F8 F8-T8 T8-P8 P8-O2
    FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2
    """.split()  # noqa: SIM905
)
_ROWS = {name.upper(): i + 1 for i, name in enumerate(ELECTRODE_NAMES) if i + 1 < N_ELECTRODE_ROWS}
_CANONICAL = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
_PREFIX = re.compile(r"^EEG[ _:-]*", re.IGNORECASE)
_REFERENCE = re.compile(r"[-_](REF|LE|AR|AVG|CAR)$", re.IGNORECASE)


@dataclass(frozen=True)
class ElectrodeMatch:
    """How one channel was mapped.

    Attributes
    ----------
    channel : str
        Name as given.
    how : {"electrode", "bipolar", "official", "mean"}
        An electrode's own row, the mean of a pair's two rows, a published row for the pair,
        or the mean of all trained rows because the name is not known.
    rows : tuple of int
        Rows of the position table, weighted equally.
    """

    channel: str
    how: str
    rows: tuple[int, ...]


def canonical_name(name: str) -> str:
    """Channel name in upper case, without decoration, in the modern 10-20 terms.

    Examples
    --------
    >>> from sk_brainrvq.signals.electrodes import canonical_name
    >>> canonical_name("EEG T3-REF"), canonical_name("Fc5."), canonical_name("Fp1-F7")
    ('T7', 'FC5', 'FP1-F7')
    """
    bare = _REFERENCE.sub("", _PREFIX.sub("", name.strip())).rstrip(".").strip().upper()
    return "-".join(_CANONICAL.get(part.strip(), part.strip()) for part in bare.split("-"))


def match_electrodes(
    ch_names: Sequence[str] | None,
    n_channels: int,
    trained_rows: Sequence[int] | None = None,
    official: bool = False,
) -> list[ElectrodeMatch]:
    """Map channels to rows of the position table.

    Parameters
    ----------
    ch_names : sequence of str, or None
        None gives every channel the mean row.
    n_channels : int
    trained_rows : sequence of int, optional
        Rows that a checkpoint trained; others count as absent. All by default.
    official : bool, default=False
        Use the rows of published checkpoints: their own rows for T3, T4, T5, T6 and for the
        bipolar pairs in the table.

    Returns
    -------
    list of ElectrodeMatch
        One a channel.
    """
    available = frozenset(range(1, N_ELECTRODE_ROWS) if trained_rows is None else trained_rows)
    mean_rows = tuple(sorted(available))
    if ch_names is None:
        return [ElectrodeMatch(f"channel {i}", "mean", mean_rows) for i in range(n_channels)]
    matches = []
    for name in ch_names:
        how, rows = _find_rows(name, official)
        if not rows or not available.issuperset(rows):
            how, rows = "mean", mean_rows
        matches.append(ElectrodeMatch(name, how, rows))
    return matches


def _find_rows(name: str, official: bool) -> tuple[str, tuple[int, ...]]:
    bare = _REFERENCE.sub("", _PREFIX.sub("", name.strip())).rstrip(".").strip().upper()
    if official and bare in _ROWS:
        return "official", (_ROWS[bare],)
    canonical = canonical_name(name)
    if canonical in _ROWS and "-" not in canonical:
        return "electrode", (_ROWS[canonical],)
    ends = canonical.split("-")
    if len(ends) == 2 and all(end in _ROWS for end in ends):
        return "bipolar", (_ROWS[ends[0]], _ROWS[ends[1]])
    return "mean", ()


def electrode_rows(matches: Sequence[ElectrodeMatch]) -> NDArray:
    """What the networks take: rows, or mixing weights where a channel needs several.

    Parameters
    ----------
    matches : sequence of ElectrodeMatch

    Returns
    -------
    ndarray, shape (n_channels,) int64 or (n_channels, 129) float32
    """
    if all(len(match.rows) == 1 for match in matches):
        return np.array([match.rows[0] for match in matches], dtype=np.int64)
    weights = np.zeros((len(matches), N_ELECTRODE_ROWS), dtype=np.float32)
    for channel, match in enumerate(matches):
        np.add.at(weights[channel], list(match.rows), 1 / len(match.rows))
    return weights


def check_ch_names(ch_names: Sequence[str], n_channels: int) -> list[str]:
    """Channel names as a list; raise InvalidEEGError unless unique and one a channel."""
    names = [str(name) for name in ch_names]
    if isinstance(ch_names, str) or len(names) != n_channels:
        raise InvalidEEGError(
            f"ch_names has {len(names)} names ({_shorten(names)}) for {n_channels} channels; "
            "give one name a channel, in the order of the channels."
        )
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise InvalidEEGError(
            f"ch_names holds {_shorten(duplicates)} more than once; channel names must differ."
        )
    return names


def warn_of_mean_rows(matches: Sequence[ElectrodeMatch], named: bool) -> None:
    """Say once which channels have no position of their own, and what that loses."""
    lost = [match.channel for match in matches if match.how == "mean"]
    if not lost:
        return
    if named:
        message = (
            f"No electrode position is known for {_shorten(lost)}: the mean position stands in, "
            "and the network cannot tell where they lie. Use names of the 10-10 system."
        )
    else:
        message = (
            "No channel names were given: every channel gets the mean electrode position, and "
            "the network cannot tell where on the head it lies. Pass ch_names=[...]."
        )
    warnings.warn(message, EEGWarning, stacklevel=2)


def _shorten(names: Sequence[str], n_most: int = 8) -> str:
    shown = ", ".join(repr(name) for name in names[:n_most])
    return shown + (f" and {len(names) - n_most} more" if len(names) > n_most else "")
