"""Pooling of patch tokens to features of a fixed size."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.nn.summaries import (
    COVARIANCE_BANDS,
    band_covariances,
    covariances,
    log_covariances,
    spectra,
)
from sk_brainrvq.signals import PatchGroup
from sk_brainrvq.signals.electrodes.regions import (
    POSITION_CONCENTRATION,
    POSITIONS,
    REGIONS,
    place_weights,
)
from sk_brainrvq.signals.patches import with_every_channel
from sk_brainrvq.training import Batch, run_batches
from sk_brainrvq.training.inference import by_channel
from sk_brainrvq.training.memory.out_of_memory import explained, message_of_signals

POOLINGS = ("mean", "region", "channel", "mean_std", "cls", "mean_cls", "none")
SPECTRUM_POOLINGS = ("region", "mean", "channel")
COVARIANCE_NAMES = tuple(
    f"{first}x{second}" for i, first in enumerate(POSITIONS) for second in POSITIONS[i:]
)
Results = Iterator[tuple[Batch, Tensor]]
# Turns groups into those that a network reads instead.
Align = Callable[[Iterable[PatchGroup]], Iterable[PatchGroup]]
SPECTRUM_NAMES = ("log_std", *(f"{frequency}Hz" for frequency in range(1, 46)))


@dataclass(frozen=True)
class Embedding:
    """Features of an epoch; the defaults are those of ``BrainRVQEmbedder``.

    Attributes
    ----------
    pooling : {"mean", "region", "channel", "mean_std", "cls", "mean_cls", "none"}
        How to pool tokens.
    layer : int or None
        Layer to pool; None is the layer that the weights recommend.
    spectrum : {"region", "mean", "channel"} or None
        How to pool the patches' log spectra, which follow the tokens; None leaves them out.
    covariance : bool or "bands"
        Whether to add the log-covariance of the signals at the positions of the 10-20 system;
        "bands" adds one for each of five frequency bands.
    tokens : bool
        False leaves the tokens out and does not run the encoder.
    aligned : bool
        Whether tokens come from aligned signals, with the spectra of these signals after them.
    """

    pooling: str = "mean"
    layer: int | None = None
    spectrum: str | None = "region"
    covariance: bool | str = "bands"
    tokens: bool = True
    aligned: bool = False

    @property
    def is_unpooled(self) -> bool:
        """Whether each patch keeps its token."""
        return self.tokens and self.pooling == "none"

    @property
    def n_matrices(self) -> int:
        """Number of log-covariances, each of 190 columns, at the end of the features."""
        if self.covariance == "bands":
            return len(COVARIANCE_BANDS)
        return int(bool(self.covariance))

    @property
    def keeps_channels(self) -> bool:
        """Whether features depend on the channels and their order."""
        return "channel" in (self.pooling if self.tokens else None, self.spectrum)

    def check(self, depth: int) -> None:
        """Raise ValueError for an unknown pooling, or a layer that the encoder does not have."""
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling={self.pooling!r} was given; expected one of {POOLINGS}.")
        if self.spectrum is not None and self.spectrum not in SPECTRUM_POOLINGS:
            raise ValueError(
                f"spectrum={self.spectrum!r} was given; expected one of {SPECTRUM_POOLINGS} or "
                "None."
            )
        if not isinstance(self.covariance, (bool, np.bool_)) and self.covariance != "bands":
            raise ValueError(
                f"covariance={self.covariance!r} was given; expected 'bands', True or False."
            )
        if not isinstance(self.tokens, (bool, np.bool_)):
            raise ValueError(f"tokens={self.tokens!r} was given; expected True or False.")
        self._check_parts()
        if self.layer is None:
            return
        if not isinstance(self.layer, Integral) or not -depth <= self.layer < depth:
            raise ValueError(
                f"layer={self.layer!r} was given, but the encoder has {depth} layers; expected "
                f"-{depth} to {depth - 1}."
            )

    def _check_parts(self) -> None:
        if not self.tokens and self.spectrum is None and not self.covariance:
            raise ValueError(
                "tokens=False, spectrum=None and covariance=False were given, which leaves no "
                "features. Keep at least one of them."
            )
        if self.is_unpooled and (self.spectrum is not None or self.covariance):
            raise ValueError(
                f"pooling='none', spectrum={self.spectrum!r} and covariance={self.covariance!r} "
                "were given, but unpooled tokens cannot be joined with pooled spectra and "
                "covariances. Pass spectrum=None and covariance=False."
            )

    def compute(
        self,
        encoder: EEGEncoder,
        groups: Iterable[PatchGroup],
        recommended: int,
        batch_size: int,
        device: str,
        align: Align | None = None,
    ) -> NDArray:
        """Embed epochs; segments of a long epoch are averaged, weighted by their patches.

        Parameters
        ----------
        encoder : EEGEncoder
        groups : iterable of PatchGroup
        recommended : int
            The layer that the weights recommend.
        batch_size : int
        device : str
        align : callable, optional
            Turns groups into those that the encoder reads, with ``aligned``.

        Returns
        -------
        ndarray, float32
            Tokens: (n_epochs, D) for "mean" and "cls", (n_epochs, 11 * D) for "region",
            (n_epochs, C * D) for "channel", (n_epochs, 2 * D) for "mean_std" and "mean_cls",
            (n_epochs, C, P, D) for "none". Then spectra: 46 columns instead of each D. Then 190
            columns per log-covariance.
        """
        layer = recommended if self.layer is None else self.layer

        def read(batch: Batch) -> Tensor:
            return self._as_read(encoder, batch, layer)

        def run(function: Callable[[Batch], Tensor], groups: Iterable[PatchGroup]) -> Results:
            return run_batches(function, groups, batch_size, device)

        if self.is_unpooled or self.keeps_channels:
            groups = with_every_channel(groups)
        if self.is_unpooled:
            return join_segments(run(read, groups))
        if align is None:
            results = run(lambda batch: torch.cat([read(batch), self._as_is(batch)], 1), groups)
        else:
            results = side_by_side(run, read, align, self._as_is, groups)
        features = average_segments(results)
        if self.tokens and self.pooling == "mean_std":
            _to_standard_deviations(features, encoder.embed_dim)
        if self.n_matrices:
            n_last = self.n_matrices * len(POSITIONS) ** 2
            features = np.hstack([features[:, :-n_last], _log_map(features[:, -n_last:])])
        return features.astype(np.float32)

    def _as_read(self, encoder: EEGEncoder, batch: Batch, layer: int) -> Tensor:
        """Tokens, and the spectra of aligned signals, of a batch's segments."""
        parts = [self._pooled_tokens(encoder, batch, layer)] if self.tokens else []
        if self.aligned and self.spectrum is not None:
            parts.append(self._pooled_spectra(batch))
        return _side_by_side(parts, batch)

    def _as_is(self, batch: Batch) -> Tensor:
        """Spectra and covariances of a batch's segments, in a form that can be averaged."""
        parts = [] if self.spectrum is None else [self._pooled_spectra(batch)]
        if self.n_matrices:
            known, by_band = batch.of_known_places(), self.covariance == "bands"
            parts.append(_covariances(known, by_band).flatten(1))
        return _side_by_side(parts, batch)

    def _pooled_spectra(self, batch: Batch) -> Tensor:
        assert self.spectrum is not None
        counted = batch if self.spectrum == "channel" else batch.of_known_places()
        return _pooled(spectra(counted.x), counted, self.spectrum)

    def _pooled_tokens(self, encoder: EEGEncoder, batch: Batch, layer: int) -> Tensor:
        if self.pooling in ("cls", "mean_cls"):
            known = batch.of_known_places()
            tokens = encoder(known.x, known.electrodes, layer=layer)
            of_class, means = tokens[:, 0], tokens[:, 1:].mean(1)
            return of_class if self.pooling == "cls" else torch.cat([means, of_class], 1)

        def patches(x: Tensor, electrodes: Tensor) -> Tensor:
            encoded = encoder(x, electrodes, layer=layer)
            return encoded[:, 1:].unflatten(1, (x.shape[1], -1))

        if self.pooling in ("none", "channel"):
            tokens = by_channel(patches, batch.x, batch.electrodes, batch.placed)
            return tokens if self.pooling == "none" else _pooled(tokens, batch, self.pooling)
        known = batch.of_known_places()
        return _pooled(patches(known.x, known.electrodes), known, self.pooling)

    def column_names(self, prefix: str, width: int, channels: list[str]) -> list[str]:
        """Names of all features.

        Parameters
        ----------
        prefix : str
            Prefix for tokens without a position, as in scikit-learn's own transformers.
        width : int
            Width D of the encoder.
        channels : list of str

        Returns
        -------
        list of str
        """
        means = {"mean": ["mean"], "mean_std": ["mean", "std"], "mean_cls": ["mean", "cls"]}
        places = {**means, "region": list(REGIONS), "channel": channels}
        names: list[str] = []
        if self.tokens and self.pooling in ("mean", "cls"):
            names += [f"{prefix}{number}" for number in range(width)]
        elif self.tokens:
            names += [f"{p}_{number}" for p in places[self.pooling] for number in range(width)]
        for suffix in ("_whitened", "") if self.aligned else ("",):
            if self.spectrum is not None:
                own = [f"{p}_{name}" for p in places[self.spectrum] for name in SPECTRUM_NAMES]
                names += [name + suffix for name in own]
        if self.covariance == "bands":
            bands = [f"{low}-{high}Hz_" for low, high in COVARIANCE_BANDS]
            return names + [f"{band}{name}" for band in bands for name in COVARIANCE_NAMES]
        return [*names, *(COVARIANCE_NAMES if self.covariance else ())]


