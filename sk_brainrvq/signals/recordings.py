"""MNE objects and files as blocks of epochs."""

import re
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.annotated import (
    is_bad_sample,
    overlapping_marks,
    unbroken_spans,
    usable_windows,
)
from sk_brainrvq.signals.containers import EpochBlock
from sk_brainrvq.signals.edf_filters import stated_band
from sk_brainrvq.signals.edf_size import is_cut_short
from sk_brainrvq.signals.electrode_names import is_eeg_name, is_spare_input, shorten
from sk_brainrvq.signals.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.filtering import FilterSettings, filter_continuous
from sk_brainrvq.signals.projecting import signals_of_epochs, signals_of_raw
from sk_brainrvq.signals.resampling import TARGET_SFREQ, resample_spans, resampled_length
from sk_brainrvq.signals.units import UNITS

CUT_SHORT = "The file is shorter than its header says; what is there is read. Was it copied whole?"


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
    signals = signals_to_cut(raw, names, filters, to_microvolts)
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
    raw: Any, names: Sequence[str], filters: FilterSettings, to_microvolts: float
) -> NDArray:
    """Channels of a continuous recording in microvolts, filtered, at 200 Hz.

    Parameters
    ----------
    raw : mne.io.Raw
    names : sequence of str
        Channels, in the order wanted.
    filters : FilterSettings
    to_microvolts : float

    Returns
    -------
    ndarray, shape (n_channels, n_times), float64
        Where it is NaN or infinite in stretches annotated as bad, a straight line.

    Raises
    ------
    InvalidEEGError
        If another sample is NaN or infinite.
    """
    signals = filtered_signals(raw, names, filters, to_microvolts, is_bad_sample(raw))
    spans, gaps = unbroken_spans(raw)
    return resample_spans(signals, float(raw.info["sfreq"]), sorted(spans + gaps))


