"""Run a function of batches over prepared EEG and hand the results back."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.nn.linear import FEWEST_ROWS
from sk_brainrvq.signals import PatchGroup
from sk_brainrvq.training.batches import Batch, batch_of
from sk_brainrvq.training.memory.halving import HalvedBatches
from sk_brainrvq.training.memory.out_of_memory import explained, message_of_signals

# Rows of a matrix product, a thread, below which BLAS libraries change kernels.
ROWS_PER_THREAD = 16
# Tokens that a CPU works on at once: with more, activations no longer fit its caches.
_TOKENS_AT_ONCE = 1536


def run_batches(
    function: Callable[[Batch], Tensor], groups: Iterable[PatchGroup], batch_size: int, device: str
) -> Iterator[tuple[Batch, Tensor]]:
    """Apply a function to every batch, without gradients; groups are taken one at a time.

    Parameters
    ----------
    function : callable, Batch -> Tensor
        Gives one row a row of ``batch.x``. May see more rows than asked for.
    groups : iterable of PatchGroup
    batch_size : int
    device : str

    Yields
    ------
    batch : Batch
    result : Tensor
        On the CPU.

    Raises
    ------
    OutOfMemoryError
        If memory does not hold what the smallest batch needs; larger ones are halved until they
        fit, with a warning.
    """

    def compute(batch: Batch) -> Tensor:
        return function(_at_least(batch, _fewest_rows(batch)).to(device))[: len(batch)].cpu()

    halved = HalvedBatches(device)
    with torch.inference_mode(), explained(message_of_signals):
        for group in groups:
            wanted, start = _rows_at_once(group, int(batch_size), device), 0
            while start < len(group.patches):
                n_rows = halved.n_rows(wanted, group.n_read * group.n_patches)
                batch = batch_of(group, slice(start, start + n_rows))
                result = halved.attempt(compute, batch, _fewest_rows(batch))
                if result is not None:
                    yield batch, result
                    start += len(batch)


def _rows_at_once(group: PatchGroup, batch_size: int, device: str) -> int:
    """Rows of a batch: the user's, or fewer on a CPU, which is faster where caches hold them."""
    if torch.device(device).type != "cpu":
        return batch_size
    n_tokens = group.n_read * group.n_patches
    return min(batch_size, max(1, _TOKENS_AT_ONCE // n_tokens))


def _fewest_rows(batch: Batch) -> int:
    """Rows from which on a row's result does not depend on how many others there are.

    Matrix products of a few rows run through kernels that round differently; a code then
    depends on the company its epoch is in.
    """
    # Without the class token: the patches' spectra are mapped before it joins them.
    n_tokens = batch.x.shape[1] * batch.x.shape[2]
    n_rows = max(FEWEST_ROWS, ROWS_PER_THREAD * torch.get_num_threads())
    return max(2, -(-n_rows // n_tokens))


def _at_least(batch: Batch, n_rows: int) -> Batch:
    """The batch, its last row repeated where it has fewer rows."""
    missing = n_rows - len(batch)
    if missing <= 0:
        return batch
    return replace(batch, x=torch.cat([batch.x, batch.x[-1:].expand(missing, -1, -1, -1)]))


def by_channel(
    function: Callable[[Tensor, Tensor], Tensor],
    values: Tensor,
    electrodes: Tensor,
    placed: Tensor | None,
) -> Tensor:
    """Results of each channel, which do not depend on others whose place is unknown.

    Parameters
    ----------
    function : callable
        Takes values and electrodes of channels, and gives (B, C, ...).
    values : Tensor, shape (B, C, ...)
    electrodes : Tensor, shape (C,) int64 or (C, 129) float
    placed : Tensor of int, or None
        Numbers of the channels whose place is known; None where there are no others.

    Returns
    -------
    Tensor, shape (B, C, ...)
        Channels of unknown place are read beside all others, and the others without them.
    """
    results = function(values, electrodes)
    if placed is not None:
        results[:, placed] = function(values[:, placed], electrodes[placed])
    return results


def head_of_any_batch(module: EncoderClassifier, features: Tensor) -> Tensor:
    """Outputs of the head that do not depend on how many rows there are.

    Matrix products of a few rows run through kernels that round differently.
    """
    n_rows = len(features)
    missing = ROWS_PER_THREAD * torch.get_num_threads() - n_rows
    if missing > 0:
        rest = features[-1:].expand(missing, *features.shape[1:])
        features = torch.cat([features, rest])
    return module.head(features)[:n_rows]