def side_by_side(
    run: Callable[[Callable[[Batch], Tensor], Iterable[PatchGroup]], Results],
    of_aligned: Callable[[Batch], Tensor],
    align: Align,
    of_groups: Callable[[Batch], Tensor],
    groups: Iterable[PatchGroup],
) -> Results:
    """Results of aligned groups side by side with those of the original groups.

    Parameters
    ----------
    run : callable
        Function that applies another function to the batches of groups.
    of_aligned, of_groups : callable, Batch -> Tensor
        Functions that return (B, n).
    align : callable
    groups : iterable of PatchGroup

    Yields
    ------
    batch : Batch
    result : Tensor
    """
    for group in groups:
        # One after the other: two interleaved generators would leave inference mode in the wrong
        # order, and it would stay on.
        first = [result for _, result in run(of_aligned, align([group]))]
        for own, (batch, other) in zip(first, run(of_groups, [group]), strict=True):
            yield batch, torch.cat([own, other], 1)


def _side_by_side(parts: list[Tensor], batch: Batch) -> Tensor:
    return torch.cat(parts, 1) if parts else batch.x.new_empty(len(batch), 0)


@explained(message_of_signals)
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
            "Epochs differ in their channels, but these features keep channels separate. Use "
            "pooling='region' or pooling='mean' to mix montages."
        )
    return np.stack([sums[epoch] / n_patches[epoch] for epoch in sorted(sums)])


