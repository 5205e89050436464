"""Matching of channels to rows of the position table, by name, cap, position or the user."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.electrodes.names import (
    ELECTRODE_NAMES,
    ELECTRODE_ROWS,
    N_ELECTRODE_ROWS,
    NEW_NAMES,
    ROWS,
    bare_name,
    check_ch_names,
    checked_map,
    split_pair,
)
from sk_brainrvq.signals.electrodes.positions import (
    OTHER_PLACE,
    checked_places,
    measured_directions,
    neighbour_weights,
    read_cap,
    template_directions,
)
from sk_brainrvq.signals.electrodes.references import without_references

# Numbered names of BioSemi caps that name other electrodes in the 10-20 system.
_DOUBTFUL = frozenset(f"{letter}{i}" for letter in "ABCDEFGH" for i in range(1, 33))


@dataclass(frozen=True)
class ElectrodeMatch:
    """How one channel was matched.

    Attributes
    ----------
    channel : str
        Name as given.
    how : str
        "exact": the table's name, in any case. "decorated": that name within others, as in
        "EEG FP1-REF", "C3-M2" or "Fc5.". "renamed": an old name (T3) or one that its cap explains
        (BioSemi's B1). "bipolar": the mean of both electrodes. "official": the row of published
        checkpoints for this name. "interpolated": from the nearest electrodes, as the electrode
        or one end of the pair has no trained row. "user": by ``electrode_map``. "mean": no
        position is known.
    rows : tuple of int
        Rows of the position table, each once.
    weights : tuple of float
        Weights of the rows; they sum to 1.
    note : str
        What was assumed about a name that can mean several electrodes.
    """

    channel: str
    how: str
    rows: tuple[int, ...]
    weights: tuple[float, ...]
    note: str = ""

    @property
    def has_position(self) -> bool:
        """Whether training on this channel teaches its rows their positions.

        Rows of interpolated channels count: the same channel must find the same mixture again
        among the trained rows.
        """
        return self.how != "mean"

    @property
    def electrodes(self) -> tuple[str, ...]:
        """Names of the rows."""
        return tuple(ELECTRODE_NAMES[row - 1] for row in self.rows)


class Matcher:
    """Matches the channels of one recording by names, cap and positions together."""

    def __init__(
        self,
        names: Sequence[str],
        rows: frozenset[int],
        official: bool,
        places: Mapping[str, NDArray],
    ) -> None:
        self.rows = rows
        self.official = official
        written = {name: bare_name(name) for name in names}
        self.bare, self.reference_notes = without_references(written)
        ends = {end for bare in self.bare.values() for end in split_pair(bare) or (bare,)}
        # Electrodes of the table have the same meaning in every cap.
        self.cap = {} if ends <= ELECTRODE_ROWS.keys() else read_cap(ends)
        self.all_doubtful = ends <= _DOUBTFUL
        self.directions = measured_directions(places, self._anchors()) if places else {}

    def match(self, name: str) -> ElectrodeMatch:
        """Match a channel by its name, its cap and its position."""
        bare, measured = self.bare[name], self.directions.get(name)
        if measured is not None and self._place_decides(bare, measured):
            mixture = neighbour_weights(measured, self.rows)
            return self._match(name, "interpolated", mixture, "placed by its coordinates")
        note = self._note(bare) or self.reference_notes.get(name, "")
        row = self._own_row(bare)
        if row is not None:
            return ElectrodeMatch(name, self._how(name), (row,), (1.0,), note)
        pair = split_pair(bare)
        if pair and (measured is None or all(self._mixture(end) for end in pair)):
            return self._match_pair(name, pair)
        # The name's position goes before the measured one: the stand-in for C3 is then the
        # same in every recording.
        mixture = self._mixture(bare)
        if not mixture and measured is not None:
            mixture = neighbour_weights(measured, self.rows)
        return self._match(name, "interpolated", mixture, note)

    def _place_decides(self, bare: str, measured: NDArray) -> bool:
        """Whether a measured position says more than a numbered name of a cap."""
        if bare in self.cap and self.cap[bare].electrode is None:
            return True
        meant = self._direction(bare) if bare in self.cap or bare in _DOUBTFUL else measured
        return meant is None or float(np.linalg.norm(meant - measured)) > OTHER_PLACE

    def match_by_user(self, name: str, shares: Mapping[str, float]) -> ElectrodeMatch:
        """A channel of ``electrode_map``, which uses 10-20 names for every cap."""
        mixture: dict[int, float] = {}
        for electrode, share in shares.items():
            bare = bare_name(electrode)
            row = self._own_row(bare, in_cap=False)
            ends = (split_pair(bare) if row is None else None) or (bare,)
            for end in ends:
                part = self._mixture(end, in_cap=False)
                if not part and self._direction(end, in_cap=False) is None:
                    raise InvalidEEGError(
                        f"electrode_map[{name!r}] holds {electrode!r}; expected an electrode of "
                        "the 10-05 system or a pair of these, such as 'C3' or 'FP1-F7'."
                    )
                _add(mixture, part, share / len(ends))
        total = sum(mixture.values())  # below 1 where no trained row stands in for an electrode
        mixture = {row: weight / total for row, weight in mixture.items()}
        return self._match(name, "user", mixture, "")

    def _match_pair(self, name: str, pair: tuple[str, str]) -> ElectrodeMatch:
        mixture: dict[int, float] = {}
        parts = [self._mixture(end) for end in pair]
        for part in parts:
            _add(mixture, part, 0.5)
        has_rows = all(self._own_row(end) is not None for end in pair)
        how = "bipolar" if has_rows else "interpolated"
        note = next(filter(None, map(self._note, pair)), "")
        return self._match(name, how, mixture if all(parts) else {}, note)

    def _match(self, name: str, how: str, mixture: dict[int, float], note: str) -> ElectrodeMatch:
        if not mixture:
            return mean_match(name, self.rows)
        return ElectrodeMatch(name, how, tuple(mixture), tuple(mixture.values()), note)

    def _mixture(self, bare: str, in_cap: bool = True) -> dict[int, float]:
        """Rows and weights of an electrode; empty if its position is unknown."""
        row = self._own_row(bare, in_cap)
        if row is not None:
            return {row: 1.0}
        direction = self._direction(bare, in_cap)
        return {} if direction is None else neighbour_weights(direction, self.rows)

    def _own_row(self, bare: str, in_cap: bool = True) -> int | None:
        """Row of the name, if it was trained."""
        electrode = self._electrode(bare, in_cap)
        if self.official:
            row = ROWS.get(electrode)
        else:
            row = ELECTRODE_ROWS.get(NEW_NAMES.get(electrode, electrode))
        return row if row in self.rows else None

    def _electrode(self, bare: str, in_cap: bool = True) -> str:
        reading = self.cap.get(bare) if in_cap else None
        return bare if reading is None else reading.electrode or ""

    def _direction(self, bare: str, in_cap: bool = True) -> NDArray | None:
        reading = self.cap.get(bare) if in_cap else None
        if reading is not None and reading.direction is not None:
            return np.array(reading.direction)
        return template_directions().get(self._electrode(bare, in_cap))

    def _how(self, name: str) -> str:
        bare = self.bare[name]
        if bare in self.cap:
            return "renamed"
        if self.official:
            return "official"
        if bare in NEW_NAMES:
            return "renamed"
        return "exact" if bare == name.strip().upper() else "decorated"

    def _note(self, bare: str) -> str:
        if bare in self.cap:
            return self.cap[bare].note
        doubtful = self.all_doubtful and bare in ("A1", "A2")
        return "read as an ear electrode, not as BioSemi's" if doubtful else ""

    def _anchors(self) -> dict[str, str]:
        """Channels whose position follows from the name alone."""
        meant = {name: self._electrode(bare) for name, bare in self.bare.items()}
        return {
            name: electrode
            for name, electrode in meant.items()
            if electrode in ELECTRODE_ROWS and self.bare[name] not in ("A1", "A2")
        }


def mean_match(channel: str, rows: frozenset[int]) -> ElectrodeMatch:
    """Match for a channel without a known position."""
    return ElectrodeMatch(channel, "mean", tuple(sorted(rows)), (1 / len(rows),) * len(rows))


def placed_channels(matches: Sequence[ElectrodeMatch]) -> NDArray | None:
    """Numbers of the channels with a known position; None if all or none have one.

    Parameters
    ----------
    matches : sequence of ElectrodeMatch

    Returns
    -------
    ndarray of int, or None
    """
    known = np.array([match.has_position for match in matches])
    return None if known.all() or not known.any() else np.flatnonzero(known)


def _add(mixture: dict[int, float], part: Mapping[int, float], share: float) -> None:
    for row, weight in part.items():
        mixture[row] = mixture.get(row, 0.0) + share * weight


def match_electrodes(
    ch_names: Iterable[str] | None,
    n_channels: int,
    trained_rows: Iterable[int] | None = None,
    official: bool = False,
    *,
    positions: Mapping[str, Any] | None = None,
    electrode_map: Mapping[str, Any] | None = None,
) -> list[ElectrodeMatch]:
    """Match channels to rows of the position table.

    Parameters
    ----------
    ch_names : sequence of str, or None
        None gives every channel the mean row.
    n_channels : int
    trained_rows : iterable of int, optional
        Rows that a checkpoint trained; others count as absent. Default all.
    official : bool, default=False
        Use the rows of published checkpoints: their own rows for T3, T4, T5, T6 and for the
        bipolar pairs in the table.
    positions : mapping of str to (3,) array or None, optional
        Head coordinates of channels in metres, None or NaN if unknown. They locate names without a
        row and decide what an ambiguous name means.
    electrode_map : mapping, optional
        From channel names to an electrode ("C3"), a pair ("FP1-F7"), a list of electrodes with
        equal weights, or a dict from electrodes to weights. Overrides everything else.

    Returns
    -------
    list of ElectrodeMatch
        One match per channel.

    Raises
    ------
    InvalidEEGError
        Unless there is one name per channel, and for a map or positions that cannot be used.

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
    places = {} if positions is None else checked_places(positions, names)
    matcher = Matcher(names, rows, official, places)
    chosen = checked_map(electrode_map)
    return [
        matcher.match_by_user(name, chosen[name]) if name in chosen else matcher.match(name)
        for name in names
    ]


def electrode_rows(matches: Sequence[ElectrodeMatch]) -> NDArray:
    """Electrodes for the networks: rows, or mixing weights if a channel needs several rows.

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
