"""Tokenizers to compare: their settings, their training, and the figures for their codes."""

import argparse
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from table.tasks import Task

from rates import measures
from rates.library_quantizer import library_quantizers
from sk_brainrvq import Architecture, DDRVQTransformer
from sk_brainrvq.nn.targets import Reconstruction
from sk_brainrvq.signals.electrodes import electrode_rows, match_electrodes

PUBLISHED = {"quantizer_mode": "official", "targets": "published", "spectral_embedding": False}
SHARED = {"latents": "shared"}
DESIGNS: dict[str, dict[str, Any]] = {
    "ours": {},
    "without spatial filter": {"spatial_filter": False},
    "shared latent": SHARED,
    "published": PUBLISHED | SHARED,
    "library quantizer": {"spatial_filter": False},
    "bundled": {},
}
BUNDLED = "tokenizer-2026.11"


def building(design: str) -> AbstractContextManager[None]:
    """Context in which the tokenizers of a design are built."""
    return library_quantizers() if design == "library quantizer" else nullcontext()


def fitted(design: str, known: NDArray, task: Task, options: argparse.Namespace, seed: int) -> Any:
    """Train a design's tokenizer, or load the bundled one; return it and its training seconds."""
    if design == "bundled":
        tokenizer = DDRVQTransformer(BUNDLED, sfreq=200, ch_names=task.ch_names)
        return tokenizer.fit(known[:1]), None
    sizes = {"codebook_size": options.codes, "n_quantizers": options.levels}
    tokenizer = DDRVQTransformer(
        architecture=Architecture(options.architecture, **sizes, **DESIGNS[design]),
        max_epochs=options.max_epochs,
        batch_size=options.batch_size,
        checkpoint_dir=options.checkpoints and options.checkpoints / design.replace(" ", "_"),
        sfreq=200,
        ch_names=task.ch_names,
        random_state=seed,
        verbose=1,
    )
    if design == "published":
        tokenizer.set_params(quantizer_dropout=0.0, lr=5e-4)
    tokenizer.fit(known)
    # Summed over epochs, so that a continued training has all its seconds.
    return tokenizer, sum(row["dur"] for row in tokenizer.history_)


def rows_of_tokenizer(
    tokenizer: Any, X: NDArray, subjects: NDArray, options: argparse.Namespace
) -> list[dict]:
    """One row per level: waveform, plus spectrum and phase where the codes hold them."""
    codes, target = tokenizer.transform(X), measures.standardised(X)
    spectra, rows = measures.log_spectra(X), []
    for level in range(1, options.levels + 1):
        waveform = tokenizer.inverse_transform(codes, n_levels=level)
        row = row_of(target, waveform, subjects, level, options)
        row["perplexity"] = measures.perplexity(codes[..., 0, level - 1], options.codes)
        if tokenizer.net_.module_.targets.keeps_scale:
            amplitude, phase = decoded_spectra(tokenizer, codes, level)
            row["spectral_distance"] = measures.log_spectral_distance(spectra, amplitude)
            row["phase_error"] = measures.phase_error(X, phase)
            row["phase_error_of_waveform"] = measures.phase_error(X, measures.phases(waveform))
            rebuilt = tokenizer.reconstruct(X, n_levels=level, domain="both")
            row["both_domains"] = measures.explained_signal(X, rebuilt)
        rows.append(row)
    return rows


def decoded_spectra(tokenizer: Any, codes: NDArray, level: int) -> tuple[NDArray, NDArray]:
    """Log amplitudes and angles that the codes represent."""
    parts = list(_decoded(tokenizer, codes, level))
    amplitude = np.concatenate([part.amplitude.numpy() for part in parts])
    return amplitude, np.concatenate([part.phase.numpy() for part in parts])


def _decoded(tokenizer: Any, codes: NDArray, level: int) -> Iterator[Reconstruction]:
    electrodes = electrodes_of(tokenizer.ch_names_in_)
    module = tokenizer.net_.module_
    with torch.inference_mode():
        for batch in torch.from_numpy(codes).long().split(16):
            yield module.decode(batch, electrodes, level)


def electrodes_of(ch_names: list[str]) -> torch.Tensor:
    """Electrodes of channels, as the networks take them."""
    return torch.from_numpy(electrode_rows(match_electrodes(ch_names, len(ch_names))))


def row_of(
    target: NDArray, decoded: NDArray, subjects: NDArray, level: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Figures of one reconstruction."""
    return {
        "levels": level,
        "bits": level * math.log2(options.codes),
        "explained": measures.explained(target, decoded),
        "interval": measures.interval(target, decoded, subjects, seed=0),
        "bands": measures.explained_by_band(target, decoded),
    }
