"""Features that do not learn from labels, computed once for all folds and kept on disk."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

from sk_brainrvq import BrainRVQEmbedder, SubjectCentering
from sk_brainrvq.files import write_whole
from table.system import estimator_params
from table.tasks import SFREQ, Task

BANDS = {
    7: ((1, 4), (4, 8), (8, 10), (10, 13), (13, 20), (20, 30), (30, 45)),
    5: ((1, 4), (4, 8), (8, 13), (13, 30), (30, 45)),
}
# Stimuli of the SSVEP dataset in Hz.
STIMULI = (13, 17, 21)
# Suffix of features from which each person's own centre is removed.
CENTRED = "@person"
# Suffix of features of signals whitened by the covariance of the person's windows.
WHITENED = "-whitened"
# Labels of rows, by name.
FROZEN_RIVALS = {"frozen-reve": "REVE", "frozen-labram": "LaBraM", "frozen-cbramod": "CBraMod"}
# REVE and LaBraM were pretrained on 92 and 16 datasets, whose lists were not at hand; CBraMod only
# on the Temple University Hospital EEG Corpus (arXiv 2412.07236), which has none of our people.
MAY_HAVE_SEEN = ("frozen-reve", "frozen-labram")


def log_band_power(X: NDArray, n_bands: int) -> NDArray:
    """Log power of each channel in 7 or 5 bands.

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_channels, n_times)
        At 200 Hz.
    n_bands : {5, 7}

    Returns
    -------
    ndarray, shape (n_windows, n_bands * n_channels)
        From Welch's method with segments of 2 s, or of the whole length if that is shorter.
    """
    frequencies, power = welch(X, fs=SFREQ, nperseg=min(400, X.shape[-1]))
    bands = [
        power[..., (frequencies >= low) & (frequencies < high)].mean(-1)
        for low, high in BANDS[n_bands]
    ]
    return np.log(np.concatenate(bands, axis=1) + 1e-12)


def whitened(X: NDArray, subjects: NDArray) -> NDArray:
    """Multiply each person's signals by the inverse root of the mean covariance of their windows.

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_channels, n_times)
    subjects : ndarray, shape (n_windows,)

    Returns
    -------
    ndarray, shape (n_windows, n_channels, n_times)
        Whitened signals. A thousandth of the mean power is added to the covariance's diagonal.
    """
    result = np.empty(X.shape)
    for person in np.unique(subjects):
        own = X[subjects == person] - X[subjects == person].mean(-1, keepdims=True)
        covariance = np.einsum("nct,ndt->cd", own, own, optimize=True) / own[:, 0].size
        ridge = 1e-3 * np.trace(covariance) / len(covariance)
        values, vectors = np.linalg.eigh(covariance + ridge * np.eye(len(covariance)))
        result[subjects == person] = (vectors / np.sqrt(values)) @ vectors.T @ own
    return result


def log_bins(X: NDArray) -> NDArray:
    """Log power in bins of 1 Hz from 1 to 45 Hz, (n_windows, 44 * n_channels)."""
    frequencies, power = welch(X, fs=SFREQ, nperseg=min(400, X.shape[-1]))
    bins = [
        power[..., (frequencies >= low) & (frequencies < low + 1)].mean(-1) for low in range(1, 45)
    ]
    return np.log(np.concatenate(bins, axis=1) + 1e-12)


def stimulus_power(X: NDArray) -> NDArray:
    """Log ratio of power at each stimulus and second harmonic to that 1 to 2 Hz beside it.

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_channels, n_times)
        At 200 Hz.

    Returns
    -------
    ndarray, shape (n_windows, 6 * n_channels)
        One stimulus after the other.
    """
    times = np.arange(X.shape[-1]) / SFREQ
    taper = np.hanning(X.shape[-1])

    def power(frequency: float) -> NDArray:
        return np.abs((X * taper) @ np.exp(-2j * np.pi * frequency * times)) ** 2 + 1e-12

    found = []
    for stimulus in STIMULI:
        for frequency in (stimulus, 2 * stimulus):
            beside = np.mean([power(frequency + d) for d in (-2, -1.5, -1, 1, 1.5, 2)], axis=0)
            found.append(np.log(power(frequency) / beside))
    return np.concatenate(found, axis=1)


def stimulus_response(X: NDArray) -> NDArray:
    """:func:`stimulus_power`, averaged over channels and harmonics: (n_windows, 3)."""
    n_windows, n_channels, _ = X.shape
    return stimulus_power(X).reshape(n_windows, len(STIMULI), 2 * n_channels).mean(-1)


def canonical_correlations(X: NDArray) -> NDArray:
    """Largest canonical correlation with sines of each stimulus and two harmonics (Lin, 2006).

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_channels, n_times)
        At 200 Hz.

    Returns
    -------
    ndarray, shape (n_windows, 3)
    """
    times = np.arange(X.shape[-1]) / SFREQ
    bases = []
    for stimulus in STIMULI:
        waves = [f(2 * np.pi * h * stimulus * times) for h in (1, 2) for f in (np.sin, np.cos)]
        bases.append(np.linalg.qr(np.stack(waves, 1) - np.mean(waves, 1))[0])
    # Correlations are the singular values of the product of orthonormal bases.
    own = [np.linalg.qr((x - x.mean(1, keepdims=True)).T)[0] for x in X.astype(float)]
    return np.array([[np.linalg.svd(q.T @ b, compute_uv=False).max() for b in bases] for q in own])


def frozen_rival(name: str, task: Task, folder: Path | None) -> NDArray:
    """Features of EEGMAT's windows that others computed with a published model.

    Raises
    ------
    ValueError
        Without a folder, or if its windows are not those of the task.
    """
    file = f"{name.removeprefix('frozen-')}.npz"
    if folder is None or not (folder / file).is_file():
        raise ValueError(f"{name} needs --frozen-rivals, a folder that holds {file}.")
    with np.load(folder / file) as arrays:
        kept = np.isin(arrays["subject"], task.subjects)
        features, subjects, labels = (arrays[key][kept] for key in ("features", "subject", "label"))
    if not (np.array_equal(subjects, task.subjects) and np.array_equal(labels, task.y)):
        raise ValueError(f"The windows of {file} are not those of this task in the same order.")
    return np.asarray(features, np.float64)


def covariances(X: NDArray) -> NDArray:
    """Shrunk covariance (OAS) of each window, (n_windows, n_channels, n_channels)."""
    from pyriemann.estimation import Covariances

    return Covariances("oas").fit_transform(X.astype(float))


def embed(task: Task, **params: Any) -> NDArray:
    """Frozen features of a :class:`~sk_brainrvq.BrainRVQEmbedder`, one row per window."""
    # Published figures use one covariance over all frequencies, so their rows must not change.
    params = {"covariance": True, **params}
    embedder = BrainRVQEmbedder(sfreq=SFREQ, ch_names=task.ch_names, **estimator_params(params))
    subjects = task.subjects if params.get("center_by") else None
    features = embedder.fit_transform(task.X, subjects=subjects)
    return features.reshape(len(features), -1)


_WITHOUT_EMBEDDER = {
    "bins": log_bins,
    "stimulus-power": stimulus_power,
    "stimulus-response": stimulus_response,
    "cca": canonical_correlations,
    "covariances": covariances,
}


def compute(
    name: str,
    task: Task,
    embedder: Mapping[str, Any],
    architecture: str,
    filters: Mapping[str, Any],
    frozen_rivals: Path | None = None,
) -> NDArray:
    """Compute features by name.

    Parameters
    ----------
    name : str
        "bands7", "bands5" (and "bands7-whitened"), "bins", "covariances", "log-covariance",
        "onset" (the second at which a window begins, without EEG), "signals" (standardised), those
        of stimuli, a frozen rival, or one of the embedder: "default", "no-network" (the same
        without tokens), "random-default-" and a seed; "tokens", "random-tokens-" and a seed, by
        region "tokens-region", "random-tokens-region-" and a seed; "class-token",
        "random-class-token-" and a seed; and with one covariance over all frequencies "embedding",
        "summaries" (the same without tokens), "random-" and a seed.
        The suffix "@person" removes each person's own centre.
    task : Task
    embedder : mapping
        Parameters of the pretrained embedder.
    architecture : str
        Architecture of the random encoder.
    filters : mapping
        Filters of the random encoder, and of the parts of the embedding beside tokens.
    frozen_rivals : Path, optional
        Folder of the frozen rivals' features.

    Returns
    -------
    ndarray, shape (n_windows, ...)
    """
    name, centred = name.removesuffix(CENTRED), name.endswith(CENTRED)
    plain = {key: v for key, v in embedder.items() if key != "weights"}
    params = _of_embedder(name, embedder, {"architecture": architecture, **plain}, filters)
    if params is not None:
        return embed(task, **params, **({"center_by": "subject"} if centred else {}))
    features = _of_windows(name, task, frozen_rivals)
    if not centred:
        return features
    centering = SubjectCentering().fit(features, subjects=task.subjects)
    return centering.transform(features, subjects=task.subjects)


def _of_embedder(
    name: str, embedder: Mapping[str, Any], plain: Mapping[str, Any], filters: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Parameters of the embedder for some features; None for features of other kinds."""
    beside = {"spectrum": None, "covariance": False}
    without = {"weights": None, "tokens": False, **filters}
    known: dict[str, dict[str, Any]] = {
        "default": {**embedder, "covariance": "bands"},
        "no-network": {**without, "covariance": "bands"},
        "embedding": {**embedder},
        "tokens": {**embedder, **beside},
        "tokens-region": {**embedder, **beside, "pooling": "region"},
        "class-token": {**embedder, **beside, "pooling": "cls"},
        "summaries": {**without, "spectrum": "region"},
        "log-covariance": {**without, "spectrum": None},
    }
    if not name.startswith("random"):
        return known.get(name)
    kind, _, seed = name.rpartition("-")
    own = {
        "random": {},
        "random-tokens": beside,
        "random-tokens-region": {**beside, "pooling": "region"},
        "random-class-token": {**beside, "pooling": "cls"},
        "random-default": {"covariance": "bands"},
    }[kind]
    return {**plain, **filters, **own, "weights": None, "random_state": int(seed)}


