"""MNE objects as blocks of epochs."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.filters.filtering import FilterSettings, filter_continuous
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ, resample_spans
from sk_brainrvq.signals.sources.annotations import is_bad_sample, unbroken_spans, usable_windows
from sk_brainrvq.signals.sources.channels import band_of, eeg_channels, positions_of
from sk_brainrvq.signals.sources.projections import signals_of_epochs, signals_of_raw
from sk_brainrvq.signals.units import UNITS
from sk_brainrvq.signals.windows import window_grid, windows_at


def is_mne_epochs(X: Any) -> bool:
    """Whether X is an ``mne.Epochs`` (of any kind), without importing MNE."""
    mne = sys.modules.get("mne")
    return mne is not None and isinstance(X, mne.BaseEpochs)


def is_mne_raw(X: Any) -> bool:
    """Whether X is an ``mne.io.Raw`` (of any kind), without importing MNE."""
    mne = sys.modules.get("mne")
    return mne is not None and isinstance(X, mne.io.BaseRaw)


def is_list_of_epochs(X: Any) -> bool:
    """Whether X is a list of Epochs, as scikit-learn's indexing makes of Epochs."""
    return isinstance(X, (list, tuple)) and len(X) > 0 and all(is_mne_epochs(x) for x in X)


def blocks_from_epochs(X: Any) -> list[EpochBlock]:
    """Blocks of ``mne.Epochs`` or of a list of them.

    Parameters
    ----------
    X : mne.Epochs or list of mne.Epochs

    Returns
    -------
    list of EpochBlock
        Epochs of the same channels at the same places, rate, length and filters share a block.
    """
    items = [X] if is_mne_epochs(X) else list(X)
    gathered: dict[tuple, list[tuple[int, NDArray]]] = {}
    places: dict[tuple, dict[str, NDArray] | None] = {}
    start = 0
    for number, epochs in enumerate(items):
        try:
            names = eeg_channels(epochs)
        except InvalidEEGError as error:
            if epochs is X:
                raise
            raise InvalidEEGError(f"Item {number} of the list: {error}") from error
        data = signals_of_epochs(epochs, names)
        info, positions = epochs.info, positions_of(epochs.info, names)
        # Names may be a cap's own numbers, whose places differ from person to person.
        where = tuple((name, place.tobytes()) for name, place in (positions or {}).items())
        key = (tuple(names), float(info["sfreq"]), data.shape[-1], band_of(info), where)
        gathered.setdefault(key, []).append((start, data))
        places[key] = positions
        start += len(data)
    if start == 0:
        raise InvalidEEGError("The Epochs hold no epoch (0 samples); all were dropped or none cut.")
    return [
        EpochBlock(
            np.concatenate([data for _, data in pieces]),
            UNITS["V"],
            sfreq,
            list(names),
            np.concatenate([np.arange(first, first + len(data)) for first, data in pieces]),
            places[key],
            *band,
        )
        for key, pieces in gathered.items()
        for names, sfreq, _, band, _ in [key]
    ]


def block_from_raw(
    raw: Any,
    window: float,
    overlap: float,
    filters: FilterSettings,
    to_microvolts: float = UNITS["V"],
) -> EpochBlock:
    """Filter a continuous recording, resample it, and cut it into windows.

    Parameters
    ----------
    raw : mne.io.Raw
    window, overlap : float
        In seconds.
    filters : FilterSettings
    to_microvolts : float, default=1e6
        MNE objects are in volts.

    Returns
    -------
    EpochBlock
        At 200 Hz. The tail that fills no window is left out, and so are windows that overlap an
        annotation of BAD or EDGE.

    Raises
    ------
    InvalidEEGError
        If no EEG channel is left, a sample is NaN or infinite that is not annotated as bad, the
        recording is shorter than one window, or no window is free of bad annotations.

    Warns
    -----
    EEGWarning
        If channels or windows are left out.
    """
    names = eeg_channels(raw)
    signals = signals_to_cut(raw, names, filters, to_microvolts, window)
    starts, length = window_grid(signals.shape[1], window, overlap)
    windows = windows_at(signals, usable_windows(raw, starts, length), length)
    return EpochBlock(
        windows,
        UNITS["uV"],
        TARGET_SFREQ,
        names,
        np.arange(len(windows)),
        positions_of(raw.info, names),
        filtered=True,
    )


