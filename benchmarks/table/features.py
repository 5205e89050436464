"""Features that learn from no labels, computed once for all folds and kept on disk."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.files import write_whole
from table.system import estimator_params
from table.tasks import SFREQ, Task

BANDS = {
    7: ((1, 4), (4, 8), (8, 10), (10, 13), (13, 20), (20, 30), (30, 45)),
    5: ((1, 4), (4, 8), (8, 13), (13, 30), (30, 45)),
}


def log_band_power(X: NDArray, n_bands: int) -> NDArray:
    """Log power in 7 or 5 bands of each channel.

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_channels, n_times)
        At 200 Hz.
    n_bands : {5, 7}

    Returns
    -------
    ndarray, shape (n_windows, n_bands * n_channels)
        By Welch's method with windows of 2 s, or of the whole length if that is shorter.
    """
    frequencies, power = welch(X, fs=SFREQ, nperseg=min(400, X.shape[-1]))
    bands = [
        power[..., (frequencies >= low) & (frequencies < high)].mean(-1)
        for low, high in BANDS[n_bands]
    ]
    return np.log(np.concatenate(bands, axis=1) + 1e-12)


def covariances(X: NDArray) -> NDArray:
    """Shrunk covariance (OAS) of each window, (n_windows, n_channels, n_channels)."""
    from pyriemann.estimation import Covariances

    return Covariances("oas").fit_transform(X.astype(float))


def embed(task: Task, **params: Any) -> NDArray:
    """Frozen features of a :class:`~sk_brainrvq.BrainRVQEmbedder`, one row per window."""
    embedder = BrainRVQEmbedder(sfreq=SFREQ, ch_names=task.ch_names, **estimator_params(params))
    features = embedder.fit_transform(task.X)
    return features.reshape(len(features), -1)


def compute(
    name: str,
    task: Task,
    embedder: Mapping[str, Any],
    architecture: str,
    filters: Mapping[str, Any],
) -> NDArray:
    """Features by name.

    Parameters
    ----------
    name : str
        "bands7", "bands5", "covariances", "summaries" (what the default embedding holds beside
        tokens: spectra by region and log-covariance), "log-covariance", "embedding", or
        "random-" and a seed.
    task : Task
    embedder : mapping
        Parameters of the pretrained embedder.
    architecture : str
        Of the random encoder.
    filters : mapping
        Of the random encoder, and of what the embedding holds beside tokens.

    Returns
    -------
    ndarray, shape (n_windows, ...)
    """
    if name.startswith("bands"):
        return log_band_power(task.X, int(name.removeprefix("bands")))
    if name == "covariances":
        return covariances(task.X)
    if name in ("summaries", "log-covariance"):
        spectrum = "region" if name == "summaries" else None
        return embed(task, weights=None, tokens=False, spectrum=spectrum, **filters)
    if name == "embedding":
        return embed(task, **embedder)
    seed = int(name.removeprefix("random-"))
    plain = {key: value for key, value in embedder.items() if key != "weights"} | filters
    return embed(task, **plain, weights=None, architecture=architecture, random_state=seed)


def cached(path: Path, make: Any) -> NDArray:
    """The array in a file; made and written if it is not there yet."""
    if path.exists():
        return np.load(path)
    array = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.save(buffer, array)
    write_whole(path, buffer.getvalue())
    return array


def task_digest(task: Task) -> str:
    """Of all that a result on the task depends on."""
    digest = hashlib.sha256(
        repr((task.dataset, task.X.shape, task.ch_names, task.classes, task.kind)).encode()
    )
    for array in (task.X, task.y, task.subjects):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]
