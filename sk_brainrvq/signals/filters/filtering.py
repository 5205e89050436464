"""Band-pass filter, mains filter and reference, applied to EEG before resampling."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.filters.referencing import subtract_reference
from sk_brainrvq.signals.filters.settings import FilterSettings
from sk_brainrvq.signals.filters.short import mirrored_band_pass, shows_hum, subtract_hum
from sk_brainrvq.user_warnings import warn

__all__ = ["FilterSettings", "filter_continuous", "filter_epochs", "filters_to_apply"]

Span = tuple[int, int]

# MNE's Hamming-windowed FIR filters last 3.3 divided by the width of the transition, in seconds.
_LENGTH_FACTOR = 3.3
# Above this share of the Nyquist frequency, the amplifier has left nothing for a low-pass to cut.
_NEARLY_NYQUIST = 0.99
# The networks see up to 100 Hz; more harmonics only make the filter slow.
_MAX_HARMONICS = 10


def filter_continuous(
    signals: NDArray,
    sfreq: float,
    settings: FilterSettings,
    *,
    highpass: float = 0.0,
    lowpass: float | None = None,
    ch_names: Sequence[str] | None = None,
    averaged: Sequence[int] | NDArray | None = None,
    spans: Sequence[Span] | None = None,
    shortest: float = 1.0,
) -> NDArray:
    """Filter and reference a continuous recording.

    Parameters
    ----------
    signals : ndarray, shape (n_channels, n_times)
        In microvolts, finite.
    sfreq : float
        In Hz.
    settings : FilterSettings
    highpass, lowpass : float, optional
        Edges in Hz of filters already applied to the recording (MNE's ``info["highpass"]`` and
        ``info["lowpass"]``); an edge that is at least as strict is not filtered again.
    ch_names : sequence of str, optional
        Names of the channels; needed if the settings name reference channels.
    averaged : sequence of int, optional
        Numbers of the channels that an average reference averages; all by default.
    spans : sequence of (int, int), optional
        Stretches recorded without a break, each as the first sample and the one after the last.
        Each is filtered separately, as ``Raw.filter`` does between annotations of EDGE and
        BAD_ACQ_SKIP; anything outside them is not filtered. By default the whole recording.
    shortest : float, default=1.0
        Minimum length in seconds of spans that raise warnings; shorter ones will not be used.

    Returns
    -------
    ndarray, shape (n_channels, n_times), float64
        A new array.

    Raises
    ------
    InvalidEEGError
        If ``l_freq`` is at or above the Nyquist frequency, or a reference channel is missing.

    Notes
    -----
    Zero-phase FIR filters of MNE, equal to ``Raw.filter`` and ``Raw.notch_filter``. Each channel's
    mean is subtracted first, so that an offset of volts neither rings nor costs precision; without
    a high-pass it is added back. Recordings shorter than the filter are treated as `filter_epochs`
    treats short epochs, with the same warning.
    """
    whole, given = [(0, signals.shape[-1])], (sfreq, settings, highpass, lowpass)
    if spans is None or list(spans) == whole:
        return _filter(signals[None], *given, ch_names, averaged, is_cut=False)[0]
    referenced = subtract_reference(signals, settings.reference, ch_names, averaged)
    filtered = np.array(referenced, np.float64)
    band = (sfreq, replace(settings, reference=None), highpass, lowpass, None, None)
    judged = _shortest_span(spans, shortest * sfreq)
    for span in spans:
        part = filtered[None, :, slice(*span)]
        part[:] = _filter(part, *band, is_cut=False, warns=span == judged)
    return filtered


def _shortest_span(spans: Sequence[Span], n_times: float) -> Span | None:
    """Span to warn about: the shortest with at least so many samples."""
    long = [span for span in spans if span[1] - span[0] >= n_times]
    return min(long, key=lambda span: span[1] - span[0], default=None)


def filter_epochs(
    signals: NDArray,
    sfreq: float,
    settings: FilterSettings,
    *,
    highpass: float = 0.0,
    lowpass: float | None = None,
    ch_names: Sequence[str] | None = None,
    averaged: Sequence[int] | NDArray | None = None,
) -> NDArray:
    """Filter and reference epochs, each separately.

    Parameters
    ----------
    signals : ndarray, shape (n_epochs, n_channels, n_times)
        In microvolts, finite.
    sfreq, settings, highpass, lowpass, ch_names, averaged
        As in `filter_continuous`.

    Returns
    -------
    ndarray, shape (n_epochs, n_channels, n_times), float64
        A new array.

    Notes
    -----
    Filtering the continuous recording is better; the methods below come closest to it. Errors are
    relative to filtering the recording and then cutting it, as a share of its RMS, on EEGMAT
    (8 subjects, 500 Hz); those of MNE's filter applied to the epochs are in brackets.

    - With a high-pass, each epoch is continued endlessly by its mirror image, and the same pass
      band is applied. As recorded / with slow drift added: 1 Hz and 4 s 0.11 / 0.16
      (0.26 / 0.26). If the filter is longer than the epoch, a warning says so: 0.3 Hz and 5 s
      0.06 / 0.32 (0.45 / 0.46); 0.5 Hz and 2 s 0.14 / 0.35 (0.60 / 0.59); 1 Hz and 1 s
      0.23 / 0.34 (0.60 / 0.60). A second-order Butterworth filter forward and backward reached
      0.11 to 0.44.
    - A low-pass without a high-pass is MNE's; shorter epochs use the mirror image, with a warning.
    - A notch is MNE's. In epochs shorter than its 6.6 s, sinusoids with slowly changing
      amplitude are fitted and subtracted, with a warning. For hum of 20 microvolts, 0.02 Hz
      off and varying by 10 %: 0.01 at 5 s, 0.01 at 2 s, 0.02 at 1 s, 0.03 at 0.5 s
      (0.29, 0.44, 0.70, 1.18). Epochs of less than two periods of the mains keep their hum.
    """
    return _filter(signals, sfreq, settings, highpass, lowpass, ch_names, averaged, is_cut=True)


def _filter(
    signals: NDArray,
    sfreq: float,
    settings: FilterSettings,
    highpass: float,
    lowpass: float | None,
    ch_names: Sequence[str] | None,
    averaged: Sequence[int] | NDArray | None,
    is_cut: bool,
    warns: bool = True,
) -> NDArray:
    settings.check_for(sfreq, ch_names)
    signals = np.array(signals, dtype=np.float64)
    if settings.reference is not None:
        signals = subtract_reference(signals, settings.reference, ch_names, averaged)
    low, high = _missing_band(sfreq, settings, highpass, lowpass)
    harmonics = mains_harmonics(settings.notch, sfreq)
    if low is None and high is None and not harmonics:
        return signals

    n_times = signals.shape[-1]
    band_length = _band_pass_length(sfreq, low, high)
    notch_length = _odd_length(_hum_transition(harmonics[0]) / 2, sfreq) if harmonics else 0
    offsets = signals.mean(axis=-1, keepdims=True)
    signals -= offsets
    if low is not None or high is not None:
        # Each epoch has two edges; there, the mirror image is closer to what was cut off.
        if n_times >= band_length and not (is_cut and low is not None):
            signals = _mne_band_pass(signals, sfreq, low, high)
        else:
            signals = mirrored_band_pass(
                signals, sfreq, low, high, _low_transition(low), _high_transition(high, sfreq)
            )
    if harmonics:
        if n_times >= notch_length:
            signals = _mne_notch(signals, sfreq, harmonics)
        elif shows_hum(n_times, sfreq, harmonics[0]):
            signals = subtract_hum(signals, sfreq, harmonics)
    if warns:
        what = "epochs" if is_cut else "signals"
        _warn_if_short(what, n_times, sfreq, band_length, notch_length, settings.notch)
    return signals + offsets if low is None else signals


def filters_to_apply(
    settings: FilterSettings, sfreq: float, highpass: float = 0.0, lowpass: float | None = None
) -> FilterSettings:
    """Settings that remain to be applied to a recording that has already been filtered.

    Parameters
    ----------
    settings : FilterSettings
    sfreq : float
        Rate of the recording in Hz.
    highpass, lowpass : float, optional
        As in `filter_continuous`.

    Returns
    -------
    FilterSettings
        Remaining settings: None for an edge if the recording, or its rate, is already at least as
        strict, and for a mains frequency above its Nyquist frequency.

    Examples
    --------
    >>> from sk_brainrvq.signals.filters.filtering import FilterSettings, filters_to_apply
    >>> wanted = FilterSettings(l_freq=0.5, h_freq=75.0, notch=50.0)
    >>> filters_to_apply(wanted, sfreq=128, highpass=0.5)
    FilterSettings(l_freq=None, h_freq=None, notch=50.0, reference=None)
    """
    low, high = _missing_band(sfreq, settings, highpass, lowpass)
    notch = settings.notch if mains_harmonics(settings.notch, sfreq) else None
    return replace(settings, l_freq=low, h_freq=high, notch=notch)


def _missing_band(
    sfreq: float, settings: FilterSettings, highpass: float, lowpass: float | None
) -> tuple[float | None, float | None]:
    """Edges at which the recording has not been filtered yet."""
    low = settings.l_freq if settings.cuts_below(highpass) else None
    high, nyquist = settings.h_freq, sfreq / 2
    if high is not None and (
        high >= _NEARLY_NYQUIST * nyquist or (lowpass is not None and lowpass <= high)
    ):
        high = None
    return low, high


def mains_harmonics(notch: float | None, sfreq: float) -> list[float]:
    """Multiples of the mains frequency whose stop band ends below the Nyquist frequency."""
    if notch is None:
        return []
    multiples = [notch * (i + 1) for i in range(_MAX_HARMONICS)]
    margin = _hum_transition(notch) / 2
    return [f for f in multiples if f * (1 + 1 / 400) + margin < sfreq / 2]


def _hum_transition(notch: float) -> float:
    """Width of both transitions around a notch: MNE's 1 Hz, less at very low frequencies."""
    return min(1.0, notch / 4)


