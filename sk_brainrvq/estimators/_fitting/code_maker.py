"""Codes that pretraining predicts, computed in advance or batch by batch."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.estimators._people.whitened import whitened
from sk_brainrvq.nn import DualDomainTokenizer
from sk_brainrvq.signals import PreparedEEG, rematch
from sk_brainrvq.training import Batch, SegmentDataset, run_batches
from sk_brainrvq.weights import Weights


class CodeMaker:
    """Codes of a tokenizer, which has its own matching of channels to electrodes.

    Parameters
    ----------
    tokenizer : Weights
    device : str
    batch_size : int
    """

    def __init__(self, tokenizer: Weights, device: str, batch_size: int):
        self.info = tokenizer.info
        self.device = device
        self.batch_size = batch_size
        self.module = cast(DualDomainTokenizer, tokenizer.module()).to(device)

    def encode(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Codes (B, C, P, 2, Q) of patches (B, C, P, 200)."""
        return self.module.to(x.device).encode(x, electrodes)

    def dataset(
        self,
        prepared: PreparedEEG,
        info: Mapping[str, Any],
        with_codes: bool = True,
        people: NDArray | None = None,
    ) -> SegmentDataset:
        """Segments for the encoder, with codes unless the segments come from a corpus.

        Parameters
        ----------
        prepared : PreparedEEG
        info : mapping
            ``Weights.info`` of the encoder.
        with_codes : bool, default=True
            False leaves the coding to :meth:`encode`.
        people : ndarray, shape (n_epochs,), optional
            Subject of each epoch, for crops of whitened signals.
        """
        matched = self._matched(prepared)
        codes = self._codes(matched) if with_codes and not prepared.is_stored else None
        rows, official = info.get("trained_rows"), info.get("official", False)
        # Unknown electrodes get the mean of the trained rows, in training as later.
        dataset = SegmentDataset(
            rematch(prepared, rows, official),
            codes=codes,
            code_electrodes=[group.electrodes for group in matched.groups],
        )
        if people is not None:
            dataset.whitened = self.dataset(whitened(prepared, people), info, with_codes=False)
        return dataset

    def _matched(self, prepared: PreparedEEG) -> PreparedEEG:
        return rematch(prepared, self.info.get("trained_rows"), self.info.get("official", False))

    def _codes(self, matched: PreparedEEG) -> list[NDArray]:
        """Codes of each group's segments."""

        def encode(batch: Batch) -> Tensor:
            return self.module.encode(batch.x, batch.electrodes).int()

        codes = []
        for group in matched.groups:
            results = run_batches(encode, [group], self.batch_size, self.device)
            codes.append(np.concatenate([batch_codes.numpy() for _, batch_codes in results]))
        return codes