def _of_windows(name: str, task: Task, frozen_rivals: Path | None) -> NDArray:
    """Compute features that need no embedder."""
    if name.endswith(WHITENED):
        white = replace(task, X=whitened(task.X, task.subjects))
        return _of_windows(name.removesuffix(WHITENED), white, frozen_rivals)
    if name.startswith("bands"):
        return log_band_power(task.X, int(name.removeprefix("bands")))
    if name in _WITHOUT_EMBEDDER:
        return _WITHOUT_EMBEDDER[name](task.X)
    if name == "signals":
        # Kernels with fixed weights need each window and channel on the same scale.
        centred = task.X - task.X.mean(-1, keepdims=True)
        return np.asarray(centred / (centred.std(-1, keepdims=True) + 1e-6), np.float32)
    if name in FROZEN_RIVALS:
        return frozen_rival(name, task, frozen_rivals)
    if task.onsets is None:
        raise ValueError(f"{task.dataset} does not state when its windows begin.")
    return np.stack([task.onsets, task.onsets**2], axis=1)


def cached(path: Path, make: Any) -> NDArray:
    """Read an array from a file; compute and write it if the file is missing."""
    if path.exists():
        return np.load(path)
    array = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.save(buffer, array)
    write_whole(path, buffer.getvalue())
    return array


def task_digest(task: Task) -> str:
    """Digest of all data that a result on the task depends on."""
    digest = hashlib.sha256(
        repr((task.dataset, task.X.shape, task.ch_names, task.classes, task.kind)).encode()
    )
    for array in (task.X, task.y, task.subjects):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]
