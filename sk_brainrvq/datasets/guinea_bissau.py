"""Guinea-Bissau: resting EEG with eyes closed and open, from a consumer headset."""

import csv
import gzip
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.downloads import (
    data_folder,
    is_pinned,
    keep_pinned,
    packaged_sums,
)
from sk_brainrvq.datasets._protocols.file_formats import prepared, readable
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording, files_below
from sk_brainrvq.datasets.splits import BENCHMARK_SPLITS

_FILE = re.compile(r"signal-(\d{1,2})\.csv\.gz")
_TABLE = "metadata_guineabissau.csv"
_COLUMNS = ("subject.id", "Eyes.condition", "recordedPeriod")
_CONDITIONS = {"closed-3min-then-open-2min": False, "open-3min-then-closed-2min": True}
SFREQ = 128.0
# Periods that windows are taken from, and when the eyes change, in seconds; windows keep clear of
# a change by the seconds before and after it.
_PERIODS = ((15, 165), (200, 285))
_CHANGE = 180
_BEFORE, _AFTER = 15, 20
# When the eyes opened or closed, for people whose remark in the table gives another time.
_REMARKED = {
    13: (210,),  # "30sec more eyes closed"
    29: (210,),  # "30sec more eyes closed; 3:30 stopped recording?"
    37: (120, 240),  # "0 to 2 minute eyes closed (sleep activity?), 2-4 ... open, 4-6 ... closed"
    40: (210,),  # "30sec more eyes closed"
    44: (240,),  # "4min closed, 2min open"
    58: (210,),  # "after 3.30 minutes eyes closed"
    61: (300,),  # "After 5min eyes open"
    67: (210,),  # "after 3:30 eyes open"
}
_SPLIT = BENCHMARK_SPLITS["guinea-bissau"]


@dataclass(frozen=True)
class _Person:
    """A row of the published table: whether the eyes were open first, and seconds recorded."""

    open_first: bool
    seconds: int


