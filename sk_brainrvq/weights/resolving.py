"""Resolve ``weights=`` and ``tokenizer=``, for example to the bundled default model."""

from functools import cache
from pathlib import Path
from typing import Any

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights.attached import read_attached
from sk_brainrvq.weights.checkpoint import BUNDLED, BUNDLED_NAMES, DEFAULT
from sk_brainrvq.weights.hub.hub_address import is_hub_address
from sk_brainrvq.weights.hub.hub_download import pinned
from sk_brainrvq.weights.official_folder import is_official, official_weights
from sk_brainrvq.weights.weights import Weights

# Name under which a saved pretrainer stores its tokenizer.
_TOKENIZER = "tokenizer_weights_"
# Bundled encoders, and the bundled tokenizers whose codes they predict.
_TOKENIZERS = {"small-2026.12": "tokenizer-2026.11"}


@cache
def bundled_weights(name: str) -> Weights:
    """Load weights that come with the package; see their model card.

    Parameters
    ----------
    name : {"default", "small-2026.12", "tokenizer-2026.11"}
        "default" is the newest encoder.

    Returns
    -------
    Weights
        Weights of kind "pretraining" or "tokenizer".

    Raises
    ------
    CheckpointError
        If there is no such name, or the installation lacks the files.
    """
    if name == "default":
        return bundled_weights(DEFAULT)
    if name not in BUNDLED_NAMES:
        names = ", ".join(map(repr, ("default", *BUNDLED_NAMES)))
        raise CheckpointError(f"bundled_weights({name!r}) was called; expected one of {names}.")
    folder = BUNDLED / name
    if not folder.is_dir():
        raise CheckpointError(
            f'"{name}" was given, but this installation lacks the bundled model ({folder}). '
            "Install sk_brainrvq again, or pass weights=None for random weights."
        )
    return Weights(folder)


def resolve_weights(weights: Any, kinds: tuple[str, ...], parameter: str) -> Weights | None:
    """Return the ``Weights`` that a parameter stands for.

    Parameters
    ----------
    weights : "default", "official", None, path, address or Weights
        Value of the parameter. The path of a saved pretrainer stands for its tokenizer if a
        tokenizer is required. "official" stands for the authors' checkpoints in the cache folder,
        and "hf://owner/name@revision" for a model on the Hugging Face Hub.
    kinds : tuple of str
        Accepted kinds.
    parameter : str
        Name of the parameter, for messages.

    Returns
    -------
    Weights or None
    """
    if weights is None:
        return None
    if hasattr(weights, "get_params"):
        raise CheckpointError(
            f"{parameter}= was given a {type(weights).__name__}, which would lose its fit when "
            f"scikit-learn clones it. Pass its weights instead: {parameter}=fitted.weights_."
        )
    if name := _bundled_encoder(weights):
        weights = bundled_weights(_TOKENIZERS[name] if kinds == ("tokenizer",) else name)
    if isinstance(weights, (str, Path)):
        weights = _read(weights, kinds)
    if not isinstance(weights, Weights):
        raise CheckpointError(
            f"{parameter}={weights!r} was given; expected 'default', None, a path or a Weights, "
            "or an address on the Hugging Face Hub, 'hf://owner/name@revision'."
        )
    if weights.kind not in kinds:
        raise CheckpointError(
            f"{parameter}={weights!r} holds a network of kind {weights.kind!r}; expected one of "
            f"{', '.join(kinds)}.{_hint(weights, kinds, parameter)}"
        )
    return weights


def tokenizer_of(weights: Any) -> Any:
    """Return the value of ``tokenizer=`` for the tokenizer that weights were pretrained with.

    Parameters
    ----------
    weights : "default", "official", path, address or Weights
        Value of ``weights=`` of a pretrainer.

    Returns
    -------
    "default", "official", path, address or None
        None if the weights do not name their tokenizer.
    """
    if isinstance(weights, str) and (_bundled_encoder(weights) or is_official(weights)):
        return weights
    if isinstance(weights, Weights):
        there = [name for name in _TOKENIZERS if (BUNDLED / name).is_dir()]
        return next((name for name in there if weights == bundled_weights(name)), None)
    return weights if _TOKENIZER in read_attached(weights) else None


def _bundled_encoder(weights: Any) -> str | None:
    """Name of the bundled encoder that a value stands for; a file goes before all but "default"."""
    if isinstance(weights, str) and weights == "default":
        return DEFAULT
    named = isinstance(weights, str) and weights in _TOKENIZERS and not Path(weights).exists()
    return weights if named else None


def _read(path: str | Path, kinds: tuple[str, ...]) -> Weights:
    """Read weights; those of the tokenizer if one is required and a saved pretrainer is given."""
    if is_official(path):
        return official_weights(kinds)
    if is_hub_address(path):
        path = pinned(path)  # so that both reads below use the same commit
    weights = Weights(path)
    if weights.kind in kinds or "tokenizer" not in kinds:
        return weights
    return read_attached(path).get(_TOKENIZER, weights)


def _hint(weights: Weights, kinds: tuple[str, ...], parameter: str) -> str:
    if weights.kind != "pretraining" or "tokenizer" not in kinds:
        return ""
    return (
        f" For the tokenizer of a fitted pretrainer pass {parameter}=pretrainer.{_TOKENIZER}; for "
        f"that of a saved one pass its folder as {parameter}=."
    )
