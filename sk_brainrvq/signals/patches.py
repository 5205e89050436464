"""Patches for the networks: groups of one montage and length, in memory or in storage."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.electrodes import ElectrodeMatch, electrode_rows, match_electrodes


class StoredPatches(ABC):
    """Patches of segments that stay in storage and are read when indexed.

    Attributes
    ----------
    shape : tuple
        (n_segments, n_channels, n_patches, 200).
    dtype : dtype
        float32.
    chunks : ndarray of int, shape (n_segments,)
        Number of the piece of storage in which each segment begins; see :func:`shuffled_rows`.
    """

    dtype: ClassVar[np.dtype] = np.dtype(np.float32)
    ndim: ClassVar[int] = 4
    shape: tuple[int, int, int, int]
    chunks: NDArray

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def __getitem__(self, rows: slice | NDArray | Sequence[int]) -> NDArray:
        """Patches of some segments.

        Parameters
        ----------
        rows : slice, array of int, or mask

        Returns
        -------
        ndarray, shape (n_rows, n_channels, n_patches, 200), float32
            In 100 microvolts.
        """

    @property
    @abstractmethod
    def digest(self) -> str:
        """Digest of the segments, computed without reading their signals."""

    @abstractmethod
    def take_rows(self, rows: NDArray) -> "StoredPatches":
        """Select segments, which stay in storage too."""

    @abstractmethod
    def chunks_held(self, n_groups: int) -> int:
        """Number of chunks of this size that each of ``n_groups`` can mix and keep in memory."""


class StoredEEG(ABC):
    """EEG of any size that becomes patches batch by batch."""

    @abstractmethod
    def prepared(
        self,
        *,
        trained_rows: Sequence[int] | None = None,
        official: bool = False,
        electrode_map: Mapping[str, Any] | None = None,
        warn: bool = True,
    ) -> "PreparedEEG":
        """Patches for training, which stay in storage until a batch asks for them.

        Parameters
        ----------
        trained_rows, official, electrode_map, warn
            As in :func:`~sk_brainrvq.signals.preparation.stream`.

        Returns
        -------
        PreparedEEG
            ``patches`` of its groups are :class:`StoredPatches`.
        """


@dataclass
class PatchGroup:
    """Segments of epochs that share montage and number of patches: one kind of batch.

    Attributes
    ----------
    patches : ndarray or StoredPatches, shape (n_segments, n_channels, n_patches, 200), float32
        In 100 microvolts at 200 Hz.
    ch_names : list of str, or None
    electrodes : ndarray, shape (n_channels,) int64 or (n_channels, 129) float32
    matches : list of ElectrodeMatch
    epoch : ndarray, shape (n_segments,)
        Epoch of each segment, in the caller's order.
    segment : ndarray, shape (n_segments,)
        Number of the segment within its epoch.
    positions : dict of str to ndarray, or None
        Head coordinates of channels in metres.
    electrode_map : mapping, or None
        Positions of channels from the user.
    left_out : dict of str to str
        Channels that were left out of these or other epochs as bad, and why.
    channels : ndarray of int, or None
        Numbers of the channels that networks read; None means all. If the positions of some
        channels are known, those of unknown position are not read: the network would treat them as
        lying everywhere, and their amplitude would change how all others are read.
    """

    patches: NDArray | StoredPatches
    ch_names: list[str] | None
    electrodes: NDArray
    matches: list[ElectrodeMatch]
    epoch: NDArray
    segment: NDArray
    positions: dict[str, NDArray] | None = None
    electrode_map: Mapping[str, Any] | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    channels: NDArray | None = None

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.patches.shape[1]

    @property
    def n_read(self) -> int:
        """Number of channels that networks read."""
        return self.n_channels if self.channels is None else len(self.channels)

    @property
    def n_patches(self) -> int:
        """Patches per channel of a segment."""
        return self.patches.shape[2]

    def take_rows(self, rows: NDArray) -> "PatchGroup":
        """Select some segments; stored patches stay in storage.

        Parameters
        ----------
        rows : ndarray of int
        """
        every = self.patches
        chosen = every.take_rows(rows) if isinstance(every, StoredPatches) else every[rows]
        return replace(self, patches=chosen, epoch=self.epoch[rows], segment=self.segment[rows])


@dataclass
class PreparedEEG:
    """All epochs of a call, ready for the networks.

    Attributes
    ----------
    groups : list of PatchGroup
    n_epochs : int
    """

    groups: list[PatchGroup]
    n_epochs: int

    @property
    def is_stored(self) -> bool:
        """Whether patches are read from storage as they are needed."""
        return any(isinstance(group.patches, StoredPatches) for group in self.groups)


def gather(groups: Iterable[PatchGroup]) -> PreparedEEG:
    """Hold all groups in memory, concatenating those of one montage and length.

    Parameters
    ----------
    groups : iterable of PatchGroup

    Returns
    -------
    PreparedEEG
    """
    alike: dict[tuple, list[PatchGroup]] = {}
    for group in groups:
        names = None if group.ch_names is None else tuple(group.ch_names)
        key = (names, group.patches.shape[1:], group.electrodes.tobytes())
        alike.setdefault(key, []).append(group)
    joined = [_join(parts) for parts in alike.values()]
    return PreparedEEG(joined, 1 + max(int(group.epoch.max()) for group in joined))


def _join(groups: list[PatchGroup]) -> PatchGroup:
    if len(groups) == 1:
        return groups[0]
    return replace(
        groups[0],
        patches=np.concatenate([group.patches for group in groups]),
        epoch=np.concatenate([group.epoch for group in groups]),
        segment=np.concatenate([group.segment for group in groups]),
    )


def with_every_channel(groups: Iterable[PatchGroup]) -> Iterator[PatchGroup]:
    """The same groups, but with channels of unknown position read too.

    Parameters
    ----------
    groups : iterable of PatchGroup

    Yields
    ------
    PatchGroup
    """
    for group in groups:
        yield replace(group, channels=None)


def rematch(
    prepared: PreparedEEG, trained_rows: Sequence[int] | None, official: bool
) -> PreparedEEG:
    """The same patches with electrodes matched for another network.

    Parameters
    ----------
    prepared : PreparedEEG
    trained_rows : sequence of int, optional
        Electrode rows that the network trained.
    official : bool

    Returns
    -------
    PreparedEEG
    """
    groups = []
    for group in prepared.groups:
        n_channels = group.patches.shape[1]
        matches = match_electrodes(
            group.ch_names,
            n_channels,
            trained_rows,
            official,
            positions=group.positions,
            electrode_map=group.electrode_map,
        )
        groups.append(replace(group, electrodes=electrode_rows(matches), matches=matches))
    return PreparedEEG(groups, prepared.n_epochs)


def shuffled_rows(
    chunks: NDArray, generator: np.random.Generator, buffer_chunks: int = 64
) -> NDArray:
    """A random order of rows that reads each storage chunk once.

    Chunks are drawn in random order, and the rows of ``buffer_chunks`` of them at a time are
    mixed. A reader that holds as many chunks reads each once.

    Parameters
    ----------
    chunks : ndarray of int, shape (n_rows,)
        Chunk of each row, as in ``StoredPatches.chunks``.
    generator : numpy.random.Generator
    buffer_chunks : int, default=64
        Number of chunks to mix; more mix better and take more memory.

    Returns
    -------
    ndarray, shape (n_rows,), int64
        A permutation of the rows.

    Raises
    ------
    ValueError
        If ``buffer_chunks`` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.signals.patches import shuffled_rows
    >>> chunks = np.array([7, 7, 8, 8, 9, 9])
    >>> rows = shuffled_rows(chunks, np.random.default_rng(0), buffer_chunks=1)
    >>> sorted(rows.tolist()), len(np.flatnonzero(np.diff(chunks[rows])))
    ([0, 1, 2, 3, 4, 5], 2)
    """
    if buffer_chunks < 1:
        raise ValueError(f"buffer_chunks={buffer_chunks!r} was given; expected at least 1.")
    _, own = np.unique(chunks, return_inverse=True)
    n_chunks = int(own.max(initial=-1)) + 1
    buffer = (generator.permutation(n_chunks) // buffer_chunks)[own]
    return np.lexsort((generator.random(len(own)), buffer))
