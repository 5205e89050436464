"""From patch tokens to features of a fixed size."""

from collections.abc import Iterable
from numbers import Integral

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.nn.summaries import covariances, log_covariances, spectra
from sk_brainrvq.signals import PatchGroup
from sk_brainrvq.signals.electrodes.regions import POSITION_CONCENTRATION, POSITIONS, place_weights
from sk_brainrvq.training import Batch, run_batches

POOLINGS = ("mean", "region", "channel", "mean_std", "cls", "none")
SPECTRUM_POOLINGS = ("region", "mean", "channel")
COVARIANCE_NAMES = tuple(
    f"{first}x{second}" for i, first in enumerate(POSITIONS) for second in POSITIONS[i:]
)
SPECTRUM_NAMES = ("log_std", *(f"{frequency}Hz" for frequency in range(1, 46)))


def check_pooling(
    pooling: str,
    layer: int | None,
    depth: int,
    spectrum: str | None,
    covariance: bool,
    tokens: bool = True,
) -> None:
    """Raise ValueError for an unknown pooling or a layer that the encoder lacks."""
    if pooling not in POOLINGS:
        raise ValueError(f"pooling={pooling!r} was given; expected one of {POOLINGS}.")
    if spectrum is not None and spectrum not in SPECTRUM_POOLINGS:
        raise ValueError(
            f"spectrum={spectrum!r} was given; expected one of {SPECTRUM_POOLINGS} or None."
        )
    for name, value in (("covariance", covariance), ("tokens", tokens)):
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name}={value!r} was given; expected True or False.")
    if not tokens and spectrum is None and not covariance:
        raise ValueError(
            "tokens=False, spectrum=None and covariance=False were given: nothing is left. Keep "
            "one of them."
        )
    if pooling == "none" and tokens and (spectrum is not None or covariance):
        raise ValueError(
            f"pooling='none', spectrum={spectrum!r} and covariance={covariance!r} were given: "
            "tokens that are not pooled have no place for pooled spectra and covariances. Pass "
            "spectrum=None and covariance=False."
        )
    if layer is None:
        return
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
    spectrum: str | None,
    covariance: bool,
    batch_size: int,
    device: str,
    tokens: bool = True,
) -> NDArray:
    """Embed epochs; segments of a long epoch are averaged, weighted by their patches.

    Parameters
    ----------
    encoder : EEGEncoder
    groups : iterable of PatchGroup
    pooling : {"mean", "region", "channel", "mean_std", "cls", "none"}
        Of the tokens.
    layer : int
    spectrum : {"region", "mean", "channel"} or None
        Pooling of the patches' log spectra, which follow the tokens; None leaves them out.
    covariance : bool
        Add the log-covariance of the signals at the positions of the 10-20 system.
    batch_size : int
    device : str
    tokens : bool, default=True
        False leaves the tokens out, and the encoder is not run.

    Returns
    -------
    ndarray, float32
        Tokens: (n_epochs, D) for "mean" and "cls", (n_epochs, 11 * D) for "region",
        (n_epochs, C * D) for "channel", (n_epochs, 2 * D) for "mean_std", (n_epochs, C, P, D) for
        "none". Then spectra: 46 columns in place of each D. Then 190 of the log-covariance.
    """
    unpooled = tokens and pooling == "none"

    def pooled_tokens(batch: Batch) -> Tensor:
        encoded = encoder(batch.x, batch.electrodes, layer=layer)
        patches = encoded[:, 1:].unflatten(1, (batch.x.shape[1], -1))
        if pooling == "none":
            return patches
        return encoded[:, 0] if pooling == "cls" else _pooled(patches, batch, pooling)

    def summarise(batch: Batch) -> Tensor:
        parts = [pooled_tokens(batch)] if tokens else []
        if unpooled:
            return parts[0]
        if spectrum is not None:
            parts.append(_pooled(spectra(batch.x), batch, spectrum))
        if covariance:
            parts.append(_covariances(batch).flatten(1))
        return torch.cat(parts, 1)

    results = run_batches(summarise, groups, batch_size, device)
    if unpooled:
        return join_segments(results)
    features = average_segments(results)
    if tokens and pooling == "mean_std":
        _to_standard_deviations(features, encoder.embed_dim)
    if covariance:
        n_last = len(POSITIONS) ** 2
        features = np.hstack([features[:, :-n_last], _log_map(features[:, -n_last:])])
    return features.astype(np.float32)


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


def _pooled(values: Tensor, batch: Batch, pooling: str) -> Tensor:
    """Values of patches (B, C, P, n) over time and channels: (B, m), means all of them."""
    if pooling == "channel":
        return values.mean(2).flatten(1)
    if pooling == "region":
        weights = torch.from_numpy(place_weights(batch.electrodes.cpu().numpy()))
        return torch.einsum("bcn,cr->brn", values.mean(2), weights.to(values)).flatten(1)
    means = values.mean((1, 2))
    if pooling == "mean":
        return means
    return torch.cat([means, values.square().mean((1, 2))], 1)


def _covariances(batch: Batch) -> Tensor:
    """Covariances (B, 19, 19) of the signals at the 10-20 positions."""
    weights = place_weights(batch.electrodes.cpu().numpy(), POSITIONS, POSITION_CONCENTRATION)
    return covariances(batch.x, torch.from_numpy(weights))


def _log_map(flat: NDArray) -> NDArray:
    """Log-covariances (n, 190) of flat covariances (n, 361)."""
    matrices = torch.from_numpy(flat.reshape(-1, len(POSITIONS), len(POSITIONS)))
    return log_covariances(matrices).numpy()


def _to_standard_deviations(features: NDArray, width: int) -> None:
    """Turn mean squares, which follow the means, into standard deviations, in place."""
    means, squares = features[:, :width], features[:, width : 2 * width]
    squares[:] = np.sqrt(np.maximum(squares - means**2, 0))


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