def half_amplitude_edges(
    sfreq: float, low: float | None, high: float | None
) -> tuple[float | None, float | None]:
    """Half-amplitude frequencies of the band-pass in Hz: the middles of its transitions.

    Parameters
    ----------
    sfreq : float
    low, high : float or None
        Edges of the pass band in Hz.

    Returns
    -------
    low, high : float or None
    """
    return (
        None if low is None else low - _low_transition(low) / 2,
        None if high is None else high + _high_transition(high, sfreq) / 2,
    )


def _low_transition(low: float | None) -> float:
    return 0.0 if low is None else min(max(0.25 * low, 2.0), low)


def _high_transition(high: float | None, sfreq: float) -> float:
    return 0.0 if high is None else min(max(0.25 * high, 2.0), sfreq / 2 - high)


def _band_pass_length(sfreq: float, low: float | None, high: float | None) -> int:
    """Samples of MNE's band-pass filter; 0 without one."""
    transitions = [w for w in (_low_transition(low), _high_transition(high, sfreq)) if w > 0]
    return _odd_length(min(transitions), sfreq) if transitions else 0


def _odd_length(transition: float, sfreq: float) -> int:
    length = max(1, round(_LENGTH_FACTOR / transition * sfreq))
    return length + (length + 1) % 2


def _mne_band_pass(
    signals: NDArray, sfreq: float, low: float | None, high: float | None
) -> NDArray:
    from mne.filter import filter_data

    return filter_data(signals, sfreq, low, high, copy=False, verbose="error")


