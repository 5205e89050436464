"""From patch tokens to features of a fixed size."""

from collections.abc import Iterable
from numbers import Integral

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.nn.encoder import log_spectrum
from sk_brainrvq.signals import InvalidEEGError, PatchGroup
from sk_brainrvq.signals.regions import region_weights
from sk_brainrvq.training import Batch, run_batches

POOLINGS = ("region", "mean", "channel", "mean_std", "cls", "none")
# Of log_spectrum: the standard deviation, and 1 to 45 Hz, which most recordings keep.
_SPECTRUM = [0, *range(2, 47)]
SPECTRUM_NAMES = ("log_std", *(f"{frequency}Hz" for frequency in range(1, 46)))


def check_pooling(pooling: str, layer: int, depth: int, spectrum: bool) -> None:
    """Raise ValueError for an unknown pooling or a layer that the encoder lacks."""
    if not isinstance(spectrum, (bool, np.bool_)):
        raise ValueError(f"spectrum={spectrum!r} was given; expected True or False.")
    if pooling not in POOLINGS:
        raise ValueError(f"pooling={pooling!r} was given; expected one of {POOLINGS}.")
    if not isinstance(layer, Integral) or not -depth <= layer < depth:
        raise ValueError(
            f"layer={layer!r} was given; the encoder has {depth} layers: -{depth} to {depth - 1}."
        )


def embed(
    encoder: EEGEncoder,
    groups: Iterable[PatchGroup],
    *,
    pooling: str,
    layer: int,
    spectrum: bool,
    batch_size: int,
    device: str,
) -> NDArray:
    """Embed epochs; segments of a long epoch are averaged, weighted by their patches.

    Parameters
    ----------
    encoder : EEGEncoder
    groups : iterable of PatchGroup
    pooling : {"region", "mean", "channel", "mean_std", "cls", "none"}
    layer : int
    spectrum : bool
        Extend each token by its patch's log standard deviation and log amplitude spectrum.
    batch_size : int
    device : str

    Returns
    -------
    ndarray, float32
        With D features a token: (n_epochs, 11 * D) for "region", (n_epochs, D) for "mean" and
        "cls", (n_epochs, C * D) for "channel", (n_epochs, 2 * D) for "mean_std",
        (n_epochs, C, P, D) for "none".
    """

    def summarise(batch: Batch) -> Tensor:
        tokens = encoder(batch.x, batch.electrodes, layer=layer)
        if spectrum:
            tokens = _with_spectrum(tokens, batch.x)
        return _summary(tokens, batch, pooling)

    results = run_batches(summarise, groups, batch_size, device)
    if pooling == "none":
        return join_segments(results)
    return _features(average_segments(results), pooling).astype(np.float32)


def average_segments(results: Iterable[tuple[Batch, Tensor]]) -> NDArray:
    """Average results (B, ...) over the segments of each epoch, weighted by their patches.

    Parameters
    ----------
    results : iterable of (Batch, Tensor)

    Returns
    -------
    ndarray, shape (n_epochs, ...), float64

    Raises
    ------
    InvalidEEGError
        If results differ in shape because epochs differ in channels.
    """
    sums: dict[int, NDArray] = {}
    n_patches: dict[int, int] = {}
    for batch, values in results:
        weight = batch.x.shape[2]
        for epoch, value in zip(batch.epoch.tolist(), values.double().numpy(), strict=True):
            sums[epoch] = sums.get(epoch, 0) + weight * value
            n_patches[epoch] = n_patches.get(epoch, 0) + weight
    if len({total.shape for total in sums.values()}) > 1:
        raise InvalidEEGError(
            "Epochs differ in their channels, and these features keep channels apart; use "
            "pooling='region' or pooling='mean' to mix montages."
        )
    return np.stack([sums[epoch] / n_patches[epoch] for epoch in sorted(sums)])


def _with_spectrum(tokens: Tensor, x: Tensor) -> Tensor:
    """Tokens (B, 1 + C * P, D) beside spectra; the class token's is the mean of all."""
    spectra = log_spectrum(x)[..., _SPECTRUM].flatten(1, 2)
    spectra = torch.cat([spectra.mean(1, keepdim=True), spectra], 1)
    return torch.cat([tokens, spectra.to(tokens.dtype)], -1)


def _summary(tokens: Tensor, batch: Batch, pooling: str) -> Tensor:
    """What is averaged over segments: (B, ...)."""
    if pooling == "cls":
        return tokens[:, 0]
    patches = tokens[:, 1:].unflatten(1, (batch.x.shape[1], -1))
    if pooling == "region":
        weights = torch.from_numpy(region_weights(batch.electrodes.cpu().numpy()))
        return torch.einsum("bcd,cr->brd", patches.mean(2), weights.to(patches))
    if pooling == "none":
        return patches
    if pooling == "channel":
        return patches.mean(2)
    means = patches.mean((1, 2))
    if pooling == "mean":
        return means
    return torch.stack([means, patches.square().mean((1, 2))], 1)


def _features(means: NDArray, pooling: str) -> NDArray:
    if pooling == "mean_std":
        mean, square = means[:, 0], means[:, 1]
        return np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 0))], 1)
    return means.reshape(len(means), -1)


def join_segments(results: Iterable[tuple[Batch, Tensor]]) -> NDArray:
    """Concatenate the segments (B, C, P, ...) of each epoch along the patches.

    Parameters
    ----------
    results : iterable of (Batch, Tensor)

    Returns
    -------
    ndarray, shape (n_epochs, C, P, ...)
    """
    pieces: dict[int, list[tuple[int, NDArray]]] = {}
    for batch, values in results:
        segments = zip(batch.epoch.tolist(), batch.segment.tolist(), values.numpy(), strict=True)
        for epoch, segment, value in segments:
            pieces.setdefault(epoch, []).append((segment, value))
    joined = [
        np.concatenate([value for _, value in sorted(parts, key=lambda part: part[0])], 1)
        for _, parts in sorted(pieces.items())
    ]
    if len({value.shape for value in joined}) > 1:
        shapes = sorted({value.shape[:2] for value in joined})
        raise InvalidEEGError(
            f"Epochs of different size cannot share an array: (channels, patches) are {shapes}. "
            "Transform epochs of one montage and length at a time."
        )
    return np.stack(joined)
