"""CHB-MIT: epileptic seizures in children."""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.cutting import windows_at
from sk_brainrvq.datasets._protocols.downloads import (
    SUMS,
    data_folder,
    fetch_files,
    fetch_sums,
)
from sk_brainrvq.datasets._protocols.file_formats import prepared, read_edf, signals_by_name
from sk_brainrvq.datasets._protocols.labelled_windows import listed
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording, files_below
from sk_brainrvq.user_warnings import warn

_FILE = re.compile(r"chb(\d\d)[a-c]?_\d\d\+?\.edf")
_TIME = re.compile(r"Seizure(?: \d+)? (Start|End) Time:\s*(\d+) seconds?", re.IGNORECASE)
# Misspellings of O1 and O2.
_ZERO = re.compile(r"0[12](-CS2)?")
# SHA-256 sum of SHA256SUMS.txt of version 1.0.0, as others have published it: the list with this
# sum gives their copies of 53 files the sums that they have. PhysioNet itself publishes none.
_SUMS_SHA256 = "f1698efeb9fef887e55cedf6eda13386d9a888db663aec48b2aa194b7b753d2b"
_SAME_PERSON = ("merge", "drop", "warn")
# chb21 is the person of chb01, a year and a half later.
_FIRST, _SECOND = 1, 21


