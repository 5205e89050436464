"""Patches of a corpus, which stay on disk until a batch asks for them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.corpus.index import CorpusRecording, digest_of_windows
from sk_brainrvq.corpus.store import CorpusStore, first_chunks
from sk_brainrvq.corpus.writing import CHUNK_SAMPLES
from sk_brainrvq.signals.electrodes import (
    ElectrodeMatch,
    electrode_rows,
    match_electrodes,
    placed_channels,
    warn_of_mean_rows,
)
from sk_brainrvq.signals.patches import PatchGroup, PreparedEEG, StoredPatches
from sk_brainrvq.signals.preparation import (
    PATCH_SAMPLES,
    n_patches_of,
    segment_bounds,
    to_patches,
)

# The networks take signals in units of 100 microvolts.
_MICROVOLTS_PER_UNIT = 100.0


class CorpusPatches(StoredPatches):
    """Segments of a corpus, read from storage when they are indexed.

    Parameters
    ----------
    store : CorpusStore
        Storage to read from; its cache of recent chunks is shared by all readers.
    numbers : ndarray of int, shape (n_segments,)
        Recording of each segment, as its position in the index.
    starts, lengths : ndarray of int, shape (n_segments,)
        First sample and number of samples at 200 Hz; an incomplete last patch is padded by
        mirroring.
    n_channels, n_patches : int

    Attributes
    ----------
    shape : tuple
        (n_segments, n_channels, n_patches, 200).
    dtype : dtype
        float32.
    digest : str
        Digest of the segments and their signals, computed without reading them.
    chunks : ndarray of int, shape (n_segments,)
        Storage chunk, counted through the corpus, in which each segment begins; see
        :func:`shuffled_rows`.
    """

    def __init__(
        self,
        store: CorpusStore,
        numbers: NDArray,
        starts: NDArray,
        lengths: NDArray,
        n_channels: int,
        n_patches: int,
    ) -> None:
        self.store = store
        self.numbers, self.starts, self.lengths = numbers, starts, lengths
        self.shape = (len(numbers), n_channels, n_patches, PATCH_SAMPLES)
        self.chunks = first_chunks(store.index)[numbers] + starts // CHUNK_SAMPLES

    def __getitem__(self, rows: slice | NDArray | Sequence[int]) -> NDArray:
        """Read the patches of some segments.

        Parameters
        ----------
        rows : slice, array of int, or mask

        Returns
        -------
        ndarray, shape (n_rows, n_channels, n_patches, 200), float32
            In 100 microvolts.
        """
        wanted = np.atleast_1d(np.arange(len(self))[rows])
        patches = np.empty((len(wanted), *self.shape[1:]), dtype=self.dtype)
        spans = self.numbers[wanted], self.starts[wanted], self.lengths[wanted]
        for place, microvolts in self.store.windows(*spans):
            patches[place] = to_patches(microvolts[None])[0]
        patches /= _MICROVOLTS_PER_UNIT
        return patches

    @cached_property
    def digest(self) -> str:
        """Digest of the segments and their signals, wherever they are stored."""
        return digest_of_windows(self.store.index, self.numbers, self.starts, self.lengths)

    def chunks_held(self, n_groups: int) -> int:
        """Number of such chunks that each of ``n_groups`` groups can keep in memory to shuffle."""
        chunk_bytes = self.shape[1] * CHUNK_SAMPLES * np.dtype(np.int16).itemsize
        # Half of the cache, because the next buffer is read while one is in use.
        return max(1, self.store.cache_bytes // (2 * n_groups * chunk_bytes))

    def take_rows(self, rows: NDArray) -> "CorpusPatches":
        """Select segments, which also stay in storage."""
        spans = self.numbers[rows], self.starts[rows], self.lengths[rows]
        return CorpusPatches(self.store, *spans, *self.shape[1:3])

    def __repr__(self) -> str:
        return f"CorpusPatches(shape={self.shape}, location={self.store.location!r})"


@dataclass(frozen=True)
class _Segments:
    """Segments that every window of one length is cut into."""

    n_times: int

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """First patch of each segment and the one after its last."""
        return segment_bounds(n_patches_of(self.n_times))

    def spans(self, numbers: list[int]) -> tuple[NDArray, NDArray]:
        """Start within the window and length of some segments, in samples."""
        firsts = np.array([self.bounds[i][0] for i in numbers]) * PATCH_SAMPLES
        ends = np.array([self.bounds[i][1] for i in numbers]) * PATCH_SAMPLES
        return firsts, np.minimum(ends, self.n_times) - firsts

    def by_length(self) -> dict[int, list[int]]:
        """Segments grouped by their number of patches."""
        alike: dict[int, list[int]] = {}
        for number, (first, last) in enumerate(self.bounds):
            alike.setdefault(last - first, []).append(number)
        return alike


def prepare_stored(
    store: CorpusStore,
    recordings: NDArray,
    starts: NDArray,
    n_times: int,
    *,
    trained_rows: Sequence[int] | None,
    official: bool,
    electrode_map: Mapping[str, Any] | None,
    warn: bool,
) -> PreparedEEG:
    """Arrange windows of a corpus in patch groups whose patches stay on disk.

    Parameters
    ----------
    store : CorpusStore
    recordings, starts : ndarray of int, shape (n_windows,)
        Recording and first sample of each window.
    n_times : int
        Samples of a window at 200 Hz.
    trained_rows, official, electrode_map, warn
        As in :func:`~sk_brainrvq.signals.preparation.stream`.

    Returns
    -------
    PreparedEEG
        Groups like those of :func:`~sk_brainrvq.signals.patches.gather`: one for each montage
        and number of patches. ``epoch`` is the position of the window.
    """
    alike = _alike(store, recordings, trained_rows, official, electrode_map, warn)
    segments = _Segments(n_times)
    groups = []
    for first, matches, numbers in alike:
        epochs = np.flatnonzero(np.isin(recordings, numbers))
        for n_patches, own in segments.by_length().items():
            offsets, lengths = segments.spans(own)
            groups.append(
                PatchGroup(
                    CorpusPatches(
                        store,
                        np.repeat(recordings[epochs], len(own)),
                        (starts[epochs][:, None] + offsets).reshape(-1),
                        np.tile(lengths.astype(np.int32), len(epochs)),
                        len(first.ch_names),
                        n_patches,
                    ),
                    list(first.ch_names),
                    electrode_rows(matches),
                    matches,
                    np.repeat(epochs, len(own)),
                    np.tile(own, len(epochs)),
                    first.places,
                    electrode_map,
                    channels=placed_channels(matches),
                )
            )
    return PreparedEEG(groups, len(recordings))


def _alike(
    store: CorpusStore,
    recordings: NDArray,
    trained_rows: Sequence[int] | None,
    official: bool,
    electrode_map: Mapping[str, Any] | None,
    warn: bool,
) -> Iterable[tuple[CorpusRecording, list[ElectrodeMatch], list[int]]]:
    """Group recordings by montage: the first one, the matches of its channels, and all of them."""
    montages: dict[tuple, list[int]] = {}
    for number in np.unique(recordings):
        recording = store.index.recordings[number]
        montages.setdefault((recording.ch_names, recording.positions), []).append(number)
    alike: dict[tuple, tuple[CorpusRecording, list[ElectrodeMatch], list[int]]] = {}
    for (names, _), numbers in montages.items():
        first = store.index.recordings[numbers[0]]
        matches = match_electrodes(
            names,
            len(names),
            trained_rows,
            official,
            positions=first.places,
            electrode_map=electrode_map,
        )
        if warn:
            warn_of_mean_rows(matches, True)
        key = (names, electrode_rows(matches).tobytes())
        alike.setdefault(key, (first, matches, []))[2].extend(numbers)
    return alike.values()
