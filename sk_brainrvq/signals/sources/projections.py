"""Projections of a recording that have not been applied to its signals yet."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Float64 samples held at once besides the result.
_CHUNK_SAMPLES = 2**22


def projector_for(info: Any, names: Sequence[str]) -> tuple[NDArray, list[int]] | None:
    """Matrix that applies inactive projections, as ``apply_proj`` does.

    Parameters
    ----------
    info : mne.Info
    names : sequence of str
        Channels wanted.

    Returns
    -------
    matrix : ndarray, shape (n_names, n_sources)
    sources : list of int
        Channels of the recording to multiply it with, including those not in ``names``: an average
        reference made from more channels remains that of all.
    None
        Instead of both, if there is nothing to do for these channels.
    """
    if all(projection["active"] for projection in info["projs"]):
        return None
    import mne
    from mne.proj import make_projector

    with mne.use_log_level("error"):
        projector, _, _ = make_projector(info["projs"], info["ch_names"], info["bads"])
    rows = [info["ch_names"].index(name) for name in names]
    chosen = projector[rows]
    if np.array_equal(chosen, np.eye(len(projector))[rows]):
        return None
    sources = np.flatnonzero(chosen.any(axis=0))
    return chosen[:, sources], sources.tolist()


def signals_of_raw(raw: Any, names: Sequence[str]) -> NDArray:
    """Channels of a recording in volts, with projections applied; the recording is not changed.

    Parameters
    ----------
    raw : mne.io.Raw
    names : sequence of str

    Returns
    -------
    ndarray, shape (n_channels, n_times), float64
        A new array.
    """
    found = projector_for(raw.info, names)
    if found is None:
        return raw.get_data(picks=list(names), verbose="error")
    matrix, sources = found
    signals = np.empty((len(names), raw.n_times))
    for part in _chunks(raw.n_times, len(sources)):
        read = raw.get_data(sources, start=part.start, stop=part.stop, verbose="error")
        signals[:, part] = _product(matrix, read)
    return signals


def signals_of_epochs(epochs: Any, names: Sequence[str]) -> NDArray:
    """The same for ``mne.Epochs``, shape (n_epochs, n_channels, n_times)."""
    if projector_for(epochs.info, names) is None:
        return epochs.get_data(picks=list(names), verbose="error")
    return projected(epochs.get_data(verbose="error"), epochs.info, names)


def projected(signals: NDArray, info: Any, names: Sequence[str]) -> NDArray:
    """Select (..., n_names, n_times) from all channels of ``info``, (..., n_channels, n_times)."""
    found = projector_for(info, names)
    if found is None and list(names) == info["ch_names"]:
        return signals
    if found is None:
        return signals[..., [info["ch_names"].index(name) for name in names], :]
    matrix, sources = found
    return _product(matrix, signals[..., sources, :])


def _product(matrix: NDArray, signals: NDArray) -> NDArray:
    with np.errstate(invalid="ignore"):  # infinity in a bad stretch
        return matrix @ signals


def _chunks(n_times: int, n_channels: int) -> Iterator[slice]:
    step = max(1, _CHUNK_SAMPLES // n_channels)
    return (slice(start, min(start + step, n_times)) for start in range(0, n_times, step))
