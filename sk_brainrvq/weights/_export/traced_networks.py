"""Networks as they are exported: one call from patches to tokens, logits or codes."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sk_brainrvq.nn import DualDomainTokenizer, EEGEncoder, EncoderClassifier
from sk_brainrvq.nn.heads.embedding_head import EmbeddingHead


@dataclass(frozen=True)
class TracedNetwork:
    """A module to export, and a description of its result.

    Attributes
    ----------
    module : nn.Module
        Module that takes patches (B, C, P, 200) and mixing weights (C, 129).
    output : {"tokens", "logits", "codes"}
    shape : tuple of str or int
        Shape of the result.
    n_channels, n_patches : int or None
        C and P if the network accepts no others.
    fewest_patches : int
        Smallest P that it accepts.
    """

    module: nn.Module
    output: str
    shape: tuple[str | int, ...]
    n_channels: int | None = None
    n_patches: int | None = None
    fewest_patches: int = 1


class EncoderTokens(nn.Module):
    """Tokens of the block that the weights recommend."""

    def __init__(self, encoder: EEGEncoder, layer: int):
        super().__init__()
        self.encoder = encoder
        self.layer = layer

    def forward(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Return tokens (B, 1 + C * P, D)."""
        return self.encoder(x, electrodes, layer=self.layer)


class TokenizerCodes(nn.Module):
    """Codes of patches, without the memory limits that a graph cannot express.

    Parameters
    ----------
    tokenizer : DualDomainTokenizer
    """

    def __init__(self, tokenizer: DualDomainTokenizer):
        super().__init__()
        self.tokenizer = tokenizer

    def forward(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Return codes (B, C, P, 2, Q), int64."""
        latents = self.tokenizer.latents(x, electrodes)
        pairs = zip(self.tokenizer.quantizers, latents, strict=True)
        return torch.stack([_codes(quantizer, vectors) for quantizer, vectors in pairs], -2)


def _codes(quantizer: Any, vectors: Tensor) -> Tensor:
    """Find the codes (..., Q) of vectors (..., d) like ``ResidualVectorQuantizer``."""
    official = quantizer.mode == "official"
    residual = F.normalize(vectors, dim=-1) if quantizer.normalise and not official else vectors
    codes = []
    for level in quantizer.levels:
        searched = F.normalize(residual, dim=-1) if official else residual
        half_norms = level.weight.square().sum(-1) / 2
        code = (searched @ level.weight.T - half_norms).argmax(-1)
        residual = residual - level.weight[code]
        codes.append(code)
    return torch.stack(codes, -1)


def traced_network(weights: Any) -> TracedNetwork:
    """Build the network of some weights as it is exported.

    Parameters
    ----------
    weights : Weights

    Returns
    -------
    TracedNetwork
    """
    if weights.kind == "tokenizer":
        tokenizer: DualDomainTokenizer = weights.module()
        size = ("batch", "channels", "seconds", 2, tokenizer.n_quantizers)
        return TracedNetwork(TokenizerCodes(tokenizer).eval(), "codes", size)
    if weights.kind == "classifier":
        classifier: EncoderClassifier = weights.module()
        config = weights.config
        sizes = config.get("n_channels"), config.get("n_patches")
        # Covariances in bands are means over two-second pieces, and the graph assumes several.
        fewest = 3 if config.get("bands") else 1
        return TracedNetwork(classifier, "logits", ("batch", config["n_outputs"]), *sizes, fewest)
    layer = int(weights.info.get("layer", -1))
    encoder = weights.encoder()
    shape = ("batch", "1 + channels * seconds", encoder.embed_dim)
    return TracedNetwork(EncoderTokens(encoder, layer).eval(), "tokens", shape)


def why_not(module: nn.Module, ending: str) -> str | None:
    """Say in a sentence why a network cannot be exported; None if it can."""
    head = getattr(module, "head", None)
    if not isinstance(head, EmbeddingHead):
        return None
    remedy = (
        "Fit with head='mean' or head='attention', or export the encoder "
        "(BrainRVQEmbedder(weights=...).fit(X).weights_) and compute the rest from its tokens."
    )
    if head.aligned:
        return (
            "These weights were fitted with center_by='subject' and head='embedding', which needs "
            "each person's centre in addition to the patches; an exported network does not have "
            f"it. {remedy}"
        )
    if ending == ".onnx":
        return (
            "head='embedding' takes logarithms of covariance matrices, and ONNX has no "
            f"eigendecomposition. {remedy} Or write a .pt2 file, for PyTorch, which has one."
        )
    return None
