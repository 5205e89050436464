"""Training of a tokenizer, and where it starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, overload

import numpy as np

from sk_brainrvq.estimators._inputs.validation import TrainingData
from sk_brainrvq.estimators._people.whitened import whitened
from sk_brainrvq.nn import DualDomainTokenizer
from sk_brainrvq.signals import PreparedEEG
from sk_brainrvq.signals.patches import rematch
from sk_brainrvq.training import EEGNet, SegmentDataset, TokenizerNet, seeded, train
from sk_brainrvq.user_warnings import warn
from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.architecture import PRESETS, checked_architecture
from sk_brainrvq.weights.modules import begin_electrode_rows, build_module, fill_untrained_time_rows

# Fields of an architecture that a tokenizer is built from.
_NAMES = (
    *(*PRESETS["small"], "quantizer_mode", "targets"),
    *("spectral_embedding", "latents", "spatial_filter"),
)


@dataclass(frozen=True)
class TokenizerStart:
    """Where the training of a tokenizer starts.

    Attributes
    ----------
    weights : Weights or None
        Weights to start from; None trains from scratch.
    config : dict
        Arguments of the ``DualDomainTokenizer``.
    info : dict
        What is known of earlier training.
    max_epochs : int
    """

    weights: Weights | None
    config: dict[str, Any]
    info: dict[str, Any]
    max_epochs: int


def tokenizer_config(
    weights: Weights | None, architecture: Any, quantizer_dropout: float
) -> dict[str, Any]:
    """Arguments of the tokenizer; raise ValueError if given weights have other sizes.

    Parameters
    ----------
    weights : Weights or None
    architecture : None, str or Architecture
    quantizer_dropout : float

    Returns
    -------
    dict
    """
    architecture = checked_architecture(architecture)
    if weights is not None:
        architecture.check_fits(weights.config, weights)
        return {**weights.config, "quantizer_dropout": quantizer_dropout}
    sizes = architecture.from_scratch()
    return {**{name: sizes[name] for name in _NAMES}, "quantizer_dropout": quantizer_dropout}


def train_tokenizer(
    start: TokenizerStart,
    data: TrainingData,
    validation: TrainingData | None,
    info: Mapping[str, Any],
    options: Mapping[str, Any],
) -> EEGNet:
    """Train a tokenizer; rows of the time table that were never trained get a sensible value.

    Parameters
    ----------
    start : TokenizerStart
    data : TrainingData
    validation : TrainingData or None
    info : mapping
        What will be known of the network's training.
    options : mapping
        Further arguments of ``train``, including the session.

    Returns
    -------
    EEGNet
    """
    with seeded(options["session"].seed):
        module = (
            build_module("tokenizer", start.config)
            if start.weights is None
            else start.weights.module(start.config)
        )
        if start.weights is not None and start.max_epochs:
            tokenizer = cast(DualDomainTokenizer, module)
            parts = (tokenizer.encoder, *tokenizer.decoders)
            begin_electrode_rows(
                parts, start.weights.info.get("trained_rows"), info["trained_rows"]
            )
        net = train(
            TokenizerNet,
            module,
            _dataset(data, info),
            title="Tokenizer",
            max_epochs=start.max_epochs,
            warmup_epochs=1,
            validation=_dataset(validation, info),
            **options,
        )
    _fill_time_rows(net.module_, info)
    return net


@overload
def _dataset(data: TrainingData, info: Mapping[str, Any]) -> SegmentDataset: ...


@overload
def _dataset(data: None, info: Mapping[str, Any]) -> None: ...


def _dataset(data: TrainingData | None, info: Mapping[str, Any]) -> SegmentDataset | None:
    """Segments to train on; unknown electrodes get the mean of the trained rows."""
    if data is None:
        return None
    rows, official = info.get("trained_rows"), info.get("official", False)
    dataset = SegmentDataset(rematch(data.prepared, rows, official))
    if data.subjects is not None:
        prepared = whitened(data.prepared, data.subjects)
        dataset.whitened = SegmentDataset(rematch(prepared, rows, official))
    return dataset


def _fill_time_rows(module: DualDomainTokenizer, info: Mapping[str, Any]) -> None:
    if info.get("trained_patches"):
        for part in (module.encoder, *module.decoders):
            fill_untrained_time_rows(part, info["trained_patches"])


def warn_of_large_codebook(prepared: PreparedEEG, start: TokenizerStart) -> None:
    """Warn if there are more codes than patches to learn them from."""
    n_patches = sum(len(g.patches) * g.n_read * g.n_patches for g in prepared.groups)
    size = np.max(start.config["codebook_size"])
    if start.max_epochs and size > n_patches:
        warn(
            f"codebook_size={size} exceeds the {n_patches} patches of X: some codes will never be "
            "used. Pass more data or a smaller codebook_size."
        )
