"""skorch nets that learn without labels: for the tokenizer and for pretraining."""

from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sk_brainrvq.nn import curriculum_weight, importance_guided_mask
from sk_brainrvq.training.batches import Batch, BatchLoader, SegmentDataset
from sk_brainrvq.training.nets import EEGNet, NoCriterion
from sk_brainrvq.user_warnings import warn

# Masks of validation: from the middle of the training curriculum, the same each time.
_VALIDATION_INFO_WEIGHT = 0.45
_VALIDATION_SEED = 0
# Number of patches from which codebooks are initialised.
_PATCHES_TO_START = 40_000


class TokenizerNet(EEGNet):
    """Trains a ``DualDomainTokenizer``."""

    reported = ("train_loss", "valid_loss", "waveform", "perplexity")

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Loss of the output."""
        return y_pred.loss

    def figures(self, y_pred: Any) -> dict[str, Tensor]:
        """Parts of the loss."""
        return {name: value.detach() for name, value in y_pred.losses.items()}

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Initialise codes from many training patches: one batch holds too few for k-means.

        Every process does all of it, so that all get the same result.
        """
        module: Any = self.bare_module
        if module.needs_start:
            module.start(list(self._first_batches(X)))
        super().on_train_begin(net, X=X, y=y, **kwargs)

    def _first_batches(self, dataset: SegmentDataset) -> Iterator[tuple[Tensor, Tensor]]:
        """Patches and electrodes of the first training batches, until there are enough."""
        assert self.batches is not None
        batches, n_patches = copy(self.batches), 0
        batches.position = 0
        while batches.position < sum(batches.n_batches):  # one pass at most
            for batch, _ in BatchLoader(dataset, batches):
                yield batch.x.to(self.place), batch.electrodes.to(self.place)
                n_patches += batch.x.shape[:3].numel()
                if n_patches >= _PATCHES_TO_START:
                    return

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Reset the counts of codes, per domain and level."""
        super().on_epoch_begin(net, **kwargs)
        quantizers: Any = self.bare_module.quantizers
        self.code_counts_ = [
            [torch.zeros(size, dtype=torch.int64, device=self.place) for size in q.codebook_sizes]
            for q in quantizers
        ]

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss of a batch and its gradient, and count its codes."""
        step = super().train_step_single(batch, **fit_params)
        # A batch too small to be split is on every process: only one of them counts it.
        if batch[0].share is not None or self._processes.is_main:
            self._count(step["y_pred"].codes)
        return step

    def _count(self, codes: Tensor) -> None:
        # Not the codebooks' own counts: those are smoothed over many batches, and a revived code
        # starts with the mean count, whether it is ever chosen or not.
        for domain, levels in enumerate(self.code_counts_):
            for level, counts in enumerate(levels):
                chosen = codes[..., domain, level].flatten()
                counts += torch.bincount(chosen, minlength=len(counts))

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record how many codes were effectively in use, per domain and level."""
        self.history.record(
            "perplexity",
            [
                [_perplexity(self._processes.total(counts)) for counts in levels]
                for levels in self.code_counts_
            ],
        )
        super().on_epoch_end(net, **kwargs)


def _perplexity(counts: Tensor) -> float:
    # First to the CPU, because MPS has no float64.
    counts = counts.cpu()
    share = counts.double() / counts.sum()
    return float(torch.special.entr(share).sum().exp())


class PretrainingNet(EEGNet):
    """Trains a ``MaskedCodeModel`` on codes that come with each batch or from a tokenizer.

    Parameters
    ----------
    module : nn.Module
    criterion : callable
    encode : callable (x, electrodes) -> codes, optional
        A tokenizer's ``encode``, for batches that come without codes.
    **kwargs
        Arguments of :class:`EEGNet`.
    """

    reported = ("train_loss", "valid_loss", "accuracies")

    def __init__(
        self,
        module: nn.Module,
        criterion: Any = NoCriterion,
        *,
        encode: Any = None,
        **kwargs: Any,
    ):
        super().__init__(module, criterion, **kwargs)
        self.encode = encode

    def infer(self, x: Batch, **fit_params: Any) -> Any:
        """Hide patches by importance and predict their codes."""
        batch = x.to(self.place)
        codes = self._codes_of(batch) if batch.codes is None else batch.codes
        mask = self._mask(batch.x)
        return self.module_(batch.x, batch.electrodes, mask, codes, return_logits=False)

    def _mask(self, x: Tensor) -> Tensor:
        if self.module_.training:
            weight = curriculum_weight(max(0, len(self.history) - 1), self.max_epochs)
            return importance_guided_mask(x, weight)
        return importance_guided_mask(x, _VALIDATION_INFO_WEIGHT, generator=self.mask_generator_)

    def _codes_of(self, batch: Batch) -> Tensor:
        # In float32 at any precision: rounded latents would be assigned to other codes.
        with torch.no_grad(), torch.autocast(self.place.type, enabled=False):
            return self.encode(batch.x, batch.code_electrodes)

    def start_validation(self) -> None:
        """Use the same masks each time, so that epochs can be compared."""
        super().start_validation()
        self.mask_generator_ = torch.Generator(self.place).manual_seed(_VALIDATION_SEED)

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Loss of the output."""
        return y_pred.loss

    def figures(self, y_pred: Any) -> dict[str, Tensor]:
        """Accuracies per domain and level, and what the losses beside that of codes are."""
        beside = {name: getattr(y_pred, name) for name in ("spectrum_error", "summary_loss")}
        known = {name: value for name, value in beside.items() if value is not None}
        return {"accuracies": y_pred.accuracy.detach(), **known}

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record ``accuracy``, that of level 1 averaged over both domains."""
        accuracies = np.array(self.history[-1]["accuracies"])
        self.history.record("accuracy", float(accuracies[:, 0].mean()))
        if len(self.history) == 1 and self.history[-1].get("summary_loss") == 0:
            warn(
                f"summary_weight is {self.bare_module.summary_weight:g}, but no batch of the first "
                "epoch had three crops of two seconds or more, so no summaries were learnt. Raise "
                "batch_size, or pass longer epochs (window for recordings)."
            )
        super().on_epoch_end(net, **kwargs)
