"""Simple codes of one-second patches: residual k-means, and components with scalar codes."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans, MiniBatchKMeans
from torch import Tensor

from rates.measures import perplexity
from sk_brainrvq.nn.latents import SpatialFilter

_N_FILTERED = 64  # components that pass the spatial filter, as many as the network's latent has


def residual_kmeans(
    known: NDArray, unseen: NDArray, n_codes: int, n_levels: int, seed: int
) -> tuple[list[NDArray], list[float]]:
    """Reconstruct unseen patches by level; return the perplexity of each level, too.

    Parameters
    ----------
    known : ndarray, shape (n_known, n_features)
        Patches to fit on.
    unseen : ndarray, shape (n_unseen, n_features)
    n_codes, n_levels : int
    seed : int

    Returns
    -------
    reconstructions : list of ndarray, shape (n_unseen, n_features)
    perplexities : list of float
    """
    left, left_unseen = known.astype(np.float32), unseen.astype(np.float32)
    reconstructions, perplexities = [], []
    for level in range(n_levels):
        kmeans = MiniBatchKMeans(n_codes, batch_size=4096, n_init=3, random_state=seed + level)
        left = left - kmeans.fit(left).cluster_centers_[kmeans.predict(left)]
        codes = kmeans.predict(left_unseen)
        left_unseen = left_unseen - kmeans.cluster_centers_[codes]
        reconstructions.append(unseen - left_unseen)
        perplexities.append(perplexity(codes, n_codes))
    return reconstructions, perplexities


def filtered_kmeans(
    known: NDArray,
    unseen: NDArray,
    settings: tuple[int, int, int],
    electrodes: tuple[Tensor, Tensor],
) -> list[NDArray]:
    """Residual k-means whose decoder filters all channels together, as the tokenizer's does.

    Parameters
    ----------
    known : ndarray, shape (n_epochs, n_channels, n_patches, n_features)
        Patches to fit on.
    unseen : ndarray, same shape but for the number of epochs
    settings : tuple of int
        Number of codes, number of levels, seed.
    electrodes : tuple of Tensor
        Rows of the electrodes of both.

    Returns
    -------
    list of ndarray, shape of ``unseen``
        Reconstructions by level.
    """
    flat_known, width = known.reshape(-1, known.shape[-1]), unseen.shape[-1]
    mean = flat_known.mean(0)
    directions = np.linalg.eigh(np.cov(flat_known.T))[1][:, ::-1][:, :_N_FILTERED]
    both = np.concatenate([flat_known, unseen.reshape(-1, width)])
    decoded, _ = residual_kmeans(flat_known, both, *settings)
    components = [
        torch.from_numpy(((part - mean) @ directions).astype(np.float32))
        for part in (flat_known, *decoded)
    ]
    truth = [
        (part, electrodes[0]) for part in components[0].reshape(*known.shape[:-1], -1).split(64)
    ]
    reconstructions = []
    for signal, coded in zip(decoded, components[1:], strict=True):
        spatial = SpatialFilter(coded.shape[-1], 1)
        coded_known = coded[: len(flat_known)].reshape(*known.shape[:-1], -1).split(64)
        spatial.start([coded_known], truth)
        vectors = coded[len(flat_known) :].reshape(*unseen.shape[:-1], -1)
        with torch.no_grad():
            change = (spatial(vectors, electrodes[1], torch.tensor([1])) - vectors).numpy()
        reconstructions.append(
            signal[len(flat_known) :].reshape(unseen.shape) + change @ directions.T
        )
    return reconstructions


def scalar_components(known: NDArray, unseen: NDArray, n_bits: int, seed: int) -> NDArray:
    """Principal components with scalar codes, whole bits allocated greedily.

    Parameters
    ----------
    known, unseen : ndarray, shape (n_patches, n_features)
    n_bits : int
        Bits per patch.
    seed : int

    Returns
    -------
    ndarray, shape (n_unseen, n_features)
    """
    mean = known.mean(0)
    variances, directions = np.linalg.eigh(np.cov(known.T))
    left = variances[::-1].copy()
    bits = np.zeros(len(left), int)
    for _ in range(n_bits):  # each bit goes to the component with the largest error
        largest = int(left.argmax())
        bits[largest] += 1
        left[largest] /= 4
    directions = directions[:, ::-1]
    scores, scores_unseen = (known - mean) @ directions, (unseen - mean) @ directions
    coded = np.zeros_like(scores_unseen)
    draw = np.random.default_rng(seed).permutation(len(scores))[:10_000]
    for component in np.flatnonzero(bits):
        lloyd = KMeans(2 ** bits[component], n_init=1, random_state=seed)
        lloyd.fit(scores[draw, component, None])
        centres = np.sort(lloyd.cluster_centers_[:, 0])
        chosen = np.searchsorted((centres[1:] + centres[:-1]) / 2, scores_unseen[:, component])
        coded[:, component] = centres[chosen]
    return coded @ directions.T + mean


def gaussian_bound(variances: NDArray, n_bits: float) -> float:
    """Largest explained variance of any code for a Gaussian: reverse water-filling.

    Parameters
    ----------
    variances : ndarray
        Eigenvalues of the covariance.
    n_bits : float
        Bits per vector.

    Returns
    -------
    float
    """
    variances = np.clip(variances, 1e-12, None)
    low, high = math.log(1e-12), math.log(variances.max())
    for _ in range(100):
        level = (low + high) / 2
        spent = np.clip(np.log2(variances) - level / math.log(2), 0, None).sum() / 2
        low, high = (level, high) if spent > n_bits else (low, level)
    return float(1 - np.minimum(variances, math.exp(level)).sum() / variances.sum())


def bounds(patches: NDArray, n_bits: float) -> tuple[float, float]:
    """Gaussian bounds for one channel on its own, and for all channels together (separable).

    Parameters
    ----------
    patches : ndarray, shape (n_epochs, n_channels, n_patches, 200)
        Standardised waveforms.
    n_bits : float
        Bits per patch.

    Returns
    -------
    tuple of float
    """
    n_channels = patches.shape[1]
    time = np.linalg.eigvalsh(np.cov(patches.reshape(-1, patches.shape[-1]).T, bias=True))
    channels = patches.swapaxes(0, 1).reshape(n_channels, -1)
    space = np.linalg.eigvalsh(channels @ channels.T / channels.shape[1])
    together = np.outer(space, time).ravel() / time.sum()
    return gaussian_bound(time, n_bits), gaussian_bound(together, n_bits * n_channels)
