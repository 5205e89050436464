"""Features of signals that need no trained network: spectra and covariances."""

import torch
from torch import Tensor

from sk_brainrvq.nn.encoder import log_spectrum

# Columns of log_spectrum: the standard deviation, and 1 to 45 Hz, which most recordings keep.
_COLUMNS = [0, *range(2, 47)]
N_SPECTRUM = len(_COLUMNS)
# Added to the eigenvalues of a covariance: a share of their mean, and (0.01 microvolts)².
RIDGE = 1e-3
SMALLEST_VARIANCE = 1e-8
# Hz, excluding the upper edge: delta, theta, alpha, beta, gamma.
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
    """Covariance of the signals at places, averaged over patches.

    Parameters
    ----------
    x : Tensor, shape (B, C, P, 200)
        Patches in 100 microvolts; each is centred.
    weights : Tensor, shape (C, n_places)
        Weight of each channel at each place.

    Returns
    -------
    Tensor, shape (B, n_places, n_places)
    """
    centred = x - x.mean(-1, keepdim=True)
    flat = torch.einsum("bcpt,cr->brpt", centred, weights.to(centred)).flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[-1]


def band_covariances(x: Tensor, weights: Tensor) -> Tensor:
    """Covariance of the signals at places within each frequency band.

    Welch's method: the real parts of the cross-spectra of two-second segments, which overlap by
    half and are tapered with a Hann window, are summed over the frequencies of a band.

    Parameters
    ----------
    x : Tensor, shape (B, C, P, 200)
        Consecutive patches in 100 microvolts; a single one is a segment of one second.
    weights : Tensor, shape (C, n_places)
        Weight of each channel at each place.

    Returns
    -------
    Tensor, shape (B, 5, n_places, n_places)
        In the order of ``COVARIANCE_BANDS``. If bands covered all frequencies up to half the
        sampling rate, they would add up to the variance.

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
    # Double for negative frequencies; divide by the energy of the window and by the length.
    scale = (2 / (window.square().sum() * length)).sqrt()
    found = []
    for low, high in COVARIANCE_BANDS:
        chosen = scale * spectrum[..., low * length // _SFREQ : high * length // _SFREQ]
        flat = torch.view_as_real(chosen).flatten(2) / pieces.shape[2] ** 0.5
        found.append(flat @ flat.transpose(1, 2))
    return torch.stack(found, 1)


def log_covariances(matrices: Tensor, weights: Tensor | None = None) -> Tensor:
    """Upper triangles of the matrix logarithms of covariances.

    Elements off the diagonal are multiplied by the square root of two, so that distances between
    rows are the log-Euclidean distances between matrices. A ridge keeps eigenvalues above zero if
    places have the same signal.

    Parameters
    ----------
    matrices : Tensor, shape (B, n, n)
        In units of (100 microvolts)².
    weights : Tensor, shape (n, n_places), optional
        Weight of each signal at each place. Pass it to get logarithms at places from ``matrices``
        of fewer signals: the smaller the matrices, the faster.

    Returns
    -------
    Tensor, shape (B, n_places * (n_places + 1) / 2)
    """
    if weights is None:
        values, vectors = torch.linalg.eigh(matrices)
    else:
        # Signals span only a subspace of the space of places: work in its orthonormal basis.
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
    """Log-covariances of the signals at places, per frequency band or over all frequencies.

    Parameters
    ----------
    x : Tensor, shape (B, C, P, 200)
        Patches in 100 microvolts.
    weights : Tensor, shape (C, n_places)
        Weight of each channel at each place.
    by_band : bool
        Use :func:`band_covariances` instead of :func:`covariances`.

    Returns
    -------
    Tensor, shape (B, n_places * (n_places + 1) / 2), or five times as wide
    """
    summary = band_covariances if by_band else covariances
    # Both ways give the same; an exported network must take any number of channels.
    if not torch.compiler.is_compiling() and len(weights) < weights.shape[1]:
        matrices = summary(x, torch.eye(len(weights)))
        logarithms = log_covariances(matrices.flatten(0, -3), weights)
    else:
        logarithms = log_covariances(summary(x, weights).flatten(0, -3))
    return logarithms.reshape(x.shape[0], -1)
