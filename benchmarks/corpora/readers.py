"""Readers of the datasets that make the corpus, each in its published format."""

import csv
import gzip
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpora.pieces import LeftOut, Piece, Source
from corpora.repair import repaired_edf
from sk_brainrvq.datasets import (
    EEGMAT,
    GuineaBissau,
    Recording,
    SSVEPExoskeleton,
    eegmat,
    guinea_bissau,
    ssvep,
)
from sk_brainrvq.signals import canonical_name

Pieces = Iterator[Piece | LeftOut]
Wanted = Callable[[str], bool]

# Electrodes in the order of the device: its files do not name them.
_MUSE = ("TP9", "AF7", "AF8", "TP10")
_NOT_SCALP = ("X", "Y", "nd")


def _centred(signals: NDArray) -> NDArray:
    return np.asarray(signals - signals.mean(axis=1, keepdims=True), np.float64)


def read_eegmat(folder: Path, wanted: Wanted) -> Pieces:
    """Rest and arithmetic of each person, 20 channels."""
    people = [person for person in EEGMAT.all_subjects if wanted(str(person))]
    for recording in EEGMAT().recordings(folder, people) if people else ():
        raw = eegmat.read_recording(recording.path)
        signals = _centred(raw.get_data(units="uV"))
        names = tuple(raw.ch_names)
        session = recording.path.stem[-1]
        yield Piece(f"{recording.subject}", session, signals, raw.info["sfreq"], names)


def read_guinea_bissau(folder: Path, wanted: Wanted) -> Pieces:
    """Whole recordings."""
    for recording in _recordings(GuineaBissau(), folder, wanted):
        signals = _centred(guinea_bissau.read_signals(recording.path))
        names = GuineaBissau.ch_names
        yield Piece(f"{recording.subject}", "1", signals, guinea_bissau.SFREQ, names)


def read_ssvep(folder: Path, wanted: Wanted) -> Pieces:
    """Whole sessions."""
    protocol = SSVEPExoskeleton()
    for what, why in protocol.left_out().items():
        if wanted(what[7:9].lstrip("0")):
            yield LeftOut(what, why)
    for recording in _recordings(protocol, folder, wanted):
        signals, _ = ssvep.read_signals(recording.path)
        session = re.sub(r"\D", "", recording.path.name)
        names = SSVEPExoskeleton.ch_names
        yield Piece(f"{recording.subject}", session, _centred(signals), ssvep.SFREQ, names)


def _recordings(
    protocol: GuineaBissau | SSVEPExoskeleton, folder: Path, wanted: Wanted
) -> list[Recording]:
    """Wanted people who are present."""
    return [found for found in protocol.recordings(folder) if wanted(f"{found.subject}")]


def read_muse(folder: Path, wanted: Wanted) -> Pieces:
    """Rounds of a game; each is once in the training or the test part of fold 0."""
    files = sorted((folder / "EEG_DATA" / "fold_0").glob("*/*/*.npz"), key=lambda path: path.stem)
    names = [path.stem for path in files]
    if len(set(names)) < len(names):
        raise ValueError(f"{folder} holds a round twice; expected each round once in fold_0.")
    for path in files:
        person, session, number = path.stem.split("_")
        if not wanted(person):
            continue
        with np.load(path) as arrays:
            signals = arrays["raw"].astype(np.float64).T
            contact = arrays["h_eeg"].astype(np.float64).T
        if signals.shape[0] != len(_MUSE) or signals.shape[1] < 220:
            yield LeftOut(f"{path.stem}", "shorter than a second")
        # 1 is good contact, 2 is fair, 4 is none.
        elif (bad := (contact > 2).mean(1)).max() > 0.5:
            channels = [name for name, share in zip(_MUSE, bad, strict=True) if share > 0.5]
            yield LeftOut(path.stem, f"no contact of {', '.join(channels)} for half of it")
        else:
            yield Piece(person, f"{session}-{number}", _centred(signals), 220.0, _MUSE)


