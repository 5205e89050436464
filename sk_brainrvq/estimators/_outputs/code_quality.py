"""Checks of whether the codes of a new tokenizer are worth their bits."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from sk_brainrvq.estimators._outputs.codes import decoded_patches
from sk_brainrvq.nn import DualDomainTokenizer
from sk_brainrvq.nn.targets import standardise_patches
from sk_brainrvq.training import Batch
from sk_brainrvq.training.inference import by_channel
from sk_brainrvq.user_warnings import warn

_FEWEST_USED, _ALL = 0.1, 0.99


def errors_by_level(module: DualDomainTokenizer, batch: Batch) -> torch.Tensor:
    """Squares of the standardised waveform and squared errors with 1, 2, ... levels (B, 1 + Q)."""
    target = standardise_patches(batch.x)
    codes = by_channel(module.encode, batch.x, batch.electrodes, batch.placed)
    errors = [target]
    for n_levels in range(1, module.n_quantizers + 1):
        decoded = decoded_patches(module, n_levels, codes, batch.electrodes, batch.placed)
        errors.append(target - decoded)
    return torch.stack(errors, 1).square().sum((2, 3, 4))


def explained_by_level(results: Iterable[tuple[Batch, torch.Tensor]]) -> NDArray:
    """Explained variance (n_quantizers,) from ``errors_by_level`` of some batches."""
    variance, *errors = np.sum([r.double().sum(0).numpy() for _, r in results], axis=0)
    return 1 - np.array(errors) / variance if variance > 0 else np.ones(len(errors))


def warn_of_poor_codes(explained: NDArray, usage: NDArray, mode: str) -> None:
    """Warn if levels do not improve the fit to the training data, or codes are unused.

    Parameters
    ----------
    explained : ndarray, shape (n_quantizers,)
        Explained variance of the waveform with 1, 2, ... levels.
    usage : ndarray, shape (2, n_quantizers)
        Share of the codes in use.
    mode : {"residual", "official"}
    """
    # If the previous levels explain everything, there is nothing to add.
    idle_levels = (np.diff(explained) <= 0) & (explained[:-1] < _ALL)
    if idle_levels.any():
        level = int(np.argmax(idle_levels)) + 2
        cause = (
            "quantizer_mode='official' lets levels repeat each other: use 'residual'"
            if mode == "official"
            else "training was too short or too fast: raise max_epochs, or lower lr"
        )
        listed = ", ".join(f"{value:.3f}" for value in explained)
        warn(
            f"Level {level} of the time codes adds nothing: levels 1 to {len(explained)} explain "
            f"{listed} of the variance of the training data. The likely cause: {cause}."
        )
    n_judged = 1 if explained[0] > _ALL else len(explained)
    idle = np.argwhere(usage[:, :n_judged] < _FEWEST_USED)
    if len(idle):
        named = ", ".join(f"{('time', 'frequency')[d]} level {q + 1}" for d, q in idle)
        warn(
            f"Fewer than a tenth of the codes are in use ({named}): codebook_size is too large for "
            "these data, or X holds only a few shapes (flat or repeated signals). Use a smaller "
            "codebook_size, or check X."
        )