def _pooled(values: Tensor, batch: Batch, pooling: str) -> Tensor:
    """Pool values of patches (B, C, P, n) over time and channels to means (B, m)."""
    if pooling == "channel":
        return values.mean(2).flatten(1)
    if pooling == "region":
        weights = torch.from_numpy(place_weights(batch.electrodes.cpu().numpy()))
        return torch.einsum("bcn,cr->brn", values.mean(2), weights.to(values)).flatten(1)
    means = values.mean((1, 2))
    if pooling == "mean":
        return means
    return torch.cat([means, values.square().mean((1, 2))], 1)


def _covariances(batch: Batch, by_band: bool) -> Tensor:
    """Covariances (B, 19, 19), or (B, 5, 19, 19), of the signals at the 10-20 positions."""
    weights = place_weights(batch.electrodes.cpu().numpy(), POSITIONS, POSITION_CONCENTRATION)
    summary = band_covariances if by_band else covariances
    return summary(batch.x, torch.from_numpy(weights))


def _log_map(flat: NDArray) -> NDArray:
    """Log-covariances (n, m * 190) of flat covariances (n, m * 361)."""
    matrices = torch.from_numpy(flat.reshape(-1, len(POSITIONS), len(POSITIONS)))
    return log_covariances(matrices).numpy().reshape(len(flat), -1)


def _to_standard_deviations(features: NDArray, width: int) -> None:
    """Convert mean squares, which follow the means, to standard deviations, in place."""
    means, squares = features[:, :width], features[:, width : 2 * width]
    squares[:] = np.sqrt(np.maximum(squares - means**2, 0))


@explained(message_of_signals)
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
            "Epochs of different sizes do not fit into one array: (channels, patches) are "
            f"{shapes}. Transform each montage and length separately."
        )
    return np.stack(joined)