def read_feis(folder: Path, wanted: Wanted) -> Pieces:
    """Seconds at a fixation point before each trial, 21 seconds apart."""
    for path in sorted(folder.glob("data_eeg/*/articulators.zip")):
        person = path.parent.name
        if not wanted(person):
            continue
        if not person.isdigit():
            yield LeftOut(person, "its file names no electrodes, only channels 1 to 14")
            continue
        with zipfile.ZipFile(path) as archive:
            text = archive.read("articulators.csv").decode()
        columns = next(csv.reader([text.partition("\n")[0]]))
        names = tuple(columns[2:16])
        table = np.loadtxt(
            io.StringIO(text), delimiter=",", skiprows=1, usecols=range(1, 16), ndmin=2
        )
        for trial in np.unique(table[:, 0]).astype(int):
            signals = table[table[:, 0] == trial, 1:].T
            if signals.shape[1] != 256:
                yield LeftOut(f"{person}, trial {trial}", f"{signals.shape[1]} samples, not 256")
            else:
                yield Piece(person, f"{trial:03d}", _centred(signals), 256.0, names)


def read_uci(folder: Path, wanted: Wanted) -> Pieces:
    """Trials of one second with 61 electrodes on the scalp."""
    for path in sorted(folder.glob("SMNI_CMI_TRAIN/*/*.rd.*.gz")):
        person, number = path.parent.name, path.name.split(".")[2]
        if not wanted(person):
            continue
        text = gzip.decompress(path.read_bytes()).decode("latin-1")
        signals = {}
        for block in re.split(r"^# (?=\S+ chan \d+)", text, flags=re.MULTILINE)[1:]:
            head, *lines = block.splitlines()
            values = [float(line.split()[3]) for line in lines if not line.startswith("#")]
            signals[head.split()[0]] = values
        lengths = {len(values) for values in signals.values()}
        if len(signals) != 64 or lengths != {256}:
            yield LeftOut(
                f"{person}, trial {number}",
                f"{len(signals)} channels of {sorted(lengths)} samples; expected 64 of 256",
            )
            continue
        names = [name for name in signals if name not in _NOT_SCALP]
        stacked = _centred(np.array([signals[name] for name in names]))
        yield Piece(person, number, stacked, 256.0, tuple(map(canonical_name, names)))


def read_physionet(folder: Path, wanted: Wanted) -> Pieces:
    """Runs of one person, whose files were damaged in transfer and are repaired."""
    import tempfile

    from sk_brainrvq.datasets._protocols.file_formats import read_edf

    for path in sorted(folder.glob("S*/S*.edf")):
        if not wanted(path.parent.name):
            continue
        content, lost = repaired_edf(path.read_bytes(), f"{path.parent.name}/{path.name}")
        if lost:
            yield LeftOut(path.stem, f"its last {lost} s, which the damaged file has lost")
        with tempfile.TemporaryDirectory() as place:
            mended = Path(place) / path.name
            mended.write_bytes(content)
            raw = read_edf(mended).load_data(verbose="error")
        names = tuple(canonical_name(name) for name in raw.ch_names)
        signals = _centred(raw.get_data(units="uV"))
        yield Piece(path.parent.name, path.stem[-3:], signals, raw.info["sfreq"], names)


SOURCES = {
    source.name: source
    for source in (
        Source(
            "eegmat",
            "EEGMAT",
            "ODC-BY 1.0",
            "https://physionet.org/content/eegmat/1.0.0/",
            "as recorded with the class EEGMAT",
            None,
            read_eegmat,
        ),
        Source(
            "guinea-bissau",
            "Guinea-Bissau",
            "CC BY 4.0",
            "https://zenodo.org/records/1252141",
            "not read: as the class states it, whose source was not at hand",
            50.0,
            read_guinea_bissau,
        ),
        Source(
            "ssvep",
            "SSVEP exoskeleton",
            "CC0 1.0",
            "https://github.com/sylvchev/dataset-ssvep-exoskeleton",
            "read in its repository",
            50.0,
            read_ssvep,
        ),
        Source(
            "muse",
            "Muse, sequence learning",
            "MIT",
            "https://github.com/MikeMpapa/EEG-Dataset--Sequence-Learning",
            "read in its repository",
            60.0,
            read_muse,
        ),
        Source(
            "feis",
            "FEIS, fixation",
            "ODC-BY 1.0",
            "https://doi.org/10.5281/zenodo.3369178",
            "read in its repository",
            None,
            read_feis,
        ),
        Source(
            "uci",
            "UCI EEG database",
            "CC BY 4.0",
            "https://doi.org/10.24432/C5TS3D",
            "not read: copies of its page state none, nor does the donor's",
            None,
            read_uci,
        ),
        Source(
            "physionet",
            "PhysioNet motor imagery, S001",
            "ODC-BY 1.0",
            "https://physionet.org/content/eegmmidb/1.0.0/",
            "as recorded with the class PhysioNetMI",
            60.0,
            read_physionet,
        ),
    )
}
