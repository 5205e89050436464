"""The method without one of its claims, for the commands that compare pretrainings."""

from typing import Any

from torch import Tensor

from sk_brainrvq import BrainRVQPretrainer
from sk_brainrvq.nn import importance_guided_mask
from sk_brainrvq.training import PretrainingNet

FULL = "full method"
# What differs from the full method: architecture of the tokenizer, of both networks, settings of
# the masked model, and how masks are drawn.
VARIANTS: dict[str, dict[str, Any]] = {
    FULL: {},
    "waveform codes alone": {"model": {"domain_weights": [1.0, 0.0]}},
    "spectrum codes alone": {"model": {"domain_weights": [0.0, 1.0]}},
    "flat prediction": {"model": {"hierarchical": False}},
    "random mask": {"random_mask": True},
    "without spectral embedding": {"both": {"spectral_embedding": False}},
    "published targets": {"tokenizer": {"targets": "published"}},
    "published quantizer": {"tokenizer": {"quantizer_mode": "official"}},
}
# Those that leave the tokenizer and the sizes of the networks as they are.
OF_ENCODER = [name for name, change in VARIANTS.items() if not {"both", "tokenizer"} & set(change)]


class RandomMaskNet(PretrainingNet):
    """Hides patches purely at random."""

    def _mask(self, x: Tensor) -> Tensor:
        return importance_guided_mask(x, 0.0)


def pretrainer_class(variant: dict[str, Any]) -> type[BrainRVQPretrainer]:
    """Estimator with a changed network or changed masks."""
    if not variant:
        return BrainRVQPretrainer

    class Ablated(BrainRVQPretrainer):
        _net_class = RandomMaskNet if variant.get("random_mask") else PretrainingNet

        def _model_config(self, weights: Any, tokenizer: Any) -> dict[str, Any]:
            return {**super()._model_config(weights, tokenizer), **variant.get("model", {})}

    return Ablated
