"""From channels to rows of the electrode position table."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.electrode_matching import ElectrodeMatch, Matcher, mean_match
from sk_brainrvq.signals.electrode_names import (
    ELECTRODE_NAMES,
    N_ELECTRODE_ROWS,
    canonical_name,
    check_ch_names,
    checked_map,
    is_eeg_name,
    shorten,
)
from sk_brainrvq.signals.electrode_positions import checked_places
from sk_brainrvq.signals.exceptions import EEGWarning

__all__ = [
    "ELECTRODE_NAMES",
    "N_ELECTRODE_ROWS",
    "ElectrodeMatch",
    "ElectrodeReport",
    "canonical_name",
    "check_ch_names",
    "electrode_report",
    "electrode_rows",
    "is_eeg_name",
    "match_electrodes",
    "warn_of_mean_rows",
]


def match_electrodes(
    ch_names: Iterable[str] | None,
    n_channels: int,
    trained_rows: Iterable[int] | None = None,
    official: bool = False,
    *,
    positions: Mapping[str, Any] | None = None,
    electrode_map: Mapping[str, Any] | None = None,
) -> list[ElectrodeMatch]:
    """Map channels to rows of the position table.

    Parameters
    ----------
    ch_names : sequence of str, or None
        None gives every channel the mean row.
    n_channels : int
    trained_rows : iterable of int, optional
        Rows that a checkpoint trained; others count as absent. All by default.
    official : bool, default=False
        Use the rows of published checkpoints: their own rows for T3, T4, T5, T6 and for the
        bipolar pairs in the table.
    positions : mapping of str to (3,) array or None, optional
        Head coordinates in metres of channels, None or NaN where unknown. They place names
        without a row and decide what an ambiguous name means.
    electrode_map : mapping, optional
        From channel names to an electrode ("C3"), a pair ("FP1-F7"), a list of electrodes that
        weigh the same, or a dict from electrodes to weights. Goes before everything else.

    Returns
    -------
    list of ElectrodeMatch
        One a channel.

    Raises
    ------
    InvalidEEGError
        For names that are not one a channel, and for a map or positions that cannot be used.

    Examples
    --------
    >>> from sk_brainrvq.signals import match_electrodes
    >>> [match.how for match in match_electrodes(["Cz", "EEG T3-REF", "FP1-F7"], 3)]
    ['exact', 'renamed', 'bipolar']
    """
    every_row = frozenset(range(1, N_ELECTRODE_ROWS))
    rows = every_row if trained_rows is None else every_row & {int(row) for row in trained_rows}
    rows = rows or every_row
    if ch_names is None:
        return [mean_match(f"channel {i}", rows) for i in range(n_channels)]
    names = check_ch_names(ch_names, n_channels)
    matcher = Matcher(names, rows, official, checked_places(positions, names))
    chosen = checked_map(electrode_map)
    return [
        matcher.match_by_user(name, chosen[name]) if name in chosen else matcher.match(name)
        for name in names
    ]


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
        weights[channel, list(match.rows)] = match.weights
    return weights


class ElectrodeReport(list[dict[str, Any]]):
    """A row a channel: what ``pandas.DataFrame`` takes, printed as a table."""

    def __repr__(self) -> str:
        lines = [("channel", "how", "electrodes", "note")]
        for row in self:
            shares = [
                name if weight == 1 else f"{weight:.2f} {name}"
                for name, weight in zip(row["electrodes"], row["weights"], strict=True)
            ]
            mixture = " + ".join(shares)
            if row["how"] == "mean":
                mixture = f"mean of {len(shares)}"
            lines.append((row["channel"], row["how"], mixture, row["note"]))
        widths = [max(len(line[i]) for line in lines) for i in range(3)]
        return "\n".join(
            "  ".join(
                [*(cell.ljust(w) for cell, w in zip(line, widths, strict=False)), line[3]]
            ).rstrip()
            for line in lines
        )


def electrode_report(matches: Sequence[ElectrodeMatch]) -> ElectrodeReport:
    """How each channel was mapped, as a table.

    Parameters
    ----------
    matches : sequence of ElectrodeMatch

    Returns
    -------
    ElectrodeReport
        A list of dicts: "channel", "how", "electrodes" (names of the rows), "rows", "weights"
        and "note".

    Examples
    --------
    >>> from sk_brainrvq.signals.electrodes import electrode_report, match_electrodes
    >>> electrode_report(match_electrodes(["Cz", "T3-C3"], 2))
    channel  how      electrodes         note
    Cz       exact    CZ
    T3-C3    bipolar  0.50 T7 + 0.50 C3
    """
    return ElectrodeReport(
        {
            "channel": match.channel,
            "how": match.how,
            "electrodes": match.electrodes,
            "rows": match.rows,
            "weights": match.weights,
            "note": match.note,
        }
        for match in matches
    )


def warn_of_mean_rows(
    matches: Sequence[ElectrodeMatch], named: bool, parameter: str = "ch_names"
) -> None:
    """Say once which channels have no position of their own, and what that loses."""
    lost = [match.channel for match in matches if match.how == "mean"]
    if not lost:
        return
    if named:
        message = (
            f"No electrode position is known for {shorten(lost)}: the mean position stands in, "
            "and the network cannot tell where they lie. Use names of the 10-20 or 10-05 system, "
            "set a montage, or pass electrode_map={...}."
        )
    else:
        message = (
            "No channel names were given: every channel gets the mean electrode position, and "
            f"the network cannot tell where on the head it lies. Pass {parameter}=[...]."
        )
    warnings.warn(message, EEGWarning, stacklevel=2)
