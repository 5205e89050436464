"""Inspection of recordings with the code that an embedder runs."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from sk_brainrvq.estimators import BrainRVQEmbedder
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.inspection.expected_cost import expected_bytes, seconds_of_network
from sk_brainrvq.inspection.recording_report import ChannelFacts, RecordingReport, RecordingReports
from sk_brainrvq.signals import ReadSettings, read_blocks, window_starts
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.filters.filtering import filters_to_apply
from sk_brainrvq.signals.filters.settings import checked_filters
from sk_brainrvq.signals.preparation import n_patches_of
from sk_brainrvq.signals.reading import checked_reading, known_as_eeg
from sk_brainrvq.signals.sources.channels import band_of
from sk_brainrvq.signals.sources.mne_epochs import is_mne_epochs
from sk_brainrvq.signals.sources.mne_raws import is_mne_raw
from sk_brainrvq.signals.sources.recording_files import read_recording
from sk_brainrvq.signals.sources.registry import source_of
from sk_brainrvq.user_warnings import collected

# Number of windows, spread over the recording, whose amplitudes are measured.
_MOST_WINDOWS = 200


def inspect_recording(
    X: Any, estimator: BrainRVQEmbedder | None = None
) -> RecordingReport | RecordingReports:
    """Show how an embedder would read a recording; nothing is stored.

    Parameters
    ----------
    X : path, mne.io.Raw, mne.Epochs, ndarray, or a list of these
        As in :meth:`BrainRVQEmbedder.fit`.
    estimator : BrainRVQEmbedder, optional
        Embedder whose settings are used: window, filters, weights, names and rate of arrays. By
        default ``BrainRVQEmbedder()``. It is not changed.

    Returns
    -------
    RecordingReport, or RecordingReports for a list
        When printed, it shows the channels that count as EEG with position and amplitude, channels
        that are left out and why, rate, filters, annotations, windows, tokens, time and memory, and
        the embedder's warnings. ``as_dict()`` returns plain values. A report on an unreadable
        recording has an ``error``.

    Raises
    ------
    InvalidEEGError
        For a corpus, and for an estimator that is not an embedder.

    See Also
    --------
    BrainRVQEmbedder

    Examples
    --------
    >>> import mne, numpy as np
    >>> from sk_brainrvq import inspect_recording
    >>> info = mne.create_info(["C3", "C4", "EKG"], 250, "eeg")
    >>> signals = np.random.default_rng(0).normal(scale=2e-5, size=(3, 250 * 25))
    >>> report = inspect_recording(mne.io.RawArray(signals, info, verbose=False))
    >>> report.n_windows, report.unused
    (2, 5.0)
    >>> [(channel.name, channel.kept) for channel in report.channels]
    [('C3', True), ('C4', True), ('EKG', False)]
    """
    estimator = BrainRVQEmbedder() if estimator is None else estimator
    if not isinstance(estimator, BrainRVQEmbedder):
        raise InvalidEEGError(
            f"estimator={estimator!r} was given; expected a BrainRVQEmbedder, whose settings "
            "determine how to read and what to compute."
        )
    source = source_of(X)
    if source.stored(X) is not None:
        raise InvalidEEGError(
            "X is a corpus, which was read and checked when it was built; its info() shows what "
            "it holds. inspect_recording takes recordings, Epochs and arrays."
        )
    if isinstance(X, (list, tuple)) and not source.is_array:
        return RecordingReports(_inspected(item, estimator) for item in X)
    return _inspected(X, estimator)


def _inspected(X: Any, estimator: BrainRVQEmbedder) -> RecordingReport:
    """The report on one item, with an error for an unreadable file."""
    name = _name_of(X)
    notes: list[str] = []
    try:
        with collected() as notes:
            began = perf_counter()
            options = checked_reading(estimator.reading).read_options
            recording = read_recording(X, options) if isinstance(X, (str, os.PathLike)) else X
            return _report(name, recording, estimator, notes, began)
    except InvalidEEGError as error:
        return RecordingReport(name, error=str(error), notes=notes)


def _report(
    name: str, recording: Any, estimator: BrainRVQEmbedder, notes: list[str], began: float
) -> RecordingReport:
    embedder = clone(estimator).fit(recording)
    reading = perf_counter() - began
    # Unfiltered: filters would hide offsets, drifts and hum.
    settings = ReadSettings(
        *(embedder.sfreq, embedder.ch_names, embedder.unit, embedder.window, embedder.overlap),
        known_as_eeg=known_as_eeg(embedder.reading),
    )
    blocks = list(read_blocks(recording, settings))
    n_windows = sum(len(block.data) for block in blocks)
    window = blocks[0].data.shape[-1] / blocks[0].sfreq
    n_tokens = sum(_n_tokens(block) for block in blocks)
    sfreq, duration, (highpass, lowpass) = _rate_and_length(recording, blocks)
    trained = embedder.weights_.info.get("filters", {})
    wanted = checked_filters(embedder.filters).resolve(trained)
    network = seconds_of_network(embedder, blocks[0]) * n_tokens / _n_tokens(blocks[0], 1)
    return RecordingReport(
        name,
        kind=_kind_of(recording),
        sfreq=sfreq,
        duration=duration,
        channels=_channels(embedder, recording, blocks),
        header_filters={"highpass": highpass or None, "lowpass": lowpass},
        filters_to_apply=asdict(filters_to_apply(wanted, sfreq, highpass, lowpass)),
        annotations=_annotations(recording),
        window=window,
        n_windows=n_windows,
        unused=_unused(recording, duration, embedder),
        n_tokens=n_tokens,
        expected_seconds=reading + network,
        expected_bytes=expected_bytes(recording, blocks),
        notes=list(notes),
    )


def _name_of(X: Any) -> str:
    if isinstance(X, (str, os.PathLike)):
        return os.fspath(X)
    files = [Path(file).name for file in getattr(X, "filenames", None) or () if file is not None]
    return f"{type(X).__name__} of {files[0]}" if files else type(X).__name__


def _kind_of(recording: Any) -> str:
    if is_mne_raw(recording):
        return "recording"
    return "epochs" if is_mne_epochs(recording) else "array"


def _unused(recording: Any, duration: float, embedder: BrainRVQEmbedder) -> float:
    """Seconds of a continuous recording outside all windows."""
    if not is_mne_raw(recording):
        return 0.0
    starts = window_starts(recording, embedder.window, embedder.overlap)
    used = np.minimum(np.diff(starts, append=np.inf), embedder.window).sum()
    return max(0.0, round(float(duration - used), 6))


def _n_tokens(block: EpochBlock, n_windows: int | None = None) -> int:
    """Number of patches of all channels, over all or some windows of a block."""
    n_epochs, n_channels, n_times = block.data.shape
    n_patches = n_patches_of(round(n_times / block.sfreq * 200))
    return (n_epochs if n_windows is None else n_windows) * n_channels * n_patches


def _rate_and_length(
    recording: Any, blocks: Sequence[EpochBlock]
) -> tuple[float, float, tuple[float, float | None]]:
    """Rate, seconds, and the filters that the recording states."""
    seconds = sum(len(block.data) * block.data.shape[-1] / block.sfreq for block in blocks)
    info = getattr(recording, "info", None)
    if info is None:
        return blocks[0].sfreq, seconds, (blocks[0].highpass, blocks[0].lowpass)
    sfreq = float(info["sfreq"])
    duration = recording.n_times / sfreq if is_mne_raw(recording) else seconds
    return sfreq, duration, band_of(info)


def _annotations(recording: Any) -> dict[str, int]:
    annotations = getattr(recording, "annotations", None)
    return {} if annotations is None else dict(Counter(map(str, annotations.description)))


def _channels(
    embedder: BrainRVQEmbedder, recording: Any, blocks: Sequence[EpochBlock]
) -> list[ChannelFacts]:
    """Channels that count as EEG, then the others."""
    amplitudes = _amplitudes(blocks)
    kept, left_out = [], []
    for row in embedder.electrode_report_:
        name, how, note = row["channel"], row["how"], row["note"]
        if how == "left out":
            left_out.append(ChannelFacts(name, False, how, "", note))
            continue
        amplitude, offset = amplitudes.get(name, (None, None))
        kept.append(ChannelFacts(name, True, how, _place(row), note, amplitude, offset))
    known = {channel.name for channel in [*kept, *left_out]}
    others = [name for name in getattr(recording, "ch_names", ()) if name not in known]
    left_out += [ChannelFacts(name, False, "left out", "", "bad or not EEG") for name in others]
    return kept + left_out


def _place(row: dict[str, Any]) -> str:
    if row["how"] == "mean":
        return "unknown"
    return " + ".join(
        name if weight == 1 else f"{weight:.2f} {name}"
        for name, weight in zip(row["electrodes"], row["weights"], strict=True)
    )


def _amplitudes(blocks: Sequence[EpochBlock]) -> dict[str, tuple[float, float]]:
    """Amplitude and offset of each channel in microvolts, from its middle window."""
    spreads: dict[str, list[NDArray]] = {}
    for block in blocks:
        step = -(-len(block.data) // _MOST_WINDOWS)
        windows = np.asarray(block.data[::step], dtype=np.float64) * block.to_microvolts
        names = block.ch_names or [f"channel {i}" for i in range(block.n_channels)]
        facts = np.stack([windows.std(axis=-1), windows.mean(axis=-1)])
        for channel, name in enumerate(names):
            spreads.setdefault(name, []).append(facts[:, :, channel])
    middle = {name: np.median(np.concatenate(f, axis=1), axis=1) for name, f in spreads.items()}
    return {name: (float(amplitude), float(offset)) for name, (amplitude, offset) in middle.items()}