class GuineaBissau(Protocol):
    """Eyes closed against eyes open at rest: the EEG of 97 people in Guinea-Bissau.

    14 electrodes of an Emotiv EPOC at 128 Hz, 0.5-45 Hz, windows of 10 s. The eyes were closed for
    three minutes and then open for two, or the other way round; no marker was recorded, so the
    windows are taken from 15-165 s and 200-285 s, away from the change at 180 s. The authors gave
    no split: ours is by number, 4k+1 and 4k+2 for training, 4k+3 for validation, 4k for test.

    Parameters
    ----------
    remarks : bool, default=True
        Whether to use the remarks in the table of people, which say that some opened or closed
        their eyes at a time other than three minutes (numbers 13, 29, 37, 40, 44, 58, 61, 67):
        their windows are labelled accordingly, and those near the change are left out. Number 61
        then has windows of only one class. False uses only the column of conditions.

    Notes
    -----
    **Not for diagnosis.** The table says who has epilepsy, but this is confounded with the day of
    recording: nearly all patients were recorded on one day and controls on others, so a
    classifier of epilepsy may only learn to distinguish days. This class returns no such labels.

    **The order is confounded with the label.** 84 people closed their eyes first, so the time of
    a window is enough to predict most labels. ``Windows.onsets`` holds the time: score it as a
    control, and score the 13 people who opened their eyes first (:meth:`opened_first`) separately.

    Files are ``signal-1.csv.gz`` to ``signal-97.csv.gz`` in any subfolder, and
    ``metadata_guineabissau.csv`` beside them or in a folder above. Values are microvolts in steps
    of 0.5128 with an offset of about 4,200. Columns such as ``CQ_F3`` hold contact quality from 0
    to 4, not signals.

    Source: van Hees et al. (2018), bioRxiv 324954; data: Zenodo, doi 10.5281/zenodo.1252141,
    Creative Commons Attribution 4.0. We have not checked this licence against Zenodo's page, and
    the copies of the files that we have seen state none: check before you redistribute the data.

    Examples
    --------
    >>> from sk_brainrvq.datasets import GuineaBissau
    >>> protocol = GuineaBissau()
    >>> protocol.classes, protocol.window, len(protocol.ch_names)
    (('eyes closed', 'eyes open'), 10.0, 14)
    """

    name = "guinea-bissau"
    title = "Guinea-Bissau"
    url = "https://zenodo.org/records/1252141"
    files_url = "https://zenodo.org/records/1252141/files/"
    example_file = "EEGs_Guinea-Bissau/signal-1.csv.gz"
    licence = "Creative Commons Attribution 4.0"
    citation = (
        "van Hees, V. T. et al. (2018). Reliable and automatic epilepsy classification with "
        "affordable, consumer-grade electroencephalography in rural sub-Saharan Africa. bioRxiv "
        "324954. Data: doi 10.5281/zenodo.1252141"
    )
    ch_names = tuple("AF3 AF4 F3 F4 F7 F8 FC5 FC6 O1 O2 P7 P8 T7 T8".split())  # noqa: SIM905
    classes = ("eyes closed", "eyes open")
    metrics = "binary"
    l_freq, h_freq = 0.5, 45.0
    all_subjects = tuple(range(1, 98))
    n_recordings = 1
    subjects_by_split = (_SPLIT.develop, _SPLIT.score_once, _SPLIT.never_read)
    split_rule = "numbers 4k+1 and 4k+2 / 4k+3 / 4k (ours: none was published)"
    window = 10.0

    def __init__(self, remarks: bool = True):
        self.remarks = remarks

    def opened_first(self, folder: str | Path) -> tuple[int, ...]:
        """Return the people whose eyes were open first.

        Parameters
        ----------
        folder : path
            Folder with ``metadata_guineabissau.csv`` in it, in any subfolder or in a folder above.

        Returns
        -------
        tuple of int
            13 of 97 people; a classifier that only uses time scores below chance on them.

        Raises
        ------
        FileNotFoundError
            If the table is missing.
        ValueError
            If it lacks a column, or holds an unknown condition.
        """
        table = next(files_below(Path(folder), _TABLE), None)
        people = _read_table(table) if table else self._people(Path(folder) / _TABLE)
        return tuple(number for number, person in people.items() if person.open_first)

    def fetch(
        self, folder: str | Path | None = None, subjects: Iterable[int] | None = None
    ) -> Path:
        """Download the archive of recordings and the table of people from Zenodo.

        Parameters
        ----------
        folder : path, optional
            Folder to keep the files in; pooch's cache folder by default.
        subjects : iterable of int, optional
            Subjects whose files to unpack; all by default.

        Returns
        -------
        Path
            The folder, for :meth:`load`.

        Raises
        ------
        OSError
            If Zenodo cannot be reached.
        ValueError
            If the content of a file does not have the digest that this package knows.
        """
        import pooch

        path, blobs = data_folder(folder, self.name), packaged_sums("guinea_bissau_git_sha1.txt")
        names = [f"EEGs_Guinea-Bissau/signal-{number}.csv.gz" for number in self._wanted(subjects)]
        if not is_pinned(path / _TABLE, blobs[_TABLE]):
            passing = Path(
                pooch.retrieve(self.files_url + _TABLE, None, fname=f"{_TABLE}.new", path=path)
            )
            try:
                keep_pinned(path / _TABLE, passing.read_bytes(), blobs[_TABLE], self.url)
            finally:
                passing.unlink()
        missing = [name for name in names if not is_pinned(path / name, blobs[name])]
        if missing:
            name = "EEGs_Guinea-Bissau.zip"
            archive = pooch.retrieve(self.files_url + name, None, fname=name, path=path)
            with readable(Path(archive), "a ZIP archive"), zipfile.ZipFile(archive) as content:
                for name in missing:
                    keep_pinned(path / name, content.read(name), blobs[name], self.url)
        return path

    def _list(self, folder: Path) -> Iterator[Recording]:
        for _, recording in self._numbered(folder, "signal-*.csv.gz", _FILE):
            yield recording

    def _read(self, recording: Recording) -> tuple[NDArray, ...]:
        number, path = int(recording.subject), recording.path
        people = self._people(path)
        if number not in people:
            raise ValueError(
                f"{path} has no row in {_TABLE}, which says when its eyes were closed; expected "
                f"the table as published, with all {len(self.all_subjects)} people."
            )
        person = people[number]
        signals = read_signals(path)
        if signals.shape[1] < (person.seconds - 1) * SFREQ:
            raise ValueError(
                f"{path} is truncated: it holds {signals.shape[1] / SFREQ:.0f} s, and {_TABLE} "
                f"states {person.seconds}; download it again."
            )
        signals = prepared(signals, SFREQ, self)
        onsets, labels = self._labelled(number, person, signals.shape[1] / self.sfreq)
        X, whole = self._windows_at(signals, onsets)
        return X, labels[whole], onsets[whole]

    def _labelled(self, number: int, person: _Person, seconds: float) -> tuple[NDArray, NDArray]:
        """Return when windows begin, and whether the eyes are open in them."""
        changes = _REMARKED.get(number, (_CHANGE,)) if self.remarks else (_CHANGE,)
        bounds = [-_AFTER, *changes, seconds + _BEFORE]
        found = [
            (start, person.open_first != bool(i % 2))
            for first, last in _PERIODS
            for start in np.arange(first, min(last, seconds) - self.window + 1e-9, self.window)
            for i in range(len(bounds) - 1)
            if bounds[i] + _AFTER <= start and start + self.window <= bounds[i + 1] - _BEFORE
        ]
        onsets, labels = zip(*found, strict=True) if found else ((), ())
        return np.array(onsets, float), np.array(labels, np.int64)

    def _people(self, path: Path) -> dict[int, _Person]:
        """Read the table beside a recording, or in the folders above."""
        for folder in path.resolve().parents[:3]:
            if (folder / _TABLE).is_file():
                return _read_table(folder / _TABLE)
        raise FileNotFoundError(
            f"{_TABLE} is neither beside {path} nor in a folder above; it says when eyes were "
            f"closed. {self.how_to_get()}"
        )


