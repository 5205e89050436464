"""Batches of inference that become smaller where memory does not hold them."""

import gc
import math
from collections.abc import Callable

import torch
from torch import Tensor

from sk_brainrvq.exceptions import OutOfMemoryError
from sk_brainrvq.training.batches import Batch
from sk_brainrvq.training.memory.expected_memory import BatchSizes
from sk_brainrvq.training.memory.out_of_memory import is_of_memory, message_of_inference
from sk_brainrvq.user_warnings import warn


class HalvedBatches:
    """How large batches may be on a device, as found out by running them.

    Parameters
    ----------
    device : str
    """

    def __init__(self, device: str):
        self.device = device
        self._most_tokens = math.inf
        self._failed: BatchSizes | None = None

    def n_rows(self, wanted: int, n_tokens: int) -> int:
        """Rows of the next batch: as many as wanted, or fewer where more did not fit.

        Parameters
        ----------
        wanted : int
        n_tokens : int
            Of a row.

        Returns
        -------
        int
        """
        return int(max(1, min(wanted, self._most_tokens // n_tokens)))

    def attempt(
        self, function: Callable[[Batch], Tensor], batch: Batch, fewest: int
    ) -> Tensor | None:
        """Results of a batch; None where it did not fit and is to be tried with half the rows.

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
            If there are no more than ``fewest`` rows.
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
        # Only here is the error gone, which held what had been computed.
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
                f"Memory did not suffice for batches of {failed}: went on with "
                f"{sizes.n_rows} at a time, which gives the same results. Pass "
                f"batch_size={sizes.n_rows} to begin with that."
            )
