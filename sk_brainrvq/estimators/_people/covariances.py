"""How the channels of each person vary together."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.estimators._people.centers import rows_of
from sk_brainrvq.signals import PatchGroup

# Patches are in 100 microvolts.
_MICROVOLTS = 100.0
# Segments to read from storage at a time.
_SEGMENTS_AT_ONCE = 64


@dataclass
class Moments:
    """Sums of products of channels over a person's windows, for each pair.

    Windows may lack channels, such as bad ones; each pair uses the windows that hold both channels.

    Attributes
    ----------
    products : ndarray, shape (n_channels, n_channels)
        Sums in square microvolts.
    n_samples, n_windows : ndarray, shape (n_channels, n_channels)
    """

    products: NDArray
    n_samples: NDArray
    n_windows: NDArray

    @classmethod
    def none(cls, n_channels: int) -> "Moments":
        """Moments of no windows."""
        return cls(*(np.zeros((n_channels, n_channels)) for _ in range(3)))

    def widened(self, n_channels: int) -> "Moments":
        """The same moments with more channels, which have no windows yet."""
        missing = n_channels - len(self.products)
        sums = (self.products, self.n_samples, self.n_windows)
        return Moments(*(np.pad(values, (0, missing)) for values in sums))

    def add(self, patches: NDArray, columns: NDArray, n_windows: int) -> None:
        """Add segments (n, C, P, 200) whose channels have these numbers."""
        pairs = np.ix_(columns, columns)
        for (
            segment
        ) in patches:  # one by one, so that sums do not depend on how segments are batched
            signals = _MICROVOLTS * segment.reshape(len(segment), -1).astype(np.float64)
            signals -= signals.mean(axis=1, keepdims=True)
            self.products[pairs] += signals @ signals.T
        self.n_samples[pairs] += patches.shape[0] * patches[0, 0].size
        self.n_windows[pairs] += n_windows

    @property
    def covariance(self) -> NDArray:
        """Mean covariance; NaN for pairs without a window."""
        with np.errstate(invalid="ignore"):
            return np.where(self.n_samples > 0, self.products / self.n_samples, np.nan)


@dataclass
class PeoplesMoments:
    """Moments of people, learnt from groups as they pass through.

    Attributes
    ----------
    channels : list of str
        All channels found so far.
    of : dict of object to Moments
        Moments by person.
    """

    channels: list[str] = field(default_factory=list)
    of: dict[Any, Moments] = field(default_factory=dict)

    def add(self, group: PatchGroup, people: NDArray) -> None:
        """Add the segments of a group; ``people`` (n_segments,) holds their subjects."""
        columns = self._columns(channels_of(group))
        for person, rows in rows_of(people).items():
            moments = self.of.get(person, Moments.none(0)).widened(len(self.channels))
            for start in range(0, len(rows), _SEGMENTS_AT_ONCE):
                some = rows[start : start + _SEGMENTS_AT_ONCE]
                moments.add(group.patches[some], columns, int((group.segment[some] == 0).sum()))
            self.of[person] = moments

    def of_people(self, people: Collection[Any]) -> "PeoplesMoments":
        """The moments of some people."""
        own = {person: moments for person, moments in self.of.items() if person in people}
        return PeoplesMoments(self.channels, own)

    def _columns(self, channels: list[str]) -> NDArray:
        self.channels += [name for name in channels if name not in self.channels]
        return np.array([self.channels.index(name) for name in channels])


def channels_of(group: PatchGroup) -> list[str]:
    """Names of a group's channels, or numbers if they have no names."""
    return group.ch_names or [f"channel{number}" for number in range(group.n_channels)]


def on_channels(matrix: NDArray, held: list[str], channels: list[str]) -> NDArray:
    """Rows and columns of a matrix for other channels; NaN for missing ones."""
    found = np.full((len(channels), len(channels)), np.nan)
    places: Mapping[str, int] = {name: place for place, name in enumerate(held)}
    own = [number for number, name in enumerate(channels) if name in places]
    there = [places[channels[number]] for number in own]
    found[np.ix_(own, own)] = matrix[np.ix_(there, there)]
    return found
