"""Sizes by name, and single sizes laid over them."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

ARCHITECTURES: dict[str, dict[str, int]] = {
    "tiny": {
        "embed_dim": 100,
        "depth": 2,
        "decoder_depth": 1,
        "codebook_size": 64,
        "codebook_dim": 32,
        "n_quantizers": 3,
    },
    "small": {
        "embed_dim": 200,
        "depth": 4,
        "decoder_depth": 2,
        "codebook_size": 512,
        "codebook_dim": 64,
        "n_quantizers": 3,
    },
    "base": {
        "embed_dim": 200,
        "depth": 12,
        "decoder_depth": 3,
        "codebook_size": 8192,
        "codebook_dim": 64,
        "n_quantizers": 3,
    },
}

# Settings of the pretraining encoder in the paper; the tokenizer's encoder has none of them.
PRETRAINING_ENCODER = {"qkv_bias": False, "qk_norm": True, "layer_scale": 0.1}


def resolve_sizes(architecture: str, overrides: Mapping[str, int | None]) -> dict[str, int]:
    """Sizes of an architecture with explicit ones laid over them.

    Parameters
    ----------
    architecture : {"tiny", "small", "base"}
    overrides : mapping of str to int or None
        None keeps the architecture's size.

    Returns
    -------
    dict of str to int

    Raises
    ------
    ValueError
        For an unknown architecture, or a size that is no positive integer.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(
            f"architecture={architecture!r} was given; expected one of {sorted(ARCHITECTURES)}."
        )
    sizes = dict(ARCHITECTURES[architecture])
    for name, size in overrides.items():
        if size is None:
            continue
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{name}={size!r} was given; expected a positive integer.")
        sizes[name] = int(size)
    return sizes


def check_no_conflict(
    overrides: Mapping[str, Any], config: Mapping[str, Any], source: object
) -> None:
    """Raise ValueError where an explicit size differs from that of given weights.

    Parameters
    ----------
    overrides : mapping
        Sizes and settings by name; None is no wish.
    config : mapping
        Sizes and settings of the weights.
    source : object
        The weights, for the message.
    """
    for name, size in overrides.items():
        found = config.get(name)
        if isinstance(found, list) and len(set(found)) == 1:
            found = found[0]
        if size is not None and name in config and size != found:
            raise ValueError(
                f"{name}={size!r} was given, but {source!r} has {name}={found!r}. With weights "
                f"given, it comes from them: leave {name} at None."
            )