def signals_to_cut(
    raw: Any,
    names: Sequence[str],
    filters: FilterSettings,
    to_microvolts: float,
    shortest: float = 1.0,
) -> NDArray:
    """Channels of a continuous recording in microvolts, filtered, at 200 Hz.

    Parameters
    ----------
    raw : mne.io.Raw
    names : sequence of str
        Channels, in the order wanted.
    filters : FilterSettings
    to_microvolts : float
    shortest : float, default=1.0
        Seconds: of stretches between joints that are shorter nothing will be used.

    Returns
    -------
    ndarray, shape (n_channels, n_times), float64
        Where it is NaN or infinite in stretches annotated as bad, a straight line.

    Raises
    ------
    InvalidEEGError
        If another sample is NaN or infinite.
    """
    signals = filtered_signals(raw, names, filters, to_microvolts, is_bad_sample(raw), shortest)
    spans, gaps = unbroken_spans(raw)
    return resample_spans(signals, float(raw.info["sfreq"]), sorted(spans + gaps))


def filtered_signals(
    raw: Any,
    names: Sequence[str],
    filters: FilterSettings,
    to_microvolts: float,
    is_bad: NDArray | None = None,
    shortest: float = 1.0,
) -> NDArray:
    """Channels of a continuous recording in microvolts, projected and filtered, at its own rate.

    Parameters
    ----------
    raw : mne.io.Raw
    names : sequence of str
        Channels, in the order wanted.
    filters : FilterSettings
    to_microvolts : float
    is_bad : ndarray of bool, shape (n_times,), optional
        Samples that nobody will use, and that may be NaN or infinite: a straight line takes
        their place.
    shortest : float, default=1.0
        As in `signals_to_cut`.

    Returns
    -------
    ndarray, shape (n_channels, n_times), float64

    Raises
    ------
    InvalidEEGError
        If another sample is NaN or infinite.
    """
    signals = signals_of_raw(raw, names) * to_microvolts
    sfreq, (highpass, lowpass) = float(raw.info["sfreq"]), band_of(raw.info)
    if not np.isfinite(signals).all():
        _bridge(signals, raw, names, is_bad)
    return filter_continuous(
        signals,
        sfreq,
        filters,
        highpass=highpass,
        lowpass=lowpass,
        ch_names=names,
        spans=unbroken_spans(raw)[0],
        shortest=shortest,
    )


def _bridge(signals: NDArray, raw: Any, names: Sequence[str], is_bad: NDArray | None) -> None:
    """Draw straight lines through what is not finite and bad anyway; refuse what is not."""
    lost = ~np.isfinite(signals)
    wanted = lost if is_bad is None else lost & ~is_bad
    if wanted.any():
        # A projection spreads it over all channels: as recorded it is where it came from.
        recorded = wanted & ~np.isfinite(raw.get_data(picks=list(names), verbose="error"))
        channel, sample = np.argwhere(recorded if recorded.any() else wanted)[0]
        raise InvalidEEGError(
            f"The recording contains NaN or infinity, first in channel {names[channel]!r} at "
            f"{sample / raw.info['sfreq']:.2f} s. Crop it, annotate the stretch as BAD, or "
            "interpolate the channel."
        )
    times = np.arange(signals.shape[1])
    for signal, is_lost in zip(signals, lost, strict=True):
        known = times[~is_lost]
        signal[is_lost] = np.interp(times[is_lost], known, signal[known]) if len(known) else 0.0


def check_finite(block: EpochBlock) -> None:
    """Raise InvalidEEGError for NaN or infinity in a block, naming epoch and channel."""
    usable = np.isfinite(block.data).all(axis=-1)
    if not usable.all():
        epoch, channel = np.argwhere(~usable)[0]
        name = f"channel {channel}" if block.ch_names is None else repr(block.ch_names[channel])
        raise InvalidEEGError(
            f"The epochs contain NaN or infinity, first in epoch {block.index[epoch]}, {name}. "
            "Drop such epochs, or interpolate the channel."
        )