def filtered_signals(
    raw: Any,
    names: Sequence[str],
    filters: FilterSettings,
    to_microvolts: float,
    is_bad: NDArray | None = None,
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


def window_grid(n_times: int, window: float, overlap: float) -> tuple[NDArray, int]:
    """Where windows begin in a recording at 200 Hz, and how long they are.

    Parameters
    ----------
    n_times : int
        Samples of the recording at 200 Hz.
    window, overlap : float
        In seconds.

    Returns
    -------
    starts : ndarray of int, shape (n_windows,)
        First sample of each.
    length : int

    Raises
    ------
    InvalidEEGError
        If the recording is shorter than a window, or windows make no sense.
    """
    length = round(window * TARGET_SFREQ)
    step = round((window - overlap) * TARGET_SFREQ)
    if length < 1 or step < 1:
        raise InvalidEEGError(
            f"window={window!r} and overlap={overlap!r} seconds were given: windows would be, or "
            "start, less than one sample of 200 Hz apart."
        )
    if n_times < length:
        raise InvalidEEGError(
            f"The recording lasts {n_times / TARGET_SFREQ:.2f} s, less than one window of "
            f"{window} s; pass a shorter window=..."
        )
    return np.arange(0, n_times - length + 1, step), length


def window_starts(raw: Any, window: float, overlap: float = 0.0) -> NDArray:
    """Seconds from the beginning of a recording at which its windows start.

    Parameters
    ----------
    raw : mne.io.Raw
    window, overlap : float
        In seconds, as of an estimator.

    Returns
    -------
    ndarray, shape (n_windows,)
        One for each row that an estimator gives: without the windows that overlap an annotation
        beginning with BAD or EDGE, and the tail that fills no window.

    Examples
    --------
    >>> import mne, numpy as np
    >>> from sk_brainrvq.signals import window_starts
    >>> info = mne.create_info(["C3", "C4"], 250, "eeg")
    >>> raw = mne.io.RawArray(np.zeros((2, 250 * 32)), info, verbose=False)
    >>> _ = raw.set_annotations(mne.Annotations([7], [1], ["BAD_move"]))
    >>> window_starts(raw, window=5, overlap=0).tolist()
    [0.0, 10.0, 15.0, 20.0, 25.0]
    """
    n_times = resampled_length(raw.n_times, float(raw.info["sfreq"]))
    starts, length = window_grid(n_times, window, overlap)
    return starts[~overlapping_marks(raw, starts, length)[0]] / TARGET_SFREQ


def cut_windows(signals: NDArray, window: float, overlap: float) -> NDArray:
    """Windows (n_windows, n_channels, n_times) of signals (n_channels, n_times) at 200 Hz."""
    return windows_at(signals, *window_grid(signals.shape[1], window, overlap))


def windows_at(signals: NDArray, starts: NDArray, length: int) -> NDArray:
    """Windows (n_windows, n_channels, length) that begin at these samples, in float32."""
    windows = np.empty((len(starts), len(signals), length), dtype=np.float32)
    for window, start in zip(windows, starts, strict=True):
        window[:] = signals[:, start : start + length]
    return windows


def read_recording(path: str | Path) -> Any:
    """Raw or Epochs of a file of any format that MNE reads.

    Parameters
    ----------
    path : path

    Returns
    -------
    mne.io.Raw or mne.Epochs
        The filters in ``info`` of an EDF, BDF or GDF file are those of its EEG channels.

    Raises
    ------
    InvalidEEGError
        If nothing is there or MNE cannot read it, with MNE's reason.

    Warns
    -----
    EEGWarning
        If an EDF or BDF file ends before its header says.
    """
    path = Path(path)
    if not path.exists():
        raise InvalidEEGError(f"There is no recording at {path}.")
    errors = []
    for read in _readers(path.name.lower()):
        try:
            recording = read(path, verbose="error")
        except Exception as error:  # MNE's readers raise anything
            errors.append(error)
            continue
        if is_cut_short(path):
            warnings.warn(f"{path}: {CUT_SHORT}", EEGWarning, stacklevel=2)
        _state_band_of_eeg(recording, path)
        return recording
    folder = " It is a folder: give the files in it." if path.is_dir() else ""
    raise InvalidEEGError(f"MNE cannot read {path}: {errors[0]}{folder}") from errors[0]


def _state_band_of_eeg(recording: Any, path: Path) -> None:
    """Let ``info`` hold the filters of the EEG, where MNE holds the strictest of any channel.

    A heart channel of 5 to 30 Hz would otherwise count as EEG that was filtered already.
    """
    band = stated_band(path, is_eeg_name)
    if band is None:
        return
    highpass, lowpass = band
    nyquist = recording.info["sfreq"] / 2
    with recording.info._unlock():  # MNE has no public way to say this
        recording.info["highpass"] = highpass
        recording.info["lowpass"] = nyquist if lowpass is None else min(lowpass, nyquist)


def _readers(name: str) -> list[Callable[..., Any]]:
    """MNE's readers for a file of this name, the likeliest first: some formats hold epochs, too."""
    import mne

    raw: Callable[..., Any] = partial(mne.io.read_raw, preload=True)
    if name.endswith(".set"):
        return [raw, mne.io.read_epochs_eeglab]
    if not name.endswith((".fif", ".fif.gz")):
        return [raw]
    readers: list[Callable[..., Any]] = [raw, partial(mne.read_epochs, preload=True)]
    return readers[::-1] if re.search(r"[-_]epo\.fif", name) else readers


def eeg_channels(recording: Any) -> list[str]:
    """Names of the good EEG channels; the others are listed in a warning.

    Parameters
    ----------
    recording : mne.Epochs or mne.io.Raw

    Returns
    -------
    list of str
        Channels of type EEG that are not marked bad and whose names may be those of EEG. An
        amplifier's spare input ("EXG Channel 0") counts where it has a position on the head.

    Raises
    ------
    InvalidEEGError
        If none is left.
    """
    names, types = recording.ch_names, recording.get_channel_types()
    bads = set(recording.info["bads"])
    good = [
        name for name, kind in zip(names, types, strict=True) if kind == "eeg" and name not in bads
    ]
    placed = positions_of(recording.info, good) or {}
    # EDF files call everything EEG: then the name decides.
    kept = [n for n in good if is_eeg_name(n) or (is_spare_input(n) and n in placed)]
    left_out = [name for name in names if name not in kept]
    if not kept:
        raise InvalidEEGError(_why_none_is_eeg(sorted(set(types)), len(bads), good))
    if left_out:
        message = f"Left out, as bad or not EEG: {', '.join(left_out)}."
        warnings.warn(message, EEGWarning, stacklevel=2)
    return kept


def _why_none_is_eeg(types: list[str], n_bad: int, refused: list[str]) -> str:
    """The message; ``refused`` are good channels of type EEG."""
    found = (
        f"There is no good EEG channel: the channels are of type {types}, {n_bad} are marked bad"
    )
    mend = "Set types with set_channel_types, or clear info['bads']."
    if not refused:
        return f"{found}. {mend}"
    return (
        f"{found}, and of type eeg but not named like EEG: {shorten(refused)}. Rename what is EEG "
        f"all the same with rename_channels, such as to 'Cz' or 'E1'. For the others: {mend}"
    )


def positions_of(info: Any, names: Sequence[str]) -> dict[str, NDArray] | None:
    """Head coordinates in metres of the channels that have any."""
    places = {ch["ch_name"]: np.asarray(ch["loc"][:3]) for ch in info["chs"]}
    known = {
        name: places[name]
        for name in names
        if np.isfinite(places[name]).all() and np.any(places[name])
    }
    return known or None


def band_of(info: Any) -> tuple[float, float | None]:
    """What a recording was filtered with: high-pass and low-pass in Hz; no low-pass is None.

    Edges that leave no band between them are those of different channels: nothing is known of
    the EEG then, as if it was not filtered.
    """
    highpass, lowpass = float(info["highpass"] or 0), info["lowpass"]
    if lowpass is not None and highpass >= lowpass:
        return 0.0, None
    at_nyquist = lowpass is None or lowpass >= info["sfreq"] / 2
    return highpass, None if at_nyquist else float(lowpass)
