"""Recordings from files of any format that MNE reads."""

import inspect
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.blocks import EpochBlock, check_finite
from sk_brainrvq.signals.electrodes.other_channels import is_eeg_name, other_kinds
from sk_brainrvq.signals.reader_warnings import heard_from_mne, worth_telling
from sk_brainrvq.signals.reading import options_for
from sk_brainrvq.signals.sources.annotations import LEFT_OUT
from sk_brainrvq.signals.sources.edf_filters import stated_band
from sk_brainrvq.signals.sources.headers.bids_channels import apply_sidecar
from sk_brainrvq.signals.sources.headers.bids_events import apply_events
from sk_brainrvq.signals.sources.headers.data_sizes import (
    CONVERTED,
    doubt_about_size,
    has_converted_line_ends,
)
from sk_brainrvq.signals.sources.headers.edf_gaps import mark_gaps
from sk_brainrvq.signals.sources.mne_epochs import EpochsSource
from sk_brainrvq.signals.sources.mne_raws import RawSource, is_mne_raw
from sk_brainrvq.signals.sources.source import ReadSettings, Source
from sk_brainrvq.signals.sources.subjects import subject_of_path
from sk_brainrvq.user_warnings import warn

# Binary formats, which a transfer as text destroys.
# Folders that are one recording each.
_FOLDERS = (".mff", ".ds")
_BINARY = (".fif", ".edf", ".bdf", ".gdf", ".set", ".cnt")
# What to pass instead of a file, by its extension.
_TABLE = (
    "It is a table, not a recording: read it with pandas, and pass its EEG columns, in volts, as "
    "an mne.io.RawArray, which is cut into windows like a file."
)
_ARRAYS = (
    "Load it, and pass its array (n_epochs, n_channels, n_times) with sfreq=, ch_names= and unit=."
)
_INSTEAD = {
    **dict.fromkeys((".txt", ".csv", ".tsv", ".xlsx", ".xls", ".parquet"), _TABLE),
    **dict.fromkeys((".mat", ".npy", ".npz", ".h5", ".hdf5", ".pkl", ".pt"), _ARRAYS),
    **dict.fromkeys((".vmrk", ".dat"), "Pass the header of the recording, which ends in .vhdr."),
    ".eeg": "It holds the signals of a recording: pass its header, which ends in .vhdr.",
    ".fdt": "It holds the signals of a recording: pass the .set file with the same name.",
    ".json": "It describes a recording: pass the recording next to it.",
    **dict.fromkeys((".zip", ".tar", ".gz", ".7z", ".rar"), "Pass the recordings in it."),
    **dict.fromkeys((".pdf", ".docx", ".png", ".html"), "It is not a recording."),
}


class FileSource(Source):
    """Paths of recordings, continuous or of epochs."""

    def accepts(self, X: Any) -> bool:
        """Whether X is a path; reading it will show whether anything is there."""
        return isinstance(X, (str, os.PathLike))

    def blocks(self, X: Any, settings: ReadSettings) -> list[EpochBlock]:
        """Blocks, checked immediately, so that ``on_error`` can leave the file out."""
        recording = read_recording(X, settings.read_options)
        kinds: tuple[Source, ...] = (EpochsSource(), RawSource())
        source = next(kind for kind in kinds if kind.accepts(recording))
        try:
            blocks = [_of_file(block, X) for block in source.blocks(recording, settings)]
            for block in blocks:
                check_finite(block)
        except InvalidEEGError as error:
            raise InvalidEEGError(f"{X}: {error}") from error
        return blocks

    def reads_files(self, X: Any) -> bool:
        """True."""
        return True


def _of_file(block: EpochBlock, path: Any) -> EpochBlock:
    """The block with the name of its file, and the subject in that name."""
    named = subject_of_path(Path(os.fspath(path)))
    subjects = block.subjects
    if named is not None and (subjects is None or all(person is None for person in subjects)):
        subjects = np.full(len(block.index), named, dtype=object)
    return replace(block, recording=str(path), subjects=subjects)


