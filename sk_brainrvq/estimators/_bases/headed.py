"""Estimators with a head on an encoder: what it can read and what it gives."""

from collections.abc import Iterator
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.estimators._bases.trained import TrainedEstimator
from sk_brainrvq.estimators._inputs.array_checks import channel_order
from sk_brainrvq.estimators._outputs.pooling import average_segments
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.signals import EpochBlock, PatchGroup
from sk_brainrvq.training import Batch, run_batches
from sk_brainrvq.training.inference import ROWS_PER_THREAD


class HeadedEstimator(TrainedEstimator):
    """Base of the estimators that hold an ``EncoderClassifier``.

    Subclasses have the parameter ``head``. The flattened one serves the channels and the length
    of fit alone: channels are brought into their order, other sizes are refused.
    """

    def _blocks(self, X: Any, reset: bool) -> Iterator[EpochBlock]:
        blocks = super()._blocks(X, reset)
        return map(self._reorder, blocks) if self.head == "flatten" else blocks

    def _reorder(self, block: EpochBlock) -> EpochBlock:
        found, wanted = block.ch_names, self.ch_names_in_
        if found is not None and wanted is not None and channel_order(found, wanted)[1]:
            raise InvalidEEGError(
                f"Channels {channel_order(found, wanted)[1]} of fit are missing in X, and "
                "head='flatten' has weights for each of them. head='mean' and head='attention' "
                "serve any montage."
            )
        return super()._reorder(block)

    def _read(self, X: Any) -> Iterator[PatchGroup]:
        groups = super()._read(X)
        fitted = self._config.get("n_patches")
        return groups if fitted is None else map(self._check_n_patches, groups)

    def _check_n_patches(self, group: PatchGroup) -> PatchGroup:
        fitted = self._config["n_patches"]
        if group.n_patches != fitted:
            raise InvalidEEGError(
                f"X has epochs of {group.n_patches} patches of 1 s; head='flatten' was fitted on "
                f"{fitted}. Cut epochs as in fit, or use head='mean' or head='attention'."
            )
        return group

    def _outputs(self, X: Any) -> NDArray:
        """Outputs of the head (n_epochs, n_outputs), averaged over segments of long epochs."""
        module = self.net_.module_

        def run(batch: Batch) -> Tensor:
            return _head_of_any_batch(module, module.features(batch.x, batch.electrodes))

        return average_segments(run_batches(run, self._read(X), self.batch_size, self.net_.device))


def _head_of_any_batch(module: EncoderClassifier, features: Tensor) -> Tensor:
    """Outputs of the head that do not depend on how many rows there are.

    Matrix products of a few rows run through kernels that round differently.
    """
    n_rows = len(features)
    missing = ROWS_PER_THREAD * torch.get_num_threads() - n_rows
    if missing > 0:
        rest = features[-1:].expand(missing, *features.shape[1:])
        features = torch.cat([features, rest])
    return module.head(features)[:n_rows]
