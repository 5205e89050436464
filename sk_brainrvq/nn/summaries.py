"""What is known of signals without a trained network: their spectra and covariances."""

import torch
from torch import Tensor

from sk_brainrvq.nn.encoder import log_spectrum

# Of log_spectrum: the standard deviation, and 1 to 45 Hz, which most recordings keep.
_COLUMNS = [0, *range(2, 47)]
N_SPECTRUM = len(_COLUMNS)
# Added to the eigenvalues of a covariance: a share of their mean, and a hundredth of a microvolt.
RIDGE = 1e-3
SMALLEST_VARIANCE = 1e-8
# Hz, each without its end: delta, theta, alpha, beta, gamma.
COVARIANCE_BANDS = ((1, 4), (4, 8), (8, 13), (13, 30), (30, 45))
_SFREQ = 200


def spectra(x: Tensor) -> Tensor:
    """Log standard deviation and log amplitudes at 1 to 45 Hz.

    Parameters
    ----------
    x : Tensor, shape (..., 200)
        Patches in 100 microvolts at 200 Hz.

    Returns
    -------
    Tensor, shape (..., 46)
        Columns of :func:`~sk_brainrvq.nn.encoder.log_spectrum`.
    """
    return log_spectrum(x)[..., _COLUMNS]


def covariances(x: Tensor, weights: Tensor) -> Tensor:
    """Covariance of the signals at places, the mean over patches.

    Parameters
    ----------
    x : Tensor, shape (B, C, P, 200)
        Patches in 100 microvolts; each is centred.
    weights : Tensor, shape (C, n_places)
        How much each channel counts at each place.

    Returns
    -------
    Tensor, shape (B, n_places, n_places)
    """
    centred = x - x.mean(-1, keepdim=True)
    flat = torch.einsum("bcpt,cr->brpt", centred, weights.to(centred)).flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[-1]


def band_covariances(x: Tensor, weights: Tensor) -> Tensor:
    """Covariance of the signals at places within each band of frequencies.

    By Welch's method: the real parts of the cross-spectra of two-second pieces, which overlap by
    half and are tapered by Hann's window, summed over the frequencies of a band.

    Parameters
    ----------
    x : Tensor, shape (B, C, P, 200)
        Patches in 100 microvolts that follow each other; a lone one is a piece of one second.
    weights : Tensor, shape (C, n_places)
        How much each channel counts at each place.

    Returns
    -------
    Tensor, shape (B, 5, n_places, n_places)
        In the order of ``COVARIANCE_BANDS``. All bands to half the sampling rate would add up to
        the variance.

    Notes
    -----
    Source: Welch (1967), "The use of fast Fourier transform for the estimation of power spectra",
    IEEE Trans. Audio Electroacoust. 15(2).
    """
    signals = torch.einsum("bcpt,cr->brpt", x, weights.to(x)).flatten(2)
    length = 2 * _SFREQ if signals.shape[-1] >= 2 * _SFREQ else signals.shape[-1]
    pieces = signals.unfold(-1, length, _SFREQ)
    window = torch.hann_window(length, dtype=x.dtype, device=x.device)
    spectrum = torch.fft.rfft((pieces - pieces.mean(-1, keepdim=True)) * window)
    # Twice, for the negative frequencies; the window's mean square; samples, and their number.
    scale = (2 / (window.square().sum() * length)).sqrt()
    found = []
    for low, high in COVARIANCE_BANDS:
        chosen = scale * spectrum[..., low * length // _SFREQ : high * length // _SFREQ]
        flat = torch.view_as_real(chosen).flatten(2) / pieces.shape[2] ** 0.5
        found.append(flat @ flat.transpose(1, 2))
    return torch.stack(found, 1)


def log_covariances(matrices: Tensor, weights: Tensor | None = None) -> Tensor:
    """Upper triangles of the matrix logarithms of covariances.

    Off the diagonal times the square root of two, so that distances of rows are the log-Euclidean
    distances of matrices. The ridge keeps places with the same signal apart from zero.

    Parameters
    ----------
    matrices : Tensor, shape (B, n, n)
        In units of (100 microvolts)².
    weights : Tensor, shape (n, n_places), optional
        How much each signal counts at each place, where the logarithms are to be those at places
        and ``matrices`` are of fewer signals: the smaller the matrices, the faster.

    Returns
    -------
    Tensor, shape (B, n_places * (n_places + 1) / 2)
    """
    if weights is None:
        values, vectors = torch.linalg.eigh(matrices)
    else:
        # Of all directions in the space of places, signals reach those of an orthonormal basis.
        basis, mixed = (part.to(matrices) for part in torch.linalg.qr(weights.T.cpu()))
        values, vectors = torch.linalg.eigh(mixed @ matrices @ mixed.T)
        vectors = basis @ vectors
    n_places = vectors.shape[1]
    mean = values.sum(1, keepdim=True) / n_places
    ridge = RIDGE * mean.clamp(min=0) + SMALLEST_VARIANCE
    logs = (values.clamp(min=0) + ridge).log()
    if weights is not None:
        logs = logs - ridge.log()
    logarithms = (vectors * logs[:, None]) @ vectors.transpose(1, 2)
    if weights is not None:
        logarithms = logarithms + torch.diag_embed(ridge.log().expand(-1, n_places))
    rows, columns = torch.triu_indices(n_places, n_places).to(matrices.device)
    return logarithms[:, rows, columns] * torch.where(rows == columns, 1.0, 2**0.5)


def place_logarithms(x: Tensor, weights: Tensor, by_band: bool) -> Tensor:
    """Log-covariances of the signals at places, in each band of frequencies or in all together.

    Parameters
    ----------
    x : Tensor, shape (B, C, P, 200)
        Patches in 100 microvolts.
    weights : Tensor, shape (C, n_places)
        How much each channel counts at each place.
    by_band : bool
        :func:`band_covariances` in place of :func:`covariances`.

    Returns
    -------
    Tensor, shape (B, n_places * (n_places + 1) / 2), or five times as wide
    """
    summary = band_covariances if by_band else covariances
    # An exported network takes any number of channels, and both ways give the same.
    if not torch.compiler.is_compiling() and len(weights) < weights.shape[1]:
        matrices = summary(x, torch.eye(len(weights)))
        logarithms = log_covariances(matrices.flatten(0, -3), weights)
    else:
        logarithms = log_covariances(summary(x, weights).flatten(0, -3))
    return logarithms.reshape(x.shape[0], -1)
