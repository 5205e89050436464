"""MNE's continuous recordings as blocks of epochs."""

import sys
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.bad_channels import BadChannelPolicy
from sk_brainrvq.signals.bad_channels.raw_channels import faults_of_raw, treated_raw
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.filters.filtering import FilterSettings, filter_continuous
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ, resample_spans
from sk_brainrvq.signals.sources.annotations import is_bad_sample, unbroken_spans, usable_windows
from sk_brainrvq.signals.sources.channels import (
    averaged_channels,
    band_of,
    chosen_channels,
    positions_of,
)
from sk_brainrvq.signals.sources.projections import signals_of_raw
from sk_brainrvq.signals.sources.source import ReadSettings, Source
from sk_brainrvq.signals.sources.subjects import subject_of_raw
from sk_brainrvq.signals.units import UNITS
from sk_brainrvq.signals.windowing import window_grid, windows_at

KEEP = BadChannelPolicy()


class RawSource(Source):
    """``mne.io.Raw`` of any kind."""

    def accepts(self, X: Any) -> bool:
        """Whether X is a continuous recording."""
        return is_mne_raw(X)

    def blocks(self, X: Any, settings: ReadSettings) -> list[EpochBlock]:
        """One block, filtered and cut into windows."""
        window, overlap, filters = settings.window, settings.overlap, settings.filters
        return [
            block_from_raw(
                X,
                window,
                overlap,
                filters,
                bad_channels=settings.bad_channels,
                starts=settings.starts,
                known_as_eeg=settings.known_as_eeg,
            )
        ]


def is_mne_raw(X: Any) -> bool:
    """Whether X is an ``mne.io.Raw`` (of any kind), without importing MNE."""
    mne = sys.modules.get("mne")
    return mne is not None and isinstance(X, mne.io.BaseRaw)


def block_from_raw(
    raw: Any,
    window: float,
    overlap: float,
    filters: FilterSettings,
    to_microvolts: float = UNITS["V"],
    bad_channels: BadChannelPolicy = KEEP,
    starts: NDArray | None = None,
    known_as_eeg: Collection[str] = (),
    types: Collection[str] = ("eeg",),
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
    bad_channels : BadChannelPolicy
        What to do about bad channels of the whole recording; by default nothing.
    starts : ndarray of int, optional
        First sample at 200 Hz of each wanted window, instead of all usable ones.
    known_as_eeg, types : collection of str, optional
        As in :func:`~sk_brainrvq.signals.sources.channels.chosen_channels`.

    Returns
    -------
    EpochBlock
        Windows at 200 Hz, without the remainder at the end and windows that overlap an annotation
        of BAD or EDGE.

    Raises
    ------
    InvalidEEGError
        If no EEG channel is left, a sample that is not annotated as bad is NaN or infinite, the
        recording is shorter than one window, or no window is free of bad annotations; for bad
        channels that cannot be left out or interpolated.

    Warns
    -----
    EEGWarning
        If windows are left out.
    """
    names, left_out = chosen_channels(raw, known_as_eeg, types)
    found = faults_of_raw(raw, names, to_microvolts, not filters.cuts_below(band_of(raw.info)[0]))
    raw, names = treated_raw(raw, names, found, bad_channels)
    signals = signals_to_cut(raw, names, filters, to_microvolts, window, known_as_eeg)
    grid, length = window_grid(signals.shape[1], window, overlap)
    wanted = usable_windows(raw, grid, length) if starts is None else starts
    windows = windows_at(signals, wanted, length)
    return EpochBlock(
        windows,
        UNITS["uV"],
        TARGET_SFREQ,
        names,
        np.arange(len(windows)),
        positions_of(raw.info, names),
        filtered=True,
        bad_channels=found,
        recording=next((str(name) for name in raw.filenames if name is not None), None),
        info=raw.info,
        left_out=left_out,
        subjects=np.full(len(windows), subject_of_raw(raw), dtype=object),
    )


def signals_to_cut(
    raw: Any,
    names: Sequence[str],
    filters: FilterSettings,
    to_microvolts: float,
    shortest: float = 1.0,
    known_as_eeg: Collection[str] = (),
) -> NDArray:
    """Channels of a continuous recording in microvolts, filtered, at 200 Hz.

    Parameters
    ----------
    raw : mne.io.Raw
    names : sequence of str
        Channels in the wanted order.
    filters : FilterSettings
    to_microvolts : float
    shortest : float, default=1.0
        Minimum length in seconds of stretches between joins that will be used.
    known_as_eeg : collection of str, optional
        Channels for which the user has given a position.

    Returns
    -------
    ndarray, shape (n_channels, n_times), float64
        NaN and infinity in stretches annotated as bad are replaced by straight lines.

    Raises
    ------
    InvalidEEGError
        If another sample is NaN or infinite.
    """
    given = (raw, names, filters, to_microvolts, is_bad_sample(raw), shortest, known_as_eeg)
    signals = filtered_signals(*given)
    spans, gaps = unbroken_spans(raw)
    return resample_spans(signals, float(raw.info["sfreq"]), sorted(spans + gaps))


def filtered_signals(
    raw: Any,
    names: Sequence[str],
    filters: FilterSettings,
    to_microvolts: float,
    is_bad: NDArray | None = None,
    shortest: float = 1.0,
    known_as_eeg: Collection[str] = (),
) -> NDArray:
    """Channels of a continuous recording in microvolts, projected and filtered, at its own rate.

    Parameters
    ----------
    raw : mne.io.Raw
    names : sequence of str
        Channels in the wanted order.
    filters : FilterSettings
    to_microvolts : float
    is_bad : ndarray of bool, shape (n_times,), optional
        Samples that will not be used and may be NaN or infinite; straight lines replace those
        that are.
    shortest, known_as_eeg
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
    places = positions_of(raw.info, names)
    return filter_continuous(
        signals,
        sfreq,
        filters,
        highpass=highpass,
        lowpass=lowpass,
        ch_names=names,
        averaged=averaged_channels(filters.reference, names, places, known_as_eeg),
        spans=unbroken_spans(raw)[0],
        shortest=shortest,
    )


def _bridge(signals: NDArray, raw: Any, names: Sequence[str], is_bad: NDArray | None) -> None:
    """Replace non-finite samples by straight lines if marked bad; refuse others."""
    lost = ~np.isfinite(signals)
    wanted = lost if is_bad is None else lost & ~is_bad
    if wanted.any():
        # A projection spreads it over all channels, so look for its origin as recorded.
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