def _read_table(path: Path) -> dict[int, _Person]:
    """Read the published table of people."""
    with readable(path, "a table of people"), path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    missing = [column for column in _COLUMNS if not rows or column not in rows[0]]
    if missing:
        raise ValueError(f"{path} lacks the columns {missing}; expected the table as published.")
    people = {}
    for row in rows:
        number, condition, seconds = (row[column] for column in _COLUMNS)
        if condition not in _CONDITIONS or not (number.isdigit() and seconds.isdigit()):
            raise ValueError(
                f"{path} holds the row {list(row.values())}; expected a number, one of "
                f"{[*_CONDITIONS]} in {_COLUMNS[1]!r}, and whole seconds in {_COLUMNS[2]!r}."
            )
        people[int(number)] = _Person(_CONDITIONS[condition], int(seconds))
    return people


def read_signals(path: Path) -> NDArray:
    """Read the signals of a person as published, including the offset.

    Parameters
    ----------
    path : Path
        A compressed table.

    Returns
    -------
    ndarray, shape (14, n_samples), float64
        Signals in microvolts at 128 Hz, channels as in ``GuineaBissau.ch_names``.

    Raises
    ------
    ValueError
        If the file is truncated, lacks a channel or holds values that are not numbers.
    """
    ch_names = GuineaBissau.ch_names
    with readable(path, "a compressed CSV table"), gzip.open(path, "rt", encoding="utf-8") as file:
        columns = next(csv.reader([file.readline()]), [])
        places = [columns.index(name) if name in columns else -1 for name in ch_names]
        signals = (
            None
            if -1 in places
            else np.loadtxt(file, delimiter=",", quotechar='"', usecols=places, ndmin=2).T
        )
    if signals is None:
        missing = [name for name in ch_names if name not in columns]
        raise ValueError(
            f"{path} lacks the columns {missing}; it holds {columns}. Expected the file as "
            "published."
        )
    if not np.isfinite(signals).all():
        raise ValueError(f"{path} holds values that are not numbers; expected microvolts.")
    return signals
