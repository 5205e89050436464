"""Batches of one montage and one length, so that no padding reaches a network."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from sk_brainrvq.nn.parallel import Share, share_of
from sk_brainrvq.signals import PatchGroup, PreparedEEG, StoredPatches
from sk_brainrvq.signals.electrodes import placed_channels
from sk_brainrvq.signals.patches import shuffled_rows
from sk_brainrvq.signals.preparation import PATCH_SAMPLES
from sk_brainrvq.training.random_crops import Crop, RandomCrops

_BATCHES_READ_AHEAD = 2
# Largest number of a montage's storage chunks whose rows are shuffled together.
_SHUFFLED_CHUNKS = 64


@dataclass
class Batch:
    """Segments that share a montage and a length.

    Attributes
    ----------
    x : Tensor, shape (B, C, P, 200)
    electrodes : Tensor, shape (C,) int64 or (C, 129) float
    codes : Tensor, shape (B, C, P, 2, Q), or None
        The tokenizer's codes, for pretraining.
    epoch : Tensor, shape (B,)
        Index of each segment's epoch, in the caller's order.
    segment : Tensor, shape (B,)
        Index of each segment within its epoch.
    weight : Tensor, shape (B,), or None
        Weight of each segment in the loss; None means 1.
    code_electrodes : Tensor or None
        ``electrodes`` as matched by the tokenizer that computes the codes.
    share : Share or None
        Which rows of the whole batch these are, if several processes train.
    placed : Tensor of int, or None
        Indices of the channels whose place is known, if ``x`` also holds others.
    shift : Tensor, shape (B, n_features), or None
        Added to the features of each segment before the head.
    """

    x: Tensor
    electrodes: Tensor
    codes: Tensor | None
    epoch: Tensor
    segment: Tensor
    weight: Tensor | None = None
    code_electrodes: Tensor | None = None
    share: Share | None = None
    placed: Tensor | None = None
    shift: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device | str) -> "Batch":
        """Move what the network reads to a device."""
        return replace(
            self,
            x=self.x.to(device, non_blocking=True),
            electrodes=self.electrodes.to(device),
            codes=None if self.codes is None else self.codes.to(device).long(),
            weight=_moved(self.weight, device),
            code_electrodes=_moved(self.code_electrodes, device),
            placed=_moved(self.placed, device),
            shift=_moved(self.shift, device),
        )

    def of_known_places(self) -> "Batch":
        """The batch without channels of unknown place, if the place of others is known."""
        if self.placed is None:
            return self
        x, electrodes = self.x[:, self.placed], self.electrodes[self.placed]
        return replace(self, x=x, electrodes=electrodes, placed=None)

    def cropped(self, crop: Crop, share: Share | None = None) -> "Batch":
        """Take crops of the batch; of those of the whole batch, only this process's.

        Parameters
        ----------
        crop : Crop
            For a batch without codes: crops lie across patches, so their codes differ.
        share : Share, optional
            Which rows of the whole batch this one holds.

        Returns
        -------
        Batch
            ``n_crops`` rows for each row.
        """
        own = slice(None) if share is None else slice(share.first, share.first + share.n_rows)
        n_crops = crop.starts.shape[1]
        cut = crop.cut(self.x.flatten(2), own)
        return replace(
            self,
            x=cut.unflatten(-1, (crop.n_patches, PATCH_SAMPLES)),
            electrodes=self.electrodes[crop.channels],
            code_electrodes=_rows(self.code_electrodes, crop.channels),
            epoch=self.epoch.repeat_interleave(n_crops),
            segment=self.segment.repeat_interleave(n_crops),
            share=None if share is None else share.times(n_crops),
            placed=None,  # its indices are not those among the channels drawn
        )


def _rows(values: Tensor | None, rows: NDArray) -> Tensor | None:
    return None if values is None else values[rows]


def _moved(values: Tensor | None, device: torch.device | str) -> Tensor | None:
    return None if values is None else values.to(device)


def batch_of(group: PatchGroup, rows: NDArray | slice, codes: NDArray | None = None) -> Batch:
    """Make a batch of some rows of a group.

    Parameters
    ----------
    group : PatchGroup
    rows : ndarray of int, or slice
    codes : ndarray, optional
        Codes of all segments of the group, for the channels that networks read.

    Returns
    -------
    Batch
    """
    patches, electrodes = group.patches[rows], group.electrodes
    placed = None
    if group.channels is None:
        placed = placed_channels(group.matches)
    else:
        patches, electrodes = patches[:, group.channels], electrodes[group.channels]
    return Batch(
        torch.from_numpy(patches),
        torch.from_numpy(electrodes),
        None if codes is None else torch.from_numpy(codes[rows]),
        torch.from_numpy(group.epoch[rows]),
        torch.from_numpy(group.segment[rows]),
        placed=None if placed is None else torch.from_numpy(placed),
    )


class SegmentDataset(Dataset):
    """Segments of all groups; an index (group, rows) gives a batch and its targets.

    Parameters
    ----------
    prepared : PreparedEEG
    targets : ndarray, shape (n_epochs, ...), optional
    codes : list of ndarray, optional
        Codes of each group's segments.
    weights : ndarray, shape (n_epochs,), optional
        Weight of each epoch in the loss.
    code_electrodes : list of ndarray, optional
        Electrodes of each group as matched by the tokenizer.
    shifts : list of ndarray, optional
        Shifts to add to the features of each group's segments, (n_segments, n_features). The
        arrays may change in place.

    Attributes
    ----------
    is_stored : bool
        Whether patches are read from storage as they are needed.
    whitened : SegmentDataset or None
        The same segments of whitened signals, for crops that are cut from them.
    """

    def __init__(
        self,
        prepared: PreparedEEG,
        targets: NDArray | None = None,
        codes: list[NDArray] | None = None,
        weights: NDArray | None = None,
        code_electrodes: list[NDArray] | None = None,
        shifts: list[NDArray] | None = None,
    ):
        self.groups = prepared.groups
        self.is_stored = prepared.is_stored
        self.targets = np.zeros(prepared.n_epochs, np.int64) if targets is None else targets
        self.codes = codes
        self.weights = None if weights is None else np.asarray(weights, np.float32)
        self.code_electrodes = code_electrodes
        self.shifts = shifts
        self.whitened: SegmentDataset | None = None

    def __len__(self) -> int:
        return sum(len(group.patches) for group in self.groups)

    def __getitem__(self, index: tuple[int, NDArray]) -> tuple[Batch, Tensor]:
        number, rows = index
        group = self.groups[number]
        batch = batch_of(group, rows, None if self.codes is None else self.codes[number])
        if self.code_electrodes is not None:
            electrodes = self.code_electrodes[number]
            read = electrodes if group.channels is None else electrodes[group.channels]
            batch.code_electrodes = torch.from_numpy(read)
        if self.weights is not None:
            batch.weight = torch.from_numpy(self.weights[group.epoch[rows]])
        if self.shifts is not None:
            batch.shift = torch.from_numpy(self.shifts[number][rows])
        return batch, torch.from_numpy(self.targets[group.epoch[rows]])


# Group and rows, and the crop to take from them if crops are drawn.
BatchIndex = tuple[int, NDArray] | tuple[int, NDArray, Crop]
# Keeps the random draws of crops separate from those of the order.
_CROP_STREAM = 1


class BatchesInOrder:
    """Indices (group, rows) of near-equal batches, groups and rows in order."""

    def __init__(self, dataset: SegmentDataset, batch_size: int):
        sizes = [len(group.patches) for group in dataset.groups]
        self.batches = [
            (group, rows)
            for group, size in enumerate(sizes)
            for rows in np.array_split(np.arange(size), -(-size // int(batch_size)))
        ]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[BatchIndex]:
        yield from self.batches


class ShuffledBatches:
    """Endless random batches, pass after pass; each iteration yields those of one epoch.

    Every row comes once per pass. The order of a pass depends only on the seed and the number of
    the pass, so that training can resume where it stopped, in any number of processes.

    Parameters
    ----------
    dataset : SegmentDataset
    batch_size : int
    seed : int
    steps_per_epoch : int, optional
        Number of batches per epoch; by default those of one pass.
    crops : RandomCrops, optional
        Crops to take from each batch, drawn from the seed and the batch's number.
    batch_of : {"windows", "patches"}, default="windows"
        What ``batch_size`` counts: windows, or as many patches as that many windows of the largest
        group have, so that all steps see about the same amount of EEG.

    Attributes
    ----------
    position : int
        Number of batches yielded so far.
    """

    def __init__(
        self,
        dataset: SegmentDataset,
        batch_size: int,
        seed: int,
        steps_per_epoch: int | None = None,
        crops: RandomCrops | None = None,
        batch_of: str = "windows",
    ):
        self.crops = crops
        self.groups = dataset.groups
        self.batch_size = int(batch_size)
        self.seed = seed
        sizes = [int(np.prod(group.patches.shape[1:3])) for group in self.groups]
        largest = max(sizes) if batch_of == "patches" else None
        most = [self.batch_size * (largest or size) // size for size in sizes]
        self.n_batches = [
            -(-len(group.patches) // n) for group, n in zip(self.groups, most, strict=True)
        ]
        self.steps_per_epoch = steps_per_epoch or sum(self.n_batches)
        self.position = 0
        self._pass: tuple[int, list[tuple[int, NDArray]]] = (-1, [])

    def __len__(self) -> int:
        return self.steps_per_epoch

    def __iter__(self) -> Iterator[BatchIndex]:
        for _ in range(self.steps_per_epoch):
            number, step = divmod(self.position, sum(self.n_batches))
            self.position += 1
            group, rows = self._batches_of(number)[step]
            if self.crops is None:
                yield group, rows
            else:
                yield group, rows, self._crop(self.crops, group, len(rows))

    def _crop(self, crops: RandomCrops, group: int, n_rows: int) -> Crop:
        generator = np.random.default_rng([self.seed, self.position, _CROP_STREAM])
        read = self.groups[group]
        return crops.draw((n_rows, read.n_read, read.n_patches), generator)

    def _batches_of(self, number: int) -> list[tuple[int, NDArray]]:
        """All batches of a pass."""
        if self._pass[0] != number:
            self._pass = number, self._shuffle(np.random.default_rng([self.seed, number]))
        return self._pass[1]

    def _shuffle(self, generator: np.random.Generator) -> list[tuple[int, NDArray]]:
        # Near-equal batches: a last one of one or two epochs would upset codebooks.
        waiting = [
            iter(np.array_split(self._order(group, generator), n_batches))
            for group, n_batches in zip(self.groups, self.n_batches, strict=True)
        ]
        visits = np.repeat(np.arange(len(self.groups)), self.n_batches)
        return [(int(group), next(waiting[group])) for group in generator.permutation(visits)]

    def _order(self, group: PatchGroup, generator: np.random.Generator) -> NDArray:
        patches = group.patches
        if not isinstance(patches, StoredPatches):
            return generator.permutation(len(patches))
        n_chunks = min(_SHUFFLED_CHUNKS, patches.chunks_held(len(self.groups)))
        return shuffled_rows(patches.chunks, generator, n_chunks)


class BatchLoader:
    """Batches of a dataset, or this process's share of each.

    Parameters
    ----------
    dataset : SegmentDataset
    indices : BatchesInOrder or ShuffledBatches
    rank, n_processes : int
    """

    def __init__(
        self,
        dataset: SegmentDataset,
        indices: BatchesInOrder | ShuffledBatches,
        rank: int = 0,
        n_processes: int = 1,
    ):
        self.dataset = dataset
        self.indices = indices
        self.rank = rank
        self.n_processes = n_processes

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[tuple[Batch, Tensor]]:
        if self.dataset.is_stored:
            return read_ahead(self.indices, self._read, _BATCHES_READ_AHEAD)
        return map(self._read, self.indices)

    def _read(self, index: BatchIndex) -> tuple[Batch, Tensor]:
        group, rows, *crop = index
        share = None
        if self.n_processes > 1:
            share = share_of(len(rows), self.rank, self.n_processes)
        if share is not None:
            rows = rows[share.first : share.first + share.n_rows]
        whitened = self.dataset.whitened if crop and crop[0].whitened else None
        batch, targets = (whitened or self.dataset)[group, rows]
        batch.share = share
        if crop:
            batch = batch.cropped(crop[0], share)
            targets = targets.repeat_interleave(len(batch) // len(targets), 0)
        return batch, targets


def read_ahead(items: Iterable[Any], read: Callable[[Any], Any], n_ahead: int) -> Iterator[Any]:
    """Yield results of ``read`` in order; a thread reads the next ones while one is in use."""
    waiting = iter(items)
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = deque(pool.submit(read, item) for item in islice(waiting, n_ahead))
        try:
            while coming:
                result = coming.popleft().result()
                coming.extend(pool.submit(read, item) for item in islice(waiting, 1))
                yield result
        finally:
            for future in coming:
                future.cancel()