def _mne_notch(signals: NDArray, sfreq: float, harmonics: list[float]) -> NDArray:
    from mne.filter import notch_filter

    width = _hum_transition(harmonics[0])
    return notch_filter(
        signals, sfreq, harmonics, trans_bandwidth=width, copy=False, verbose="error"
    )


def _warn_if_short(
    what: str, n_times: int, sfreq: float, band_length: int, notch_length: int, notch: float | None
) -> None:
    """Warn about filters that are too long, with their length and what was done instead."""
    done = []
    if n_times < band_length:
        done.append(
            f"the band-pass needs {_duration(band_length, sfreq)}; their mirrored continuation was "
            "filtered instead, which is less exact for the slowest waves"
        )
    if n_times < notch_length and notch is not None:
        instead = (
            "fitted sinusoids were subtracted instead"
            if shows_hum(n_times, sfreq, notch)
            else f"finding hum needs at least two periods of {notch:g} Hz, so it was not removed"
        )
        done.append(f"the notch filter needs {_duration(notch_length, sfreq)}; {instead}")
    if done:
        warn(
            f"Too short to filter exactly: the {what} last {_duration(n_times, sfreq)}; "
            + ". And ".join(done)
            + ". Filter before cutting, or pass longer signals, to avoid this."
        )


def _duration(n_times: int, sfreq: float) -> str:
    return f"{n_times / sfreq:.3g} s ({n_times} samples)"