def read_recording(
    path: str | os.PathLike[str],
    read_options: Mapping[str, Any] | None = None,
    preload: bool = True,
) -> Any:
    """Raw or Epochs of a file of any format that MNE reads.

    Parameters
    ----------
    path : path
    read_options : mapping, optional
        As in :class:`~sk_brainrvq.Reading`.
    preload : bool, default=True
        False reads the header and the annotations, not the signals.

    Returns
    -------
    mne.io.Raw or mne.Epochs
        The filters in ``info`` of an EDF, BDF or GDF file are those of its EEG channels. Types and
        bad channels are taken from a BIDS data set's ``channels.tsv``, if there is one, and bad
        stretches also from its ``events.tsv``.

    Raises
    ------
    InvalidEEGError
        If the file does not exist, MNE cannot read it (with MNE's reason), or a transfer in text
        mode has damaged it.

    Warns
    -----
    EEGWarning
        If a file is shorter or longer than its header says, and warnings of MNE's reader, for
        example about annotations that it omits.
    """
    recording, notes = read_with_notes(path, read_options, preload=preload)
    for note in notes:
        warn(f"{path}: {note}")
    return recording


def read_with_notes(
    path: str | os.PathLike[str],
    read_options: Mapping[str, Any] | None = None,
    *,
    preload: bool = True,
) -> tuple[Any, list[str]]:
    """The same, with the sentences that `read_recording` would issue as warnings.

    Parameters
    ----------
    path, read_options, preload
        As in `read_recording`.

    Returns
    -------
    recording : mne.io.Raw or mne.Epochs
    notes : list of str
    """
    path = Path(os.fspath(path)).expanduser()
    if not path.exists():
        raise InvalidEEGError(nothing_at(path))
    options = options_for(path, read_options)
    doubt_about_size(path)  # no reader notices that a file is damaged
    errors = []
    for read in _readers(path.name.lower(), preload):
        try:
            with heard_from_mne() as heard:
                recording = _read(read, path, options)
        except Exception as error:  # MNE's readers may raise any error
            errors.append(error)
            continue
        mended = _state_band_of_eeg(recording, path)
        about_table = apply_sidecar(recording, path)
        gaps = mark_gaps(recording, path, options.get("encoding"))
        if (
            is_mne_raw(recording) and not gaps
        ):  # a table does not state whether its times include the gaps
            about_table += apply_events(recording, path, LEFT_OUT)
        notes = [doubt_about_size(path, recording), _gaps_sentence(gaps) if gaps else None]
        mended += ["Omitted"] if gaps else []
        notes += [f"MNE: {line}" for line in worth_telling(heard, mended)]
        return recording, [note for note in [*notes, *about_table] if note]
    raise InvalidEEGError(_why_unreadable(path, errors[0])) from errors[0]


