"""Memory of a training step, estimated from the sizes of the network and its batch."""

from dataclasses import dataclass

import torch
from torch import nn

from sk_brainrvq.nn import MaskedCodeModel
from sk_brainrvq.nn.encoder import Block
from sk_brainrvq.training.batches import SegmentDataset

_FLOAT32 = 4
# Vectors of a token's width that a transformer block keeps for the backward pass. Counted with
# torch.autograd.graph.saved_tensors_hooks: 18 to 21, or 22 to 23 with norms of queries and keys
# and with layer scales, as in pretraining.
_KEPT_BY_BLOCK, _KEPT_WITH_SCALES = 20, 23
# Further vectors of a token's width at the peak: convolutions, one block's gradients. Measured as
# the peak memory of a process on batches of 2,500 tokens and more.
_AT_PEAK = 20


@dataclass(frozen=True)
class BatchSizes:
    """Sizes of a batch.

    Attributes
    ----------
    n_rows : int
        Number of windows.
    n_channels : int
    n_patches : int
        Length in seconds.
    """

    n_rows: int
    n_channels: int
    n_patches: int

    def __str__(self) -> str:
        windows = "window" if self.n_rows == 1 else "windows"
        channels = "channel" if self.n_channels == 1 else "channels"
        return f"{self.n_rows} {windows} of {self.n_channels} {channels} x {self.n_patches} s"


@dataclass(frozen=True)
class ExpectedStep:
    """Memory of a training step in addition to the network itself.

    Attributes
    ----------
    batch : BatchSizes
        Sizes of the largest batch.
    bytes_per_row : int
        Bytes of activations and their gradients.
    bytes_of_state : int
        Bytes of the weights' gradients and of the optimizer's two moments of each weight.
    n_processes : int
        Number of processes that share ``batch_size``; one of them has this batch.
    """

    batch: BatchSizes
    bytes_per_row: int
    bytes_of_state: int
    n_processes: int = 1

    @property
    def n_bytes(self) -> int:
        """Total number of bytes."""
        return self.batch.n_rows * self.bytes_per_row + self.bytes_of_state

    def most_rows(self, free: int) -> int:
        """Largest number of rows with which a step fits into the free bytes."""
        return max(0, (free - self.bytes_of_state) // self.bytes_per_row)


def expected_step(
    module: nn.Module,
    batch: BatchSizes,
    dtype: torch.dtype | None = None,
    n_processes: int = 1,
) -> ExpectedStep:
    """Estimate the memory of a training step, rather too much than too little.

    Parameters
    ----------
    module : nn.Module
        Any network of this package.
    batch : BatchSizes
    dtype : torch.dtype, optional
        Data type of matrix products; None means float32.
    n_processes : int, default=1

    Returns
    -------
    ExpectedStep
    """
    blocks = [block for block in module.modules() if isinstance(block, Block)]
    trained = [block for block in blocks if any(p.requires_grad for p in block.parameters())]
    # Pretraining encodes each batch twice.
    n_passes = 2 if isinstance(module, MaskedCodeModel) else 1
    n_values = n_passes * (
        sum(_kept(block) * _width(block) for block in trained)
        + _AT_PEAK * max(map(_width, blocks), default=0)
    )
    n_bytes = _FLOAT32 if dtype is None else torch.finfo(dtype).bits // 8
    n_tokens = 1 + batch.n_channels * batch.n_patches
    parameters = [p for p in module.parameters() if p.requires_grad]
    return ExpectedStep(
        batch,
        max(1, n_tokens * n_values * n_bytes),
        3 * sum(p.numel() * p.element_size() for p in parameters),
        n_processes,
    )


def largest_batch(dataset: SegmentDataset, batch_size: int) -> BatchSizes:
    """Sizes of the batch with the most patches that a data set can give."""
    group = max(dataset.groups, key=lambda group: group.n_read * group.n_patches)
    n_rows = min(batch_size, max(len(other.patches) for other in dataset.groups))
    return BatchSizes(n_rows, group.n_read, group.n_patches)


def _kept(block: Block) -> int:
    return _KEPT_BY_BLOCK if block.gamma_1 is None else _KEPT_WITH_SCALES


def _width(block: Block) -> int:
    return int(block.norm1.normalized_shape[0])
