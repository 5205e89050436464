"""Turn one file into integers at 200 Hz for a corpus, and decide which seconds are usable."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.bad_channels import BadChannelPolicy
from sk_brainrvq.signals.bad_channels.raw_channels import faults_of_raw, treated_raw
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ
from sk_brainrvq.signals.sources.annotations import Marks, marks_of
from sk_brainrvq.signals.sources.channels import (
    band_of,
    chosen_channels,
    left_out_sentence,
    positions_of,
)
from sk_brainrvq.signals.sources.mne_raws import KEEP, is_mne_raw, signals_to_cut
from sk_brainrvq.signals.sources.recording_files import read_with_notes
from sk_brainrvq.signals.units import UNITS, describe_amplitude
from sk_brainrvq.user_warnings import collected, quiet

_LARGEST_STEP = 32767
# Steps smaller than this, in microvolts, are rounding noise on a flat channel.
_SMALLEST_SCALE = 1e-9
# Above this step, in microvolts, EEG of a few microvolts is stored too coarsely.
_COARSE_SCALE = 0.5
_LARGEST_MICROVOLTS = 1e9
_SECOND = int(TARGET_SFREQ)


@dataclass(frozen=True)
class Signals:
    """Filtered EEG of one file.

    Attributes
    ----------
    microvolts : ndarray, shape (n_channels, n_times at 200 Hz), float64
    ch_names : tuple of str
    positions : tuple of (3,) tuple or None
    sfreq, highpass : float
        Sampling rate and high-pass edge of the file in Hz.
    lowpass : float or None
        Low-pass edge of the file in Hz; None if unknown.
    notes : tuple of str
    marked : tuple of (int, int)
        Runs of seconds annotated as BAD or EDGE: the first second, and the one after the last.
    """

    microvolts: NDArray
    ch_names: tuple[str, ...]
    positions: tuple[tuple[float, float, float] | None, ...]
    sfreq: float
    highpass: float
    lowpass: float | None
    notes: tuple[str, ...]
    marked: tuple[tuple[int, int], ...] = ()


def read_signals(
    source: str,
    filters: FilterSettings,
    bad_channels: BadChannelPolicy = KEEP,
    read_options: Mapping[str, Any] | None = None,
) -> Signals:
    """Read a file, filter its EEG channels and resample them.

    Parameters
    ----------
    source : str
    filters : FilterSettings
    bad_channels : BadChannelPolicy
        What to do about bad channels, which the notes name; by default nothing.
    read_options : mapping, optional
        As in :class:`~sk_brainrvq.Reading`.

    Returns
    -------
    Signals

    Raises
    ------
    InvalidEEGError
        If the file cannot be read, holds epochs, has no EEG channel, or has NaN outside stretches
        annotated as bad; if bad channels can be neither left out nor interpolated.
    """
    with quiet():  # the notes report it, once for all files
        raw, doubts = read_with_notes(source, read_options)
        if not is_mne_raw(raw):
            raise InvalidEEGError(
                f"{source} holds epochs, but a corpus consists of continuous recordings."
            )
        names, left_out = chosen_channels(raw)
        keeps_offset = not filters.cuts_below(band_of(raw.info)[0])
        found = faults_of_raw(raw, names, UNITS["V"], keeps_offset)
        raw, names = treated_raw(raw, names, found, bad_channels)
    with collected() as about_filters:
        microvolts = signals_to_cut(raw, names, filters, UNITS["V"])
    sfreq, (highpass, lowpass) = float(raw.info["sfreq"]), band_of(raw.info)
    places = positions_of(raw.info, names) or {}
    marks = marks_of(raw)
    del raw
    if np.abs(microvolts).max() > _LARGEST_MICROVOLTS:
        raise InvalidEEGError(
            f"The recording reaches {np.abs(microvolts).max():.3g} microvolts; EEG stays far below "
            f"{_LARGEST_MICROVOLTS:.0e}. Check the unit that the file states."
        )
    return Signals(
        microvolts,
        tuple(names),
        tuple(_place(places.get(name)) for name in names),
        sfreq,
        highpass,
        lowpass,
        (
            *doubts,
            *about_filters,
            *_notes(microvolts, names, left_out, marks, found),
            *bad_channels.notes(found),
        ),
        marked_seconds(marks, microvolts.shape[1]),
    )


def _place(place: NDArray | None) -> tuple[float, float, float] | None:
    return None if place is None else (float(place[0]), float(place[1]), float(place[2]))


def _notes(
    microvolts: NDArray,
    names: list[str],
    left_out: dict[str, str],
    marks: Marks,
    bad: Collection[str],
) -> list[str]:
    notes = []
    if left_out:
        notes.append(left_out_sentence(left_out))
    if marks.descriptions:
        annotations = ", ".join(map(repr, sorted(set(marks.descriptions))))
        notes.append(f"Windows that overlap annotations {annotations} are not used.")
    is_good = np.array([name not in bad for name in names])
    if sentence := describe_amplitude(microvolts[is_good] if is_good.any() else microvolts, "V"):
        notes.append(sentence.split(". Pass ")[0] + ". Scale the data of the file.")
    coarse = [n for n, step in zip(names, scales(microvolts), strict=True) if step > _COARSE_SCALE]
    if coarse:
        notes.append(
            f"Artefacts above {_COARSE_SCALE * _LARGEST_STEP / 1000:.0f} mV make the steps of "
            f"{', '.join(coarse)} larger than {_COARSE_SCALE} microvolts."
        )
    return notes


def scales(microvolts: NDArray) -> NDArray:
    """Microvolts per integer step of each channel, whose largest value is the largest integer."""
    return np.maximum(np.abs(microvolts).max(axis=1) / _LARGEST_STEP, _SMALLEST_SCALE)


def to_steps(microvolts: NDArray, scale: NDArray) -> NDArray:
    """Round signals to the nearest integer steps.

    Parameters
    ----------
    microvolts : ndarray, shape (n_channels, n_times)
    scale : ndarray, shape (n_channels,)
        Microvolts per step.

    Returns
    -------
    ndarray, shape (n_channels, n_times), int16
    """
    steps = np.empty(microvolts.shape, dtype=np.int16)
    for row, (signal, size) in enumerate(zip(microvolts, scale, strict=True)):
        steps[row] = np.rint(signal / size)
    return steps


def marked_seconds(marks: Marks, n_times: int) -> tuple[tuple[int, int], ...]:
    """Return runs of seconds that annotations touch.

    Parameters
    ----------
    marks : Marks
    n_times : int
        Number of samples of the recording at 200 Hz.

    Returns
    -------
    tuple of (int, int)
        The first second of each run, and the one after its last. An annotation without duration,
        such as a join, marks the second that contains it.
    """
    n_seconds = -(-n_times // _SECOND)
    firsts, ends = np.floor(marks.onsets).astype(int), np.ceil(marks.ends).astype(int)
    runs = zip(
        np.maximum(firsts, 0), np.minimum(np.maximum(ends, firsts + 1), n_seconds), strict=True
    )
    return tuple((int(first), int(end)) for first, end in runs if first < end)


def unusable_seconds(
    microvolts: NDArray,
    reject_amplitude: float | None,
    reject_flat: float | None,
    marked: Iterable[tuple[int, int]] = (),
) -> tuple[tuple[int, int], ...]:
    """Return runs of seconds in which any channel is too large or flat, or that are marked.

    Parameters
    ----------
    microvolts : ndarray, shape (n_channels, n_times)
        Signals at 200 Hz.
    reject_amplitude : float or None
        A second is unusable if the peak-to-peak range of a channel in it is above this.
    reject_flat : float or None
        The same if it is below this. An incomplete second at the end of a recording is judged by
        the last 200 samples.
    marked : iterable of (int, int), optional
        Further runs, as returned by `marked_seconds`.

    Returns
    -------
    tuple of (int, int)
        The first second of each run and the one after its last, counted from 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.corpus.intake import unusable_seconds
    >>> eeg = np.random.default_rng(0).normal(scale=20, size=(2, 2000))
    >>> eeg[1, 700] = 900
    >>> unusable_seconds(eeg, reject_amplitude=500, reject_flat=None)
    ((3, 4),)
    """
    starts = np.arange(0, microvolts.shape[1], _SECOND)
    highest = np.maximum.reduceat(microvolts, starts, axis=1)
    ranges = highest - np.minimum.reduceat(microvolts, starts, axis=1)
    bad = np.zeros(len(starts), dtype=bool)
    if reject_amplitude is not None:
        bad |= (ranges > reject_amplitude).any(axis=0)
    if reject_flat is not None:
        ranges[:, -1] = np.ptp(microvolts[:, -_SECOND:], axis=1)
        bad |= (ranges < reject_flat).any(axis=0)
    for first, end in marked:
        bad[first:end] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], bad.astype(np.int8), [0]])))
    return tuple((int(first), int(end)) for first, end in edges.reshape(-1, 2))
