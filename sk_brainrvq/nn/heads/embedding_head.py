"""Summaries at places of the scalp, and the head that sees all features of the embedder."""

import math

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.encoder import N_ELECTRODE_ROWS
from sk_brainrvq.nn.summaries import COVARIANCE_BANDS, N_SPECTRUM, place_logarithms, spectra

N_REGIONS, N_POSITIONS = 11, 19


class PlacedSummaries(nn.Module):
    """Spectra by region and log-covariances of 19 positions.

    Parameters
    ----------
    bands : bool
        Use one covariance for each of five frequency bands, as ``BrainRVQEmbedder`` does by
        default, instead of one over all frequencies.

    Attributes
    ----------
    log_regions, log_positions : Tensor, shapes (129, 11) and (129, 19)
        Logarithms of the weight of each electrode row at each place. Zero until they are set,
        which gives every channel the same weight everywhere.
    n_of_spectra, n_of_covariances : int
        Number of values of each kind.
    """

    log_regions: Tensor
    log_positions: Tensor

    def __init__(self, bands: bool):
        super().__init__()
        self.bands = bands
        n_matrices = len(COVARIANCE_BANDS) if bands else 1
        self.n_of_spectra = N_REGIONS * N_SPECTRUM
        self.n_of_covariances = n_matrices * N_POSITIONS * (N_POSITIONS + 1) // 2
        self.register_buffer("log_regions", torch.zeros(N_ELECTRODE_ROWS, N_REGIONS))
        self.register_buffer("log_positions", torch.zeros(N_ELECTRODE_ROWS, N_POSITIONS))

    def spectra_of_regions(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Spectra of patches by region, (B, 506), float32; arguments of :meth:`summaries`."""
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            precision = _precision(x)
            regions = channel_weights(self.log_regions.to(precision), electrodes)
            means = spectra(x).to(precision).mean(2)
            return torch.einsum("bcn,cr->brn", means, regions).flatten(1).float()

    def log_covariances(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Log-covariances of patches, (B, 950) or (B, 190), float32."""
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            precision = _precision(x)
            positions = channel_weights(self.log_positions.to(precision), electrodes)
            return place_logarithms(x.to(precision), positions, self.bands).float()


class EmbeddingHead(PlacedSummaries):
    """Linear map of the standardised mean token, spectra by region and log-covariances.

    Parameters
    ----------
    embed_dim, n_outputs : int
    bands : bool, default=False
        Use one covariance for each of five frequency bands, as ``BrainRVQEmbedder`` does by
        default, instead of one over all frequencies.
    aligned : bool, default=False
        Use spectra twice, as ``BrainRVQEmbedder(center_by="subject")`` does: of the whitened
        signals that the encoder reads, and of the original ones. Computed from ``x`` both are
        the same; the shift added to the features turns the second, and the covariances, into
        centred ones of the original signals.

    Attributes
    ----------
    log_regions, log_positions : Tensor
        As of :class:`PlacedSummaries`.
    centre, scale : Tensor, shape (n_features,)
        Centre and scale of the features over training data.
    linear : nn.Linear
        Map of the standardised features divided by the square root of their number, so that a
        step of the optimizer moves outputs as far as with a few features.

    Notes
    -----
    The head starts from the solution of a linear regression on frozen features and is then
    trained with the encoder: linear probing, then fine-tuning (Kumar et al. 2022, "Fine-tuning
    can distort pretrained features and underperform out-of-distribution", ICLR). Spectra and
    covariances are functions of the signal; gradients reach the encoder only through the tokens.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, embed_dim: int, n_outputs: int, bands: bool = False, aligned: bool = False):
        super().__init__(bands)
        self.aligned = aligned
        self.n_spectra = self.n_of_spectra * (2 if aligned else 1)
        self.n_features = embed_dim + self.n_spectra + self.n_of_covariances
        self.register_buffer("centre", torch.zeros(self.n_features))
        self.register_buffer("scale", torch.ones(self.n_features))
        self.linear = nn.Linear(self.n_features, n_outputs)
        nn.init.trunc_normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def summaries(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Spectra by region and log-covariances of patches, without gradients.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)
        electrodes : Tensor, shape (C,) int64 or (C, 129) float

        Returns
        -------
        Tensor, shape (B, 1456) with bands, (B, 696) without, 506 more if aligned, float32
        """
        of_regions = [self.spectra_of_regions(x, electrodes)] * (2 if self.aligned else 1)
        return torch.cat([*of_regions, self.log_covariances(x, electrodes)], 1)

    def standardised(self, features: Tensor) -> Tensor:
        """Standardise features (B, n_features) for the linear map."""
        return (features - self.centre) / (self.scale * math.sqrt(self.n_features))

    def forward(self, features: Tensor) -> Tensor:
        """Outputs (B, n_outputs) of features (B, n_features)."""
        return self.linear(self.standardised(features))


def _precision(x: Tensor) -> torch.dtype:
    """Double precision, except on MPS, which lacks it.

    Logarithms of small eigenvalues would magnify rounding errors, which depend on how many epochs
    a batch holds.
    """
    return torch.float32 if x.device.type == "mps" else torch.float64


def channel_weights(log_interest: Tensor, electrodes: Tensor) -> Tensor:
    """Weight of each channel at each place.

    Parameters
    ----------
    log_interest : Tensor, shape (129, n_places)
    electrodes : Tensor, shape (C,) int64 or (C, 129) float

    Returns
    -------
    Tensor, shape (C, n_places)
        Columns sum to 1.
    """
    if electrodes.ndim == 1:
        return log_interest[electrodes].softmax(0)
    # In logarithms nothing underflows when all electrodes are far away.
    mixed = electrodes.to(log_interest.dtype).log()[..., None] + log_interest
    return mixed.logsumexp(1).softmax(0)