class CHBMIT(Protocol):
    """Seizure against no seizure in children's EEG: CHB-MIT.

    16 bipolar channels, not filtered, windows of 10 s without overlap; an incomplete window at the
    end is dropped. Training on chb01-20, validation on chb21-22, test on chb23-24; chb21 is a
    special case (see ``same_person``).

    Parameters
    ----------
    same_person : {"merge", "drop", "warn"}, default="merge"
        What to do about chb21, which is the person of chb01, recorded again. "merge" treats chb21
        as recordings of subject 1, for training; "drop" leaves chb21 out; "warn" keeps the
        published split, which has this person in both training and validation, and warns.
    seizure_step : float, optional
        Distance in seconds between extra windows around seizures, from 1 s before a seizure to
        1 s after it. Common scripts add them to the regular windows every 5 s. Here they are
        appended to training recordings only, so that no seizure counts several times in
        validation or test. None adds no windows.

    Notes
    -----
    Files are named as published, ``chbNN/chbNN_MM.edf`` and ``chbNN/chbNN-summary.txt``, in any
    subfolder. The summary says when seizures begin and end; a recording that it does not name has
    none, unless there is a ``.edf.seizures`` file beside it, which is an error (the summary of
    chb24 names only recordings with seizures).

    A window is labelled as a seizure (1) if it overlaps with one at all. Common scripts look for a
    seizure that begins or ends in the window, so they label regular windows entirely inside a
    seizure 0.

    Referential recordings (chb12_27 to chb12_29) are converted to the bipolar channels; two of
    them write the electrode O1 with a zero, "01".

    Source: Shoeb (2009), PhysioNet, doi 10.13026/C2K01R, Open Data Commons Attribution License
    1.0.

    Examples
    --------
    >>> from sk_brainrvq.datasets import CHBMIT
    >>> protocol = CHBMIT(same_person="drop")
    >>> protocol.classes, protocol.window, protocol.l_freq
    (('no seizure', 'seizure'), 10.0, None)
    """

    name = "chb-mit"
    title = "CHB-MIT"
    url = "https://physionet.org/content/chbmit/1.0.0/"
    files_url = "https://physionet.org/files/chbmit/1.0.0/"
    example_file = "chb01/chb01_03.edf"
    licence = "Open Data Commons Attribution License 1.0"
    citation = (
        "Shoeb, A. (2009). Application of machine learning to epileptic seizure onset detection "
        "and treatment. PhD thesis, MIT. Guttag, J. (2010). CHB-MIT Scalp EEG Database. "
        "PhysioNet. doi 10.13026/C2K01R"
    )
    ch_names = tuple(
        """
            FP1-F7 F7-T7 T7-P7 P7-O1 FP2-F8 F8-T8 T8-P8 P8-O2 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4
            C4-P4 P4-O2
        """.split()  # noqa: SIM905
    )
    classes = ("no seizure", "seizure")
    metrics = "binary"
    all_subjects = tuple(range(1, 25))
    subjects_by_split = (range(1, 21), range(21, 23), range(23, 25))
    split_rule = "cases 1-20 / 21-22 / 23-24, chb21 with chb01"
    window = 10.0

    def __init__(self, same_person: str = "merge", seizure_step: float | None = None):
        if same_person not in _SAME_PERSON:
            raise ValueError(
                f"same_person={same_person!r} was given; expected one of {_SAME_PERSON}."
            )
        if seizure_step is not None and not (
            isinstance(seizure_step, (int, float, np.number)) and 0 < seizure_step < np.inf
        ):
            raise ValueError(
                f"seizure_step={seizure_step!r} was given; expected seconds above 0, or None."
            )
        self.same_person = same_person
        self.seizure_step = seizure_step

    def fetch(
        self,
        folder: str | Path | None = None,
        subjects: Iterable[int] | None = None,
        *,
        sums_sha256: str | None = _SUMS_SHA256,
    ) -> Path:
        """Download recordings and summaries, and check them against the published sums.

        Parameters
        ----------
        folder : path, optional
            Folder to keep the files in; pooch's cache folder by default.
        subjects : iterable of int, optional
            Cases to download, from 1 to 24; all by default, about 40 GB.
        sums_sha256 : str or None, optional
            SHA-256 sum of PhysioNet's list of sums, ``SHA256SUMS.txt``. By default that of version
            1.0.0 as others have published it, since PhysioNet publishes none. With None only the
            list is downloaded, and an error states its sum, to compare and pass here.

        Returns
        -------
        Path
            The folder, for :meth:`load`.

        Raises
        ------
        OSError
            If PhysioNet cannot be reached.
        ValueError
            If the list or a file does not have its sum, if no sum of the list is given, or if a
            case is unknown.
        """
        names = "|".join(f"chb{case:02d}" for case in self._wanted(subjects))
        path = data_folder(folder, self.name)
        published = fetch_sums(self.files_url, path, sums_sha256)
        wanted = re.compile(rf"({names})/[^/]+\.(edf|edf\.seizures|txt)")
        sums = {name: digest for name, digest in published.items() if wanted.fullmatch(name)}
        if not sums:
            raise ValueError(
                f"{path / SUMS} names no file like {wanted.pattern!r}; expected the list of sums "
                f"at {self.files_url}."
            )
        fetch_files(self.files_url, path, sums)
        return path

    def _list(self, folder: Path) -> Iterator[Recording]:
        for path in files_below(folder, "chb*.edf"):
            match = _FILE.fullmatch(path.name)
            case = int(match[1]) if match else 0
            if case not in self.all_subjects or (case == _SECOND and self.same_person == "drop"):
                continue
            subject = _FIRST if case == _SECOND and self.same_person == "merge" else case
            yield Recording(subject, self._side_of(subject), path)

    def recordings(
        self,
        folder: str | Path,
        subjects: Iterable[int | str] | None = None,
        splits: Iterable[str] | None = None,
    ) -> list[Recording]:
        """List the recordings in a folder by their names, without opening files.

        Parameters
        ----------
        folder, subjects, splits
            As in :meth:`load`.

        Returns
        -------
        list of Recording
            A warning names missing subjects, and another says if ``same_person="warn"`` leaves
            one person in two parts of the split.

        Raises
        ------
        FileNotFoundError, ValueError
            As in :meth:`load`.
        """
        given = None if subjects is None else listed(subjects)
        if given and _SECOND in given and self.same_person != "warn":
            raise ValueError(
                f"subjects={given} was given, but chb21 is the person of chb01 and not a separate "
                f"subject with same_person={self.same_person!r}; same_person='warn' keeps it."
            )
        found = super().recordings(folder, given, splits)
        if {_FIRST, _SECOND} <= {recording.subject for recording in found}:
            warn(
                "CHB-MIT: chb01 (training) and chb21 (validation) are the same person; "
                "same_person='merge' uses both for training.",
                UserWarning,
            )
        return found

    def _subjects_of(self, sides: Collection[str]) -> list[int]:
        own = super()._subjects_of(sides)
        return [s for s in own if s != _SECOND or self.same_person == "warn"]

    def _read(self, recording: Recording) -> tuple[NDArray, NDArray]:
        seizures = self.seizures(recording.path)
        raw = read_edf(recording.path)
        duration = raw.n_times / raw.info["sfreq"]
        if any(end > np.ceil(duration) for _, end in seizures):
            raise ValueError(
                f"The summary beside {recording.path} has the seizures {seizures}, in seconds, but "
                f"the recording lasts {duration:g} s; expected the files as published."
            )
        raw.rename_channels({n: f"O{n[1:]}" for n in raw.ch_names if _ZERO.fullmatch(n)})
        signals = signals_by_name(raw, self.ch_names, recording.path)
        signals = prepared(signals, raw.info["sfreq"], self)
        n_times = round(self.window * self.sfreq)
        starts = np.arange(signals.shape[1] // n_times) * self.window
        if self.seizure_step is not None and recording.split == "train":
            extra = [
                np.arange(max(0, start - 1), end + 1, self.seizure_step) for start, end in seizures
            ]
            starts = np.concatenate([starts, *extra])
            starts = starts[(starts + self.window) * self.sfreq <= signals.shape[1]]
        X = windows_at(signals, np.round(starts * self.sfreq).astype(int), n_times)
        overlaps = [(starts < end) & (starts + self.window > start) for start, end in seizures]
        return X, np.any(overlaps, axis=0).astype(int) if overlaps else np.zeros(len(X), int)

    def seizures(self, path: str | Path) -> list[tuple[int, int]]:
        """Return the seizures in a recording, according to the summary beside it.

        Parameters
        ----------
        path : path
            An EDF file.

        Returns
        -------
        list of (int, int)
            First and last second of each seizure.

        Raises
        ------
        FileNotFoundError
            If there is no summary.
        ValueError
            If the summary contradicts itself, or does not name a recording with seizures.
        """
        path = Path(path)
        summary = path.parent / f"{path.name[:5]}-summary.txt"
        if not summary.is_file():
            raise FileNotFoundError(
                f"{summary} is missing; it says when the seizures of {path.name} occur, and is "
                "published beside it."
            )
        text = summary.read_text(encoding="utf-8", errors="replace")
        for section in re.split(r"^\s*File Name:", text, flags=re.M | re.I)[1:]:
            if section.split("\n", 1)[0].strip() == path.name:
                return _seizures_of(section, summary, path.name)
        if path.with_name(path.name + ".seizures").is_file():
            raise ValueError(
                f"{summary} does not name {path.name}, but there is a {path.name}.seizures beside "
                "it; expected the summary as published."
            )
        return []


def _seizures_of(section: str, summary: Path, name: str) -> list[tuple[int, int]]:
    stated = re.search(r"Number of Seizures in File:\s*(\d+)", section, re.IGNORECASE)
    times: dict[str, list[int]] = {"Start": [], "End": []}
    for which, seconds in _TIME.findall(re.sub(r"[ \t]+", " ", section)):
        times[which.capitalize()].append(int(seconds))
    seizures = list(zip(times["Start"], times["End"], strict=False))
    counts = {len(times["Start"]), len(times["End"]), int(stated[1]) if stated else -1}
    if len(counts) > 1 or any(end <= start for start, end in seizures):
        raise ValueError(
            f"{summary} says of {name}: {int(stated[1]) if stated else 'no number of'} seizures, "
            f"beginning at {times['Start']} and ending at {times['End']} s; expected as many "
            "starts and ends as seizures."
        )
    return seizures
