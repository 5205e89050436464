"""From patch tokens to features of a fixed size."""

from collections.abc import Iterable
from numbers import Integral

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.signals import InvalidEEGError, PatchGroup
from sk_brainrvq.training import Batch, run_batches

POOLINGS = ("mean", "channel", "mean_std", "cls", "none")


def check_pooling(pooling: str, layer: int, depth: int) -> None:
    """Raise ValueError for an unknown pooling or a layer that the encoder lacks."""
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
    batch_size: int,
    device: str,
) -> NDArray:
    """Embed epochs; segments of a long epoch are averaged, weighted by their patches.

    Parameters
    ----------
    encoder : EEGEncoder
    groups : iterable of PatchGroup
    pooling : {"mean", "channel", "mean_std", "cls", "none"}
    layer : int
    batch_size : int
    device : str

    Returns
    -------
    ndarray, float32
        (n_epochs, D) for "mean" and "cls", (n_epochs, C * D) for "channel", (n_epochs, 2 * D)
        for "mean_std", (n_epochs, C, P, D) for "none".
    """

    def summarise(batch: Batch) -> Tensor:
        tokens = encoder(batch.x, batch.electrodes, layer=layer)
        return _summary(tokens, batch.x.shape[1], pooling)

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
            "pooling='mean' to mix montages."
        )
    return np.stack([sums[epoch] / n_patches[epoch] for epoch in sorted(sums)])


def _summary(tokens: Tensor, n_channels: int, pooling: str) -> Tensor:
    """What is averaged over segments: (B, ...)."""
    if pooling == "cls":
        return tokens[:, 0]
    patches = tokens[:, 1:].unflatten(1, (n_channels, -1))
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
