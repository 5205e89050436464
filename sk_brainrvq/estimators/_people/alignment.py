"""Whitening of each person's signals, so that everyone's channels have the same covariance."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.estimators._people.centers import rows_of
from sk_brainrvq.estimators._people.covariances import PeoplesMoments, channels_of, on_channels
from sk_brainrvq.signals import PatchGroup, StoredPatches
from sk_brainrvq.signals.electrodes import placed_channels

# Share of a person's mean power below which directions in the space of channels are noise, or
# empty, as one is after an average reference. They are not amplified above it.
_RIDGE = 1e-3
# Mean power in square microvolts below which nothing was recorded.
_SILENT = 1e-6


@dataclass
class Alignment:
    """Euclidean alignment: whitening of each person's signals by the mean covariance.

    Afterwards everyone has the mean power of the training people. With fewer windows than
    ``min_windows`` a person's covariance is shrunk towards theirs: with n windows it has weight n /
    (n + 1). A channel without a known position is only scaled, and never mixed with others. The
    same holds for a channel that a person's calibration lacks, which is assumed to have the mean
    power.

    Attributes
    ----------
    channels : list of str
        Channels of the rows and columns of all covariances.
    overall : ndarray, shape (n_channels, n_channels)
        Mean covariance of the training people, in square microvolts: the mean of the covariances
        scaled to unit power, times the mean power; NaN for pairs that nobody has.
    min_windows : int
    kept : dict of object to ndarray
        Covariances of people that replace those of the windows passed.

    Notes
    -----
    Source: He and Wu (2020), "Transfer learning for brain-computer interfaces: a Euclidean space
    data alignment approach", IEEE Trans. Biomed. Eng. 67(2).
    """

    channels: list[str]
    overall: NDArray
    min_windows: int
    kept: dict[Any, NDArray] = field(default_factory=dict)

    @classmethod
    def learn(cls, moments: PeoplesMoments, min_windows: int) -> "Alignment":
        """Mean covariance of the training people."""
        n_channels = len(moments.channels)
        own = [person.widened(n_channels).covariance for person in moments.of.values()]
        powers = np.array([max(_power(covariance), _SILENT) for covariance in own])
        shapes = np.array(own) / powers[:, None, None]
        counts = np.isfinite(shapes).sum(axis=0)
        with np.errstate(invalid="ignore"):
            mean = np.nansum(shapes, axis=0) / np.where(counts, counts, np.nan)
        return cls(list(moments.channels), mean * np.exp(np.log(powers).mean()), min_windows)

    def keep(self, moments: PeoplesMoments) -> None:
        """Store the covariances of people in these windows."""
        new = [name for name in moments.channels if name not in self.channels]
        if new:
            held, self.channels = self.channels, [*self.channels, *new]
            self.overall = on_channels(self.overall, held, self.channels)
            self.kept = {
                person: on_channels(own, held, self.channels) for person, own in self.kept.items()
            }
        own = {person: self._covariance(moments, person, self.channels) for person in moments.of}
        self.kept = {**self.kept, **own}

    def aligned(
        self, groups: Iterable[PatchGroup], moments: PeoplesMoments, people: NDArray
    ) -> Iterator[PatchGroup]:
        """Whiten the signals of each person.

        Parameters
        ----------
        groups : iterable of PatchGroup
        moments : PeoplesMoments
            Moments of the windows in the groups.
        people : ndarray of object, shape (n_epochs,)
            Subject of each epoch. A person's result does not depend on other people's windows.

        Yields
        ------
        PatchGroup
            Whitened groups; patches in storage stay there and are whitened when they are read.
        """
        for group in groups:
            patches = self.aligned_patches(group, moments, people)
            stored = isinstance(group.patches, StoredPatches)
            yield replace(group, patches=patches if stored else patches[slice(None)])

    def aligned_patches(
        self, group: PatchGroup, moments: PeoplesMoments, people: NDArray
    ) -> "AlignedPatches":
        """Patches of a group that are whitened as they are read; see :meth:`aligned`."""
        matrices, which = [], np.empty(len(group.patches), dtype=np.int64)
        for number, (person, rows) in enumerate(rows_of(people[group.epoch]).items()):
            matrices.append(self._whitening(group, moments, person))
            which[rows] = number
        return AlignedPatches(group.patches, np.stack(matrices), which)

    def _covariance(self, moments: PeoplesMoments, person: Any, channels: list[str]) -> NDArray:
        """Covariance of a person, shrunk if there are few windows."""
        overall = self._on(self.overall, channels)
        own = moments.of[person].widened(len(moments.channels))
        n_windows = np.nan_to_num(on_channels(own.n_windows, moments.channels, channels))
        share = np.where(n_windows >= self.min_windows, 1.0, n_windows / (n_windows + 1))
        covariance = np.nan_to_num(on_channels(own.covariance, moments.channels, channels))
        return share * covariance + (1 - share) * overall

    def _on(self, covariance: NDArray, channels: list[str]) -> NDArray:
        """A covariance for other channels; missing ones get the mean power and no correlations."""
        found = on_channels(covariance, self.channels, channels)
        alone = np.diag(np.full(len(channels), _power(self.overall)))
        return np.where(np.isfinite(found), found, alone)

    def _whitening(self, group: PatchGroup, moments: PeoplesMoments, person: Any) -> NDArray:
        """Matrix (C, C) that multiplies the channels of a group."""
        channels = channels_of(group)
        if person in self.kept:
            covariance = self._on(self.kept[person], channels)
        else:
            covariance = self._covariance(moments, person, channels)
        placed = placed_channels(group.matches)
        together = np.arange(len(channels)) if placed is None else placed
        alone = np.setdiff1d(np.arange(len(channels)), together)
        matrix = np.zeros_like(covariance)
        for block in (together, *alone[:, None]):
            pairs = np.ix_(block, block)
            matrix[pairs] = whitening(covariance[pairs], _power(self.overall))
        return matrix


def whitening(covariance: NDArray, power: float) -> NDArray:
    """Symmetric matrix that makes channels uncorrelated with a given mean power.

    Parameters
    ----------
    covariance : ndarray, shape (n_channels, n_channels)
        Covariance, which need not be positive definite if estimated pair by pair.
    power : float
        Mean power in the unit of the covariance.

    Returns
    -------
    ndarray, shape (n_channels, n_channels)
    """
    own = _power(covariance)
    if own < _SILENT:
        return np.eye(len(covariance))
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    raised = np.maximum(values, 0.0) + _RIDGE * own
    matrix = (vectors / np.sqrt(raised)) @ vectors.T
    found = np.maximum(values, 0.0) / raised
    return matrix * np.sqrt(power / found.mean())


def _power(covariance: NDArray) -> float:
    """Mean variance of the channels that are known."""
    return float(np.nanmean(np.diag(covariance)))


class AlignedPatches(StoredPatches):
    """Patches multiplied across channels as they are read.

    Parameters
    ----------
    patches : ndarray or StoredPatches, shape (n_segments, n_channels, n_patches, 200)
    matrices : ndarray, shape (n_matrices, n_channels, n_channels)
    which : ndarray of int, shape (n_segments,)
        Matrix of each segment.
    """

    def __init__(self, patches: NDArray | StoredPatches, matrices: NDArray, which: NDArray):
        self.patches, self.which = patches, which
        self.matrices = matrices.astype(np.float32)
        self.shape = patches.shape

    @property
    def chunks(self) -> NDArray:  # type: ignore[override]
        """Number of the piece of storage in which each segment begins."""
        return self._stored.chunks

    @property
    def digest(self) -> str:
        """Digest of the segments of the unaligned signals."""
        return self._stored.digest

    @property
    def _stored(self) -> StoredPatches:
        assert isinstance(self.patches, StoredPatches)
        return self.patches

    def __getitem__(self, rows: Any) -> NDArray:
        patches, which = np.array(self.patches[rows], dtype=self.dtype), self.which[rows]
        flat = patches.reshape(*patches.shape[:2], -1)
        for number in np.unique(which):
            own = which == number
            flat[own] = self.matrices[number] @ flat[own]
        return patches

    def take_rows(self, rows: NDArray) -> "AlignedPatches":
        """Select segments, which stay in storage too."""
        return AlignedPatches(self._stored.take_rows(rows), self.matrices, self.which[rows])

    def chunks_held(self, n_groups: int) -> int:
        """The same as for the patches in storage."""
        return self._stored.chunks_held(n_groups)
