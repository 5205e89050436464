"""Apply a function to batches of prepared EEG and return the results."""

import gc
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from sk_brainrvq.exceptions import OutOfMemoryError
from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.nn.linear import FEWEST_ROWS
from sk_brainrvq.signals import PatchGroup
from sk_brainrvq.training.batches import Batch, batch_of
from sk_brainrvq.training.memory.expected_memory import BatchSizes
from sk_brainrvq.training.memory.out_of_memory import (
    explained,
    is_of_memory,
    message_of_inference,
    message_of_signals,
)
from sk_brainrvq.user_warnings import warn

# Rows of a matrix product, per thread, below which BLAS libraries change kernels.
ROWS_PER_THREAD = 16
# Tokens that a CPU processes at once: with more, activations no longer fit into its caches.
_TOKENS_AT_ONCE = 1536


def run_batches(
    function: Callable[[Batch], Tensor], groups: Iterable[PatchGroup], batch_size: int, device: str
) -> Iterator[tuple[Batch, Tensor]]:
    """Apply a function to every batch, without gradients; groups are taken one at a time.

    Parameters
    ----------
    function : callable, Batch -> Tensor
        Returns one row per row of ``batch.x``. May be given more rows than asked for.
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
        If not even the smallest batch fits into memory; larger ones are halved until they fit,
        with a warning.
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
    """Rows per batch: the user's, or fewer on a CPU, which is faster if its caches hold them."""
    if torch.device(device).type != "cpu":
        return batch_size
    n_tokens = group.n_read * group.n_patches
    return min(batch_size, max(1, _TOKENS_AT_ONCE // n_tokens))


def _fewest_rows(batch: Batch) -> int:
    """Smallest number of rows from which a row's result does not depend on how many there are.

    Matrix products of a few rows use kernels that round differently; a code would then depend on
    which other epochs are in the batch.
    """
    # Not counting the class token: the patches' spectra are mapped before it is added.
    n_tokens = batch.x.shape[1] * batch.x.shape[2]
    n_rows = max(FEWEST_ROWS, ROWS_PER_THREAD * torch.get_num_threads())
    return max(2, -(-n_rows // n_tokens))


def _at_least(batch: Batch, n_rows: int) -> Batch:
    """The batch, with its last row repeated if it has fewer rows."""
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
    """Results of each channel, independent of other channels whose place is unknown.

    Parameters
    ----------
    function : callable
        Takes values and electrodes of channels and returns (B, C, ...).
    values : Tensor, shape (B, C, ...)
    electrodes : Tensor, shape (C,) int64 or (C, 129) float
    placed : Tensor of int, or None
        Indices of the channels whose place is known; None if there are no others.

    Returns
    -------
    Tensor, shape (B, C, ...)
        Channels of unknown place are read together with all others, the others without them.
    """
    results = function(values, electrodes)
    if placed is not None:
        results[:, placed] = function(values[:, placed], electrodes[placed])
    return results


def head_of_any_batch(module: EncoderClassifier, features: Tensor) -> Tensor:
    """Outputs of the head that do not depend on how many rows there are.

    Matrix products of a few rows use kernels that round differently.
    """
    n_rows = len(features)
    missing = ROWS_PER_THREAD * torch.get_num_threads() - n_rows
    if missing > 0:
        rest = features[-1:].expand(missing, *features.shape[1:])
        features = torch.cat([features, rest])
    return module.head(features)[:n_rows]


class HalvedBatches:
    """How large batches may be on a device, found by running them.

    Parameters
    ----------
    device : str
    """

    def __init__(self, device: str):
        self.device = device
        self._most_tokens = math.inf
        self._failed: BatchSizes | None = None

    def n_rows(self, wanted: int, n_tokens: int) -> int:
        """Rows of the next batch: as many as wanted, or fewer if more did not fit.

        Parameters
        ----------
        wanted : int
        n_tokens : int
            Tokens per row.

        Returns
        -------
        int
        """
        return int(max(1, min(wanted, self._most_tokens // n_tokens)))

    def attempt(
        self, function: Callable[[Batch], Tensor], batch: Batch, fewest: int
    ) -> Tensor | None:
        """Results of a batch; None if it did not fit and should be tried with half the rows.

        Parameters
        ----------
        function : callable, Batch -> Tensor
        batch : Batch
        fewest : int
            Rows below which batches take no less memory.

        Returns
        -------
        Tensor or None

        Raises
        ------
        OutOfMemoryError
            If not even a batch of ``fewest`` rows fits.
        """
        sizes = BatchSizes(len(batch), *batch.x.shape[1:3])
        try:
            result = function(batch)
        except Exception as error:
            if not is_of_memory(error):
                raise
            if len(batch) <= fewest:
                raise OutOfMemoryError(message_of_inference(error, sizes, self.device)) from error
        else:
            self._say_what_fitted(sizes)
            return result
        # Only here is the error released, which kept intermediate results alive.
        self._failed = self._failed or sizes
        self._most_tokens = max(fewest, len(batch) // 2) * sizes.n_channels * sizes.n_patches
        gc.collect()
        if torch.device(self.device).type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _say_what_fitted(self, sizes: BatchSizes) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            warn(
                f"Memory was too small for batches of {failed}: continued with "
                f"{sizes.n_rows} at a time, which gives the same results. Pass "
                f"batch_size={sizes.n_rows} to start with that."
            )
