"""Start of pretraining, its networks, and the accuracy of predicting codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from sk_brainrvq.estimators._fitting.head_start import place_summaries
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.nn import MaskedCodeModel, importance_guided_mask
from sk_brainrvq.training import EEGNet, SegmentDataset, seeded
from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.architecture import CODES, ENCODER, Architecture
from sk_brainrvq.weights.modules import begin_electrode_rows, build_module
from sk_brainrvq.weights.resolving import tokenizer_of

# Weights of losses that are not in the paper.
LOSS_WEIGHTS = ("spectrum_weight", "summary_weight")
# Weight of importance in the masks for a score: the middle of the training curriculum.
_SCORE_INFO_WEIGHT = 0.45
_SCORE_SEED = 0


@dataclass(frozen=True)
class PretrainingStart:
    """Where pretraining starts.

    Attributes
    ----------
    weights : Weights or None
        Weights to start from; None trains from scratch.
    tokenizer : Weights or None
        Tokenizer; None fits one first.
    info : dict
        What is known of earlier training.
    max_epochs : int
    """

    weights: Weights | None
    tokenizer: Weights | None
    info: dict[str, Any]
    max_epochs: int


def check_sizes(
    architecture: Architecture, weights: Weights | None, tokenizer: Weights | None
) -> None:
    """Raise ValueError if given networks do not match each other or the architecture.

    Parameters
    ----------
    architecture : Architecture
        Architecture asked for; with a given tokenizer, a preset's name refers only to the encoder.
    weights, tokenizer : Weights or None
    """
    if weights is not None:
        architecture.check_fits(weights.encoder_config, weights, ENCODER)
        architecture.check_fits(weights.config, weights, CODES, with_preset=tokenizer is None)
    if tokenizer is not None:
        names = (
            *(*CODES, "decoder_depth", "codebook_dim", "quantizer_mode"),
            *("targets", "latents", "spatial_filter"),
        )
        architecture.check_fits(tokenizer.config, tokenizer, names, with_preset=False)
    if weights is not None and tokenizer is not None:
        _check_same_codes(weights, tokenizer)


def masked_model_config(
    weights: Weights | None,
    tokenizer: Weights,
    architecture: Architecture,
    drop_path: float,
    loss_weights: Mapping[str, float | None],
) -> dict[str, Any]:
    """Arguments of the ``MaskedCodeModel`` that predicts a tokenizer's codes.

    Parameters
    ----------
    weights : Weights or None
        Given weights determine the sizes.
    tokenizer : Weights
    architecture : Architecture
    drop_path : float
    loss_weights : mapping
        "spectrum_weight" and "summary_weight"; None is that of the given weights, or 0.

    Returns
    -------
    dict
    """
    if weights is not None:
        encoder = {**weights.encoder_config, "drop_path": drop_path}
        config = {**weights.config, "encoder": encoder}
    else:
        config = {
            "encoder": {**architecture.encoder(), "drop_path": drop_path},
            "codebook_size": int(np.max(tokenizer.config["codebook_size"])),
            "n_quantizers": tokenizer.config["n_quantizers"],
        }
    for name, weight in loss_weights.items():
        if weight is not None:
            config.pop(name, None)
            # Networks without the head are written as they were before there was one.
            config |= {name: float(weight)} if weight else {}
    return config


def masked_module(
    weights: Weights | None, config: dict[str, Any], info: Mapping[str, Any]
) -> MaskedCodeModel:
    """The network to train: from scratch, or with given weights and what these lack.

    That is new heads for spectra and summaries, and rows of electrodes that are new to them.

    Parameters
    ----------
    weights : Weights or None
    config : dict
        Arguments of the network, as from :func:`masked_model_config`.
    info : mapping
        What will be known of the network's training.

    Returns
    -------
    MaskedCodeModel
    """
    if weights is None:
        module = cast(MaskedCodeModel, build_module("pretraining", config))
        place_summaries(module.summary)
        return module
    held, wanted = (
        {name: float(c.get(name, 0.0)) for name in LOSS_WEIGHTS} for c in (weights.config, config)
    )
    changed = [name for name in LOSS_WEIGHTS if bool(held[name]) != bool(wanted[name])]
    module = cast(MaskedCodeModel, weights.module(config | {name: held[name] for name in changed}))
    for name in changed:
        getattr(module, f"set_{name}")(wanted[name])
    place_summaries(module.summary)
    before = weights.info.get("trained_rows")
    begin_electrode_rows([module.encoder], before, info.get("trained_rows") or before or ())
    return module


def masked_accuracy(net: EEGNet, dataset: SegmentDataset, encode: Callable[..., Tensor]) -> float:
    """Accuracy of predicting the codes of hidden patches, given those of coarser levels.

    Parameters
    ----------
    net : EEGNet
        Net that holds a ``MaskedCodeModel``.
    dataset : SegmentDataset
    encode : callable
        Function that computes the codes of batches without any.

    Returns
    -------
    float
        Mean over domains and levels; masks are drawn from a fixed seed.
    """
    total, n_positions = 0.0, 0
    with seeded(_SCORE_SEED), torch.inference_mode():
        for batch, _ in net.get_iterator(dataset):
            placed = batch.to(net.device)
            if placed.codes is None:
                placed.codes = encode(placed.x, placed.code_electrodes)
            mask = importance_guided_mask(placed.x, _SCORE_INFO_WEIGHT)
            output = net.module_(
                placed.x, placed.electrodes, mask, placed.codes, return_logits=False
            )
            total += float(output.accuracy.mean()) * mask.numel()
            n_positions += mask.numel()
    return total / n_positions


def folder_of_runs(
    checkpoint_dir: str | Path | None, resume_from: str | Path | None
) -> str | Path | None:
    """Folder of the tokenizer's runs: beside the run to resume from, if no other is given."""
    if checkpoint_dir is not None or resume_from is None:
        return checkpoint_dir
    run = Path(resume_from).absolute()
    return (run.parent if run.is_file() else run).parent


def no_tokenizer(weights: Any) -> CheckpointError:
    """Error for weights without a tokenizer, which says what to pass with them."""
    found = tokenizer_of(weights)
    advice = (
        f"tokenizer={str(found)!r} (on the command line --tokenizer {found})."
        if found is not None
        else (
            "tokenizer=pretrainer.tokenizer_weights_ of the fitted pretrainer, or the folder in "
            "which it or its tokenizer was saved."
        )
    )
    return CheckpointError(
        f"weights={weights!r} was given without a tokenizer, but its heads only predict codes of "
        f"the tokenizer it was pretrained with. Pass that tokenizer, too: {advice}"
    )


def _check_same_codes(weights: Weights, tokenizer: Weights) -> None:
    found = int(np.max(tokenizer.config["codebook_size"])), tokenizer.config["n_quantizers"]
    expected = weights.config["codebook_size"], weights.config["n_quantizers"]
    if found != expected:
        raise CheckpointError(
            f"{tokenizer!r} has (codebook_size, n_quantizers) = {found}, but {weights!r} predicts "
            f"{expected}: pass the tokenizer these weights were pretrained with."
        )
