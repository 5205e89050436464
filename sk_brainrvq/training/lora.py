"""Low-rank adapters on an encoder: added for training, then merged into plain weights."""

from typing import Any

from torch import nn

from sk_brainrvq.extras import how_to_install
from sk_brainrvq.nn import EEGEncoder

# Strength of the adapters relative to their rank: the usual choice of alpha = 2 * rank.
_ALPHA_PER_RANK = 2


def check_peft() -> None:
    """Raise an ImportError that says how to install peft if it is missing."""
    try:
        import peft  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "strategy='lora' needs peft, which is not installed: "
            f"{how_to_install('lora', 'peft')}. strategy='full' and strategy='frozen' need no peft."
        ) from error


def add_adapters(encoder: EEGEncoder, rank: int) -> None:
    """Freeze an encoder and add trainable low-rank adapters to its blocks, in place.

    Every linear map W of the blocks becomes W + 2 B A. B, of shape (n_outputs, rank), starts at
    zero and A, of shape (rank, n_inputs), at random, so the encoder at first computes what it did
    before. Parameters keep the prefix ``blocks.N.``, which layer-wise decay reads.

    Parameters
    ----------
    encoder : EEGEncoder
    rank : int
        Rank of the adapters, at least 1.

    Raises
    ------
    ImportError
        If peft is not installed.

    Notes
    -----
    Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2022).

    Examples
    --------
    >>> from sk_brainrvq.nn import EEGEncoder
    >>> from sk_brainrvq.training.lora import add_adapters, merge_adapters
    >>> encoder = EEGEncoder(embed_dim=100, depth=1)
    >>> add_adapters(encoder, rank=4)
    >>> sum(p.numel() for p in encoder.parameters() if p.requires_grad)
    6400
    >>> merge_adapters(encoder)
    >>> type(encoder.blocks[0].attn.qkv).__name__
    'Linear'
    """
    check_peft()
    from peft import LoraConfig, inject_adapter_in_model

    linear = [
        f"blocks.{name}"
        for name, module in encoder.blocks.named_modules()
        if isinstance(module, nn.Linear)
    ]
    config = LoraConfig(r=rank, lora_alpha=_ALPHA_PER_RANK * rank, target_modules=linear)
    inject_adapter_in_model(config, encoder)
    encoder.float()  # adapters are created in torch's default type


def merge_adapters(encoder: EEGEncoder) -> None:
    """Merge adapters into the weights they adapt, in place; without adapters nothing changes.

    Parameters
    ----------
    encoder : EEGEncoder
    """
    for parent in list(encoder.modules()):
        children: list[tuple[str, Any]] = list(parent.named_children())
        for name, child in children:
            # Only peft's layers have both; this check avoids an import that takes seconds.
            if hasattr(child, "merge") and hasattr(child, "get_base_layer"):
                child.merge()
                setattr(parent, name, child.get_base_layer())
    if hasattr(encoder, "peft_config"):
        del encoder.peft_config