def _why_unreadable(path: Path, error: Exception) -> str:
    suffix = path.suffix.lower()
    if path.is_dir() and suffix not in _FOLDERS:
        return (
            f"{path} is a folder. Pass the recordings in it, such as "
            f"sorted(pathlib.Path({str(path)!r}).rglob('*.edf')), or a BIDS folder as "
            "Recordings.from_bids(...)."
        )
    instead = _INSTEAD.get(suffix)
    is_fif = path.name.lower().endswith(".fif.gz")
    if instead is not None and not (path.is_dir() or is_fif):
        return f"{path} cannot be read. {instead}"
    data = path.with_suffix(".fdt") if suffix == ".set" else path
    if suffix in _BINARY and data.is_file() and has_converted_line_ends(data):
        return f"{data} is damaged. {CONVERTED}"
    if match := re.search(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'", str(error)):
        return f"{path}: read_options names {match[2]!r}. {_options_of(match[1])}"
    reason = str(error).strip() or f"it does not know files that end in {path.suffix!r}."
    doubt = doubt_about_size(path, was_read=False)
    if data != path and data.is_file():
        doubt = f"Its signals are in {data.name}: was that copied completely?"
    return f"MNE cannot read {path}: {reason}{f' {doubt}' if doubt else ''}{_advice(path)}"


def _options_of(reader: str) -> str:
    """Sentence on the options of an MNE reader."""
    import mne

    function = getattr(mne.io, reader, None) or getattr(mne, reader, None)
    if function is None:
        return f"mne.io.{reader} knows no such option."
    known = list(inspect.signature(function).parameters)[1:]
    names = ", ".join(name for name in known if name not in ("preload", "verbose"))
    return (
        f"mne.io.{reader} knows no such option, but {names}. Pass options of one format by its "
        "extension: read_options={'.set': {...}}."
    )


def _read(read: Callable[..., Any], path: Path, options: Mapping[str, Any]) -> Any:
    """A recording; annotations not in UTF-8 are read as Latin-1, which older writers use."""
    try:
        return read(path, **{"verbose": "warning"} | dict(options))
    except Exception as error:  # MNE raises a bare one
        if "encoding='latin1'" not in str(error) or "encoding" in options:
            raise
        return read(path, **{"verbose": "warning"} | dict(options), encoding="latin1")


def _advice(path: Path) -> str:
    """Advice on how to make a file readable, by its name and kind."""
    ending = "".join(path.suffixes[-2:] if path.suffix.lower() == ".gz" else path.suffixes[-1:])
    if ending == ending.lower():
        return ""
    return (
        f" Some of MNE's readers know their extension only in lower case: rename it from {ending} "
        f"to {ending.lower()}, and rename companion files to the names that it holds."
    )


def _gaps_sentence(gaps: list[tuple[float, float]]) -> str:
    total = sum(length for _, length in gaps)
    return (
        f"Recording was interrupted {len(gaps)} times, for {total:.6g} s in total (EDF+D). Filters "
        "and windows do not cross the gaps; annotations are at the time of their signal."
    )


def _state_band_of_eeg(recording: Any, path: Path) -> list[str]:
    """Set the filters of the EEG in ``info``, where MNE gives the strictest of any channel.

    Otherwise a heart channel of 5 to 30 Hz would make the EEG count as already filtered. Returns
    the beginning of MNE's warning about channels whose filters leave no band together.
    """
    known, others = set(recording.ch_names), other_kinds(recording.ch_names)
    # MNE numbers channels with the same name, so the header's labels may differ from its names.
    band = stated_band(
        path, lambda name: name not in others and (name in known or is_eeg_name(name))
    )
    if band is None:
        return []
    highpass, lowpass = band
    nyquist = recording.info["sfreq"] / 2
    with recording.info._unlock():  # MNE has no public way to set this
        recording.info["highpass"] = highpass
        recording.info["lowpass"] = nyquist if lowpass is None else min(lowpass, nyquist)
    leaves_none = lowpass is not None and highpass >= lowpass
    return [] if leaves_none else ["Highpass cutoff frequency"]


def _readers(name: str, preload: bool) -> list[Callable[..., Any]]:
    """MNE's readers for a file name, the likeliest first: some formats also hold epochs."""
    import mne

    raw: Callable[..., Any] = partial(mne.io.read_raw, preload=preload)
    if name.endswith(".set"):
        return [raw, mne.io.read_epochs_eeglab]
    if not name.endswith((".fif", ".fif.gz")):
        return [raw]
    readers: list[Callable[..., Any]] = [raw, partial(mne.read_epochs, preload=preload)]
    return readers[::-1] if re.search(r"[-_]epo\.fif", name) else readers


def nothing_at(path: str | os.PathLike[str]) -> str:
    """Return the message for a path at which there is nothing."""
    hint = ""
    if any(sign in Path(path).name for sign in "*?"):
        hint = (
            " Patterns are not expanded: pass sorted(Path(folder).glob(pattern)), with Path from "
            "pathlib."
        )
    return f"There is no recording at {path}.{hint}"
