"""Batches of one montage and one length, so that no padding reaches a network."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from sk_brainrvq.signals import PatchGroup, PreparedEEG


@dataclass
class Batch:
    """Segments that share montage and length.

    Attributes
    ----------
    x : Tensor, shape (B, C, P, 200)
    electrodes : Tensor, shape (C,) int64 or (C, 129) float
    codes : Tensor, shape (B, C, P, 2, Q), or None
        The tokenizer's codes, for pretraining.
    epoch : Tensor, shape (B,)
        Epoch of each segment, in the caller's order.
    segment : Tensor, shape (B,)
        Number of the segment within its epoch.
    """

    x: Tensor
    electrodes: Tensor
    codes: Tensor | None
    epoch: Tensor
    segment: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device | str) -> "Batch":
        """The batch with what the network reads on a device."""
        codes = None if self.codes is None else self.codes.to(device).long()
        return replace(
            self,
            x=self.x.to(device, non_blocking=True),
            electrodes=self.electrodes.to(device),
            codes=codes,
        )


def batch_of(group: PatchGroup, rows: NDArray | slice, codes: NDArray | None = None) -> Batch:
    """Some rows of a group as a batch.

    Parameters
    ----------
    group : PatchGroup
    rows : ndarray of int, or slice
    codes : ndarray, optional
        Codes of all segments of the group.

    Returns
    -------
    Batch
    """
    return Batch(
        torch.from_numpy(group.patches[rows]),
        torch.from_numpy(group.electrodes),
        None if codes is None else torch.from_numpy(codes[rows]),
        torch.from_numpy(group.epoch[rows]),
        torch.from_numpy(group.segment[rows]),
    )


class SegmentDataset(Dataset):
    """Segments of all groups; an index (group, rows) gives a batch and its targets.

    Parameters
    ----------
    prepared : PreparedEEG
    targets : ndarray, shape (n_epochs,), optional
    codes : list of ndarray, optional
        Codes of each group's segments.
    """

    def __init__(
        self,
        prepared: PreparedEEG,
        targets: NDArray | None = None,
        codes: list[NDArray] | None = None,
    ):
        self.groups = prepared.groups
        self.targets = np.zeros(prepared.n_epochs, np.int64) if targets is None else targets
        self.codes = codes

    def __len__(self) -> int:
        return sum(len(group.patches) for group in self.groups)

    def __getitem__(self, index: tuple[int, NDArray]) -> tuple[Batch, Tensor]:
        number, rows = index
        group = self.groups[number]
        codes = None if self.codes is None else self.codes[number]
        return batch_of(group, rows, codes), torch.from_numpy(self.targets[group.epoch[rows]])


class GroupedBatches(Sampler):
    """Indices (group, rows) of batches; with ``shuffle`` in random order.

    Parameters
    ----------
    sizes : list of int
        Number of segments in each group.
    batch_size : int
    shuffle : bool
        Draws from torch's generator.
    """

    def __init__(self, sizes: list[int], batch_size: int, shuffle: bool):
        self.sizes = sizes
        self.batch_size = int(batch_size)
        self.shuffle = shuffle

    def __len__(self) -> int:
        return sum(-(-size // self.batch_size) for size in self.sizes)

    def __iter__(self) -> Iterator[tuple[int, NDArray]]:
        batches = []
        for group, size in enumerate(self.sizes):
            order = torch.randperm(size) if self.shuffle else torch.arange(size)
            # Near-equal batches: a last one of one or two epochs would upset codebooks.
            parts = order.tensor_split(-(-size // self.batch_size))
            batches += [(group, rows.numpy()) for rows in parts]
        visits = torch.randperm(len(batches)) if self.shuffle else torch.arange(len(batches))
        yield from (batches[i] for i in visits.tolist())


def batch_loader(dataset: SegmentDataset, batch_size: int, shuffle: bool) -> DataLoader:
    """A loader whose items are whole batches."""
    sizes = [len(group.patches) for group in dataset.groups]
    return DataLoader(
        dataset,
        sampler=GroupedBatches(sizes, batch_size, shuffle),
        batch_size=None,
        # Without one of its own the loader draws from torch's global generator.
        generator=torch.Generator(),
    )
