"""Spectra and covariances of a signal at places of the scalp, whatever its channels are."""

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
