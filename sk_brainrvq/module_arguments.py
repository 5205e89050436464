"""Arguments of BrainRVQModule: checked, and turned into what its network needs."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.nn.classifier import HEADS
from sk_brainrvq.signals.electrodes.names import refuse_one_string
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ, resample
from sk_brainrvq.signals.preparation import PATCH_SAMPLES, n_patches_of, to_patches
from sk_brainrvq.signals.sources.arrays import check_sfreq
from sk_brainrvq.user_warnings import warn
from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.architecture import ENCODER, Architecture, checked_architecture

_MOST_PATCHES = 30


def described_network(
    weights: Weights | None, architecture: str | Architecture | Mapping[str, Any] | None
) -> dict[str, Any]:
    """Arguments of the encoder, and what is known of its training."""
    if isinstance(architecture, Mapping):
        if weights is not None:
            raise ValueError("Both weights and a mapping as architecture were given; expected one.")
        return dict(architecture)
    sizes = checked_architecture(architecture)
    if weights is None:
        return {"encoder": sizes.encoder(), "trained_rows": None, "official": False}
    sizes.check_fits(weights.encoder_config, weights, ENCODER)
    rows = weights.info.get("trained_rows")
    return {
        "encoder": dict(weights.encoder_config),
        "trained_rows": None if rows is None else [int(row) for row in rows],
        "official": bool(weights.info.get("official", False)),
    }


def check_head(head: str) -> None:
    """Raise ValueError for a head that is unknown or cannot be trained here."""
    if head not in HEADS:
        raise ValueError(f"head={head!r} was given; expected one of {HEADS}.")
    if head == "embedding":
        raise ValueError(
            "head='embedding' was given; its training starts from a regression that "
            "BrainRVQClassifier and BrainRVQRegressor fit. Use them, or head='mean'."
        )


def checked_rate(sfreq: float | None) -> float:
    """The rate in Hz; 200, with a warning, where there is none."""
    if sfreq is None:
        warn(
            "No sampling rate was given: signals are taken as 200 Hz. Pass sfreq=... "
            "(module__sfreq=... to braindecode's EEGClassifier)."
        )
        return TARGET_SFREQ
    return check_sfreq(sfreq)


def checked_length(n_times: int | None, seconds: float | None, rate: float) -> int:
    """Samples of a window, given as such or in seconds."""
    if n_times is None:
        if seconds is None:
            raise InvalidEEGError("n_times was not given: the number of samples of a window.")
        n_times = round(seconds * rate)
    if not 0 < n_times <= _MOST_PATCHES * rate:
        raise InvalidEEGError(
            f"n_times={n_times} at {rate:g} Hz was given; expected windows of at most "
            f"{_MOST_PATCHES} s. Cut longer ones."
        )
    return int(n_times)


def checked_n_channels(names: Sequence[str] | None, n_chans: int | None) -> int:
    """Number of channels, by their names or as given."""
    if names is None and n_chans is None:
        raise InvalidEEGError("Neither chs_info, ch_names nor n_chans was given; expected one.")
    if names is not None and n_chans is not None and len(names) != n_chans:
        raise InvalidEEGError(f"{len(names)} channel names were given, but n_chans={n_chans}.")
    return cast(int, n_chans if names is None else len(names))


def names_and_places(
    chs_info: Sequence[Mapping[str, Any]] | None, ch_names: Sequence[str] | None
) -> tuple[list[str] | None, dict[str, NDArray] | None]:
    """Names, and positions in metres of the channels that have any."""
    refuse_one_string(ch_names)
    if ch_names is not None or chs_info is None:
        return None if ch_names is None else list(ch_names), None
    places = {str(ch["ch_name"]): np.asarray(ch.get("loc", ()), float)[:3] for ch in chs_info}
    known = {
        name: place
        for name, place in places.items()
        if len(place) == 3 and np.isfinite(place).all() and place.any()
    }
    return [str(ch["ch_name"]) for ch in chs_info], known or None


def patching_matrix(n_times: int, rate: float) -> Tensor | None:
    """Matrix that resamples and pads windows to whole seconds, or None where neither is needed.

    Both are linear, so what they do to unit pulses says what they do to any signal.
    """
    if rate == TARGET_SFREQ and n_times % PATCH_SAMPLES == 0:
        return None
    resampled = resample(np.eye(n_times), rate)
    n_patches = n_patches_of(resampled.shape[-1])
    padded = to_patches(resampled[:, None]).reshape(n_times, n_patches * PATCH_SAMPLES)
    return torch.from_numpy(padded.astype(np.float32))
