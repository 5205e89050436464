"""Recordings from files of any format that MNE reads."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.blocks import EpochBlock, check_finite
from sk_brainrvq.signals.electrodes.names import is_eeg_name
from sk_brainrvq.signals.sources.edf_filters import stated_band
from sk_brainrvq.signals.sources.edf_size import is_cut_short
from sk_brainrvq.signals.sources.mne_epochs import EpochsSource
from sk_brainrvq.signals.sources.mne_raws import RawSource
from sk_brainrvq.signals.sources.source import ReadSettings, Source
from sk_brainrvq.user_warnings import warn

CUT_SHORT = "The file is shorter than its header says; what is there is read. Was it copied whole?"


class FileSource(Source):
    """Paths of recordings, continuous or of epochs."""

    def accepts(self, X: Any) -> bool:
        """Whether X is a path; whether anything is there shows when it is read."""
        return isinstance(X, (str, Path))

    def blocks(self, X: Any, settings: ReadSettings) -> list[EpochBlock]:
        """Blocks, checked here and now, so that ``on_error`` can leave the file out."""
        recording = read_recording(X)
        kinds: tuple[Source, ...] = (EpochsSource(), RawSource())
        source = next(kind for kind in kinds if kind.accepts(recording))
        try:
            blocks = list(source.blocks(recording, settings))
            for block in blocks:
                check_finite(block)
        except InvalidEEGError as error:
            raise InvalidEEGError(f"{X}: {error}") from error
        return blocks

    def reads_files(self, X: Any) -> bool:
        """True."""
        return True


def read_recording(path: str | Path, preload: bool = True) -> Any:
    """Raw or Epochs of a file of any format that MNE reads.

    Parameters
    ----------
    path : path
    preload : bool, default=True
        False reads the header and the annotations, not the signals.

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
    for read in _readers(path.name.lower(), preload):
        try:
            recording = read(path, verbose="error")
        except Exception as error:  # MNE's readers raise anything
            errors.append(error)
            continue
        if is_cut_short(path):
            warn(f"{path}: {CUT_SHORT}")
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


def _readers(name: str, preload: bool) -> list[Callable[..., Any]]:
    """MNE's readers for a file of this name, the likeliest first: some formats hold epochs, too."""
    import mne

    raw: Callable[..., Any] = partial(mne.io.read_raw, preload=preload)
    if name.endswith(".set"):
        return [raw, mne.io.read_epochs_eeglab]
    if not name.endswith((".fif", ".fif.gz")):
        return [raw]
    readers: list[Callable[..., Any]] = [raw, partial(mne.read_epochs, preload=preload)]
    return readers[::-1] if re.search(r"[-_]epo\.fif", name) else readers
