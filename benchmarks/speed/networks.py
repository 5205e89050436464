"""The networks and steps that are timed: base architecture, 19 channels, AdamW as in training."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils import flop_counter

from sk_brainrvq.nn import (
    DualDomainTokenizer,
    EEGEncoder,
    MaskedCodeModel,
    importance_guided_mask,
    linear,
)
from sk_brainrvq.training.optimisation import parameter_groups
from sk_brainrvq.weights.architecture import ARCHITECTURES, PRETRAINING_ENCODER

BASE = ARCHITECTURES["base"]
PUBLISHED = {
    "quantizer_mode": "official",
    "quantizer_dropout": 0.0,
    "targets": "published",
    "spectral_embedding": False,
}
_LR, _WEIGHT_DECAY, _GRADIENT_NORM = 5e-4, 0.05, 3.0
_INFO_WEIGHT = 0.45


def patches(
    n_epochs: int, n_channels: int = 19, n_patches: int = 10, device: str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Noise (B, C, P, 200) in units of 100 microvolts, and the indices of its electrodes."""
    x = 0.2 * torch.randn(n_epochs, n_channels, n_patches, 200, device=device)
    return x, torch.arange(1, n_channels + 1, device=device)


def base_tokenizer(**settings: Any) -> DualDomainTokenizer:
    """A base tokenizer with initialised codebooks, so that steps do not include k-means."""
    tokenizer = DualDomainTokenizer(**BASE, **settings)
    for quantizer in tokenizer.quantizers:
        mark_initialised(quantizer)
    return tokenizer


def mark_initialised(quantizer: Any) -> None:
    """Mark the random codewords of a quantizer as initialised."""
    for level in quantizer.levels:
        level.initialized.fill_(True)


def base_encoder() -> EEGEncoder:
    """Encoder as in pretraining, base size."""
    return EEGEncoder(
        BASE["embed_dim"],
        BASE["depth"],
        **PRETRAINING_ENCODER,
        drop_path=0.1,
        spectral_embedding=True,
    )


def base_pretraining() -> MaskedCodeModel:
    """Base pretraining network."""
    return MaskedCodeModel(base_encoder(), BASE["codebook_size"], BASE["n_quantizers"])


class TrainingStep:
    """Forward, backward, clipping and AdamW, as in training by the estimators.

    Parameters
    ----------
    module : nn.Module
    loss_of : callable () -> Tensor
    autocast : torch.dtype, optional
        Type of matrix products in the forward pass; default float32.
    """

    def __init__(
        self,
        module: nn.Module,
        loss_of: Callable[[], Tensor],
        autocast: torch.dtype | None = None,
    ):
        self.module = module.train()
        self.loss_of = loss_of
        self.autocast = autocast
        self.device_type = next(module.parameters()).device.type
        groups = parameter_groups(module.named_parameters(), _LR, _WEIGHT_DECAY)
        self.optimizer = torch.optim.AdamW(groups, fused=True)

    def __call__(self) -> None:
        """Run one step."""
        with autocasting(self.device_type, self.autocast):
            loss = self.loss_of()
        loss.backward()
        nn.utils.clip_grad_norm_(self.module.parameters(), _GRADIENT_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad()


def autocasting(device_type: str, dtype: torch.dtype | None) -> Any:
    """Autocast to a type; nothing for None."""
    return nullcontext() if dtype is None else torch.autocast(device_type, dtype=dtype)


def tokenizer_step(
    x: Tensor,
    electrodes: Tensor,
    autocast: torch.dtype | None = None,
    compiled: bool = False,
    **settings: Any,
) -> TrainingStep:
    """A step of the base tokenizer."""
    tokenizer = base_tokenizer(**settings).to(x.device)
    if compiled:
        tokenizer.compile()
    return TrainingStep(tokenizer, lambda: tokenizer(x, electrodes).loss, autocast)


def pretraining_step(
    x: Tensor,
    electrodes: Tensor,
    autocast: torch.dtype | None = None,
    compiled: bool = False,
) -> TrainingStep:
    """A step of the base pretraining network: labels, mask, both passes, loss, AdamW."""
    tokenizer = base_tokenizer().to(x.device).eval()
    model = base_pretraining().to(x.device)
    if compiled:
        model.compile()

    def loss() -> Tensor:
        # Labels are float32 whatever the precision, as in training.
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            codes = tokenizer.encode(x, electrodes)
        mask = importance_guided_mask(x, _INFO_WEIGHT)
        return model(x, electrodes, mask, codes, return_logits=False).loss

    return TrainingStep(model, loss, autocast)


def encoding(
    x: Tensor,
    electrodes: Tensor,
    autocast: torch.dtype | None = None,
    compiled: bool = False,
    **settings: Any,
) -> Callable[[], Tensor]:
    """Codes of a batch by the base tokenizer."""
    tokenizer = base_tokenizer(**settings).to(x.device).eval()
    if compiled:
        tokenizer.encoder.compile()

    def encode() -> Tensor:
        with autocasting(x.device.type, autocast):
            return tokenizer.encode(x, electrodes)

    return encode


def counted_gflop(run: Callable[[], Any]) -> float:
    """GFLOP of matrix products, convolutions and attention in one call, as torch counts them."""
    aten = torch.ops.aten
    # torch has formulas for attention only on GPUs; the arithmetic is the same.
    on_cpu = {
        aten._scaled_dot_product_flash_attention_for_cpu: _attention_flop,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward_flop,
    }
    # It has none for oneDNN's products either, so the ordinary ones are counted.
    with (
        mock.patch.object(linear, "_is_faster_here", return_value=False),
        flop_counter.FlopCounterMode(display=False, custom_mapping=on_cpu) as counter,
    ):
        run()
    return counter.get_total_flops() / 1e9


def _attention_flop(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return flop_counter.sdpa_flop_count(query, key, value)


def _attention_backward_flop(
    gradient: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any
) -> int:
    return flop_counter.sdpa_backward_flop_count(gradient, query, key, value)
