"""Training of a tokenizer's decoders under codes that stay as they are."""

from typing import Any

import torch
from skorch.callbacks import Callback

from sk_brainrvq import Weights
from sk_brainrvq.weights.modules import build_module


def with_spatial_filter(weights: Weights) -> Weights:
    """A tokenizer whose decoders also have a spatial filter, which does nothing yet."""
    config = {**weights.config, "spatial_filter": True}
    module = build_module(weights.kind, config)
    module.load_state_dict(weights.module().state_dict(), strict=False)
    return Weights.from_module(weights.name, weights.kind, config, module, dict(weights.info))


def _stay(vectors: Any, codes: Any) -> None:
    """Leave codewords where they are."""


class DecodersOnly(Callback):
    """Start spatial filters by regression, and train only what follows the quantizers."""

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Start the filters and freeze all that determines codes."""
        module = net.bare_module
        frozen = [module.encoder, module.to_latent, module.quantizers]
        for part in (*frozen, *(code.analysis for code in module.linear_codes)):
            part.requires_grad_(False)
        for quantizer in module.quantizers:
            for level in quantizer.levels:
                level.update = _stay
        with torch.no_grad():
            self._start(module, list(net._first_batches(X)))

    @staticmethod
    def _start(module: Any, batches: list) -> None:
        latents = [module.latents(*batch) for batch in batches]
        for domain, quantizer in enumerate(module.quantizers):
            pairs = [(both[domain], batch[1]) for both, batch in zip(latents, batches, strict=True)]
            codes = torch.cat([quantizer(vectors).codes.flatten(0, -2) for vectors, _ in pairs])
            numbers = range(1, module.n_quantizers + 1)
            module.start_filter(domain, [quantizer.from_codes(codes, n) for n in numbers], pairs)
