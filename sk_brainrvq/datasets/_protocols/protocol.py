"""Published evaluation protocol of a dataset, and loading of its windows."""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.cutting import windows_at
from sk_brainrvq.datasets._protocols.labelled_windows import SPLITS, Windows, listed
from sk_brainrvq.datasets._protocols.recording import Recording, files_below, without_copies
from sk_brainrvq.datasets._protocols.reporting import Reporting
from sk_brainrvq.user_warnings import warn


class Protocol(Reporting, ABC):
    """Dataset with its published evaluation; base class of those in ``PROTOCOLS``.

    Attributes
    ----------
    name, title : str
        Name of the dataset in commands, and in prose.
    url, licence, citation : str
    example_file : str
        Path of one recording, as published.
    needs_registration : bool
        Whether the files require registration; otherwise :meth:`fetch` downloads them.
    ch_names : tuple of str
        Channels of the windows, in this order. "A-B" is the difference of two electrodes.
    classes : tuple of str
    metrics : {"binary", "multiclass"}
        Which scores :meth:`report` returns: balanced accuracy, AUC-PR and AUROC for binary tasks,
        otherwise balanced accuracy, Cohen's kappa and weighted F1.
    l_freq, h_freq, notch : float or None
        Edges of the pass band and mains frequency in Hz; None leaves a filter out.
    reference : str or None
        "average" subtracts the mean of the channels; None keeps the reference of the recording.
    window : float
        Length of the windows in seconds.
    sfreq : float
        Sampling rate of the windows in Hz.
    all_subjects : tuple of int
        Subjects of the dataset; empty if they have no numbers.
    n_recordings : int or None
        Number of recordings per subject, if it is the same for all.
    n_files : int or None
        Number of recordings in the whole dataset, if its subjects have no numbers.
    subjects_by_split : tuple of range or of tuple of int
        Subjects for training, validation and test; empty if they have no numbers, or if all
        subjects are in all parts.
    split_rule : str
        Description of the split in words.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    url: ClassVar[str]
    example_file: ClassVar[str]
    licence: ClassVar[str]
    citation: ClassVar[str]
    needs_registration: ClassVar[bool] = False
    ch_names: ClassVar[tuple[str, ...]]
    classes: ClassVar[tuple[str, ...]]
    metrics: ClassVar[str]
    l_freq: ClassVar[float | None] = None
    h_freq: ClassVar[float | None] = None
    notch: ClassVar[float | None] = None
    reference: ClassVar[str | None] = None
    sfreq: ClassVar[float] = 200.0
    all_subjects: ClassVar[tuple[int, ...]] = ()
    n_recordings: ClassVar[int | None] = None
    n_files: ClassVar[int | None] = None
    subjects_by_split: ClassVar[tuple[Sequence[int], ...]] = ()
    split_rule: ClassVar[str]
    window: float
    # Whether a subject with too few recordings is left out, or loaded with a warning.
    _drops_incomplete: ClassVar[bool] = False

    @abstractmethod
    def _list(self, folder: Path) -> Iterable[Recording]:
        """List all recordings in a folder; other files are skipped."""

    @abstractmethod
    def _read(self, recording: Recording) -> tuple[NDArray, ...]:
        """Return windows in microvolts (n_windows, n_channels, n_times), classes and any onsets."""

    def load(
        self,
        folder: str | Path,
        subjects: Iterable[int | str] | None = None,
        splits: Iterable[str] | None = None,
        *,
        on_error: str = "raise",
    ) -> Windows:
        """Read recordings and cut them into windows.

        Parameters
        ----------
        folder : path
            Folder with all or some of the files as published; other files are ignored.
        subjects : iterable of int or str, optional
            Subjects to load; by default all that are present, and a warning names the others.
        splits : iterable of {"train", "validation", "test"}, optional
            Parts of the published split to load; all by default.
        on_error : {"raise", "warn"}, default="raise"
            What to do about a recording that is not as published: raise an error, or leave it out
            with a warning that says why.

        Returns
        -------
        Windows
            Windows at 200 Hz in microvolts, sorted by subject, with ``split``.

        Raises
        ------
        FileNotFoundError
            If the folder, a requested subject or a file of labels is missing.
        ValueError
            If a split is unknown, or if a file is not as published, for example lacks a channel.
        """
        parts = list(self.iter_recordings(folder, subjects, splits, on_error=on_error))
        if not parts:
            raise ValueError(
                f"No recording of {self.title} in {folder} holds a whole window of "
                f"{self.window:g} s"
                + (" or could be read; the warnings say why." if on_error == "warn" else ".")
            )
        return Windows.concatenate(parts)

    def iter_recordings(
        self,
        folder: str | Path,
        subjects: Iterable[int | str] | None = None,
        splits: Iterable[str] | None = None,
        *,
        on_error: str = "raise",
    ) -> Iterator[Windows]:
        """Yield the windows of one recording at a time, for data that do not fit in memory.

        Parameters
        ----------
        folder, subjects, splits, on_error
            As in :meth:`load`.

        Yields
        ------
        Windows
            Windows of one recording in one part of the split. Recordings without a complete
            window are skipped.

        Raises
        ------
        FileNotFoundError, ValueError
            As in :meth:`load`.
        """
        if on_error not in ("raise", "warn"):
            raise ValueError(f"on_error={on_error!r} was given; expected 'raise' or 'warn'.")
        found = self.recordings(folder, subjects, splits)
        # If a subject needs all of its recordings, they are read together.
        groups = (
            [list(group) for _, group in groupby(found, attrgetter("subject"))]
            if self._drops_incomplete
            else [[recording] for recording in found]
        )
        for group in groups:
            try:
                parts = [self._read(recording) for recording in group]
            except (ValueError, OSError) as error:
                if on_error == "raise":
                    raise
                names = ", ".join(str(recording.path) for recording in group)
                warn(f"Left out: {names}. {error}", UserWarning)
                continue
            for recording, part in zip(group, parts, strict=True):
                if len(part[1]):
                    yield self._windows(recording, *part)

    def _windows(
        self, recording: Recording, X: NDArray, y: NDArray, onsets: NDArray | None = None
    ) -> Windows:
        return Windows(
            np.ascontiguousarray(X, np.float32),
            np.asarray(y, np.int64),
            np.repeat(np.array([recording.subject]), len(y)),
            list(self.ch_names),
            self.sfreq,
            self.classes,
            np.repeat(np.array([recording.split], "U10"), len(y)),
            None if onsets is None else np.asarray(onsets, np.float64),
            np.repeat(np.array([recording.path.name]), len(y)),
        )

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
            Sorted by subject and name. A warning names missing subjects.

        Raises
        ------
        FileNotFoundError, ValueError
            As in :meth:`load`.
        """
        folder, sides = Path(folder), self._checked_splits(splits)
        if not folder.is_dir():
            raise FileNotFoundError(f"No folder {folder}; {self.how_to_get()}")
        found = without_copies(self._list(folder), self.title)
        if found and self.n_files is not None and len(found) < self.n_files:
            warn(
                f"{self.title}: {len(found)} of {self.n_files} recordings are in {folder}. "
                "Training and validation are split among the available subjects, so they differ "
                "from the published split.",
                UserWarning,
            )
        if subjects is None:
            kept = self._those_there(folder, found, sides)
        else:
            asked = listed(subjects)
            kept = self._those_asked_for(folder, found, asked)
            if not any(r.subject in kept and r.split in sides for r in found):
                raise ValueError(
                    f"subjects={asked} and splits={list(sides)} were given; none of these subjects "
                    f"is in these parts of the split ({self.split_rule})."
                )
        return [r for r in found if r.subject in kept and r.split in sides]

    def fetch(
        self, folder: str | Path | None = None, subjects: Iterable[int] | None = None
    ) -> Path:
        """Download files and check their sums.

        Parameters
        ----------
        folder : path, optional
            Folder to keep the files in; pooch's cache folder by default. Existing files are not
            downloaded again.
        subjects : iterable of int, optional
            Subjects to download; all by default.

        Returns
        -------
        Path
            The folder, for :meth:`load`.

        Raises
        ------
        OSError
            If the server cannot be reached.
        ValueError
            If a file does not have the published sum, or if the dataset requires registration.
        """
        raise ValueError(f"{self.title} cannot be downloaded from here: {self.how_to_get()}")

    def how_to_get(self) -> str:
        """Say in a sentence where the files come from.

        Returns
        -------
        str
        """
        if self.needs_registration:
            return f"register at {self.url} and pass the folder of the files."
        return f"{type(self).__name__}().fetch downloads the files from {self.url}"

    def _numbered(
        self, folder: Path, names: str, pattern: re.Pattern[str]
    ) -> Iterator[tuple[re.Match[str], Recording]]:
        """Yield files of known subjects, whose number is the first group of the pattern."""
        for path in files_below(folder, names):
            match = pattern.fullmatch(path.name)
            if match and int(match[1]) in self.all_subjects:
                yield match, Recording(int(match[1]), self._side_of(int(match[1])), path)

    def _windows_at(self, signals: NDArray, onsets: NDArray) -> tuple[NDArray, NDArray]:
        """Cut complete windows at given seconds; also say which of the seconds have one."""
        n_times = round(self.window * self.sfreq)
        starts = np.round(onsets * self.sfreq).astype(int)
        whole = (starts >= 0) & (starts + n_times <= signals.shape[1])
        return windows_at(signals, starts[whole], n_times), whole

    def _wanted(self, subjects: Iterable[int] | None) -> tuple[int, ...]:
        """Check which subjects to download."""
        wanted = self.all_subjects if subjects is None else tuple(listed(subjects))
        if not wanted or not set(wanted) <= set(self.all_subjects):
            raise ValueError(
                f"subjects={list(wanted)} was given; expected some of {self.all_subjects[0]} to "
                f"{self.all_subjects[-1]}."
            )
        return wanted

    def _checked_splits(self, splits: Iterable[str] | None) -> tuple[str, ...]:
        if splits is None:
            return SPLITS
        given = (splits,) if isinstance(splits, str) else tuple(splits)
        unknown = [side for side in given if side not in SPLITS]
        if unknown or not given:
            raise ValueError(f"splits={list(given)} was given; expected some of {list(SPLITS)}.")
        return given

    def _subjects_of(self, sides: Collection[str]) -> list[int]:
        """Numbers of the subjects that have windows in some parts of the split."""
        if not self.subjects_by_split:
            return list(self.all_subjects)
        return [s for s in self.all_subjects if self._side_of(s) in sides]

    def _side_of(self, subject: int) -> str:
        pairs = zip(SPLITS, self.subjects_by_split, strict=True)
        return next(side for side, own in pairs if subject in own)

    def _incomplete(self, found: Sequence[Recording]) -> list[int | str]:
        if self.n_recordings is None:
            return []
        files = dict.fromkeys((r.subject, r.path.stem) for r in found)
        counts = Counter(subject for subject, _ in files)
        return [subject for subject, n in counts.items() if n < self.n_recordings]

    def _those_asked_for(
        self, folder: Path, found: Sequence[Recording], subjects: Sequence[int | str]
    ) -> set[int | str]:
        unknown = [s for s in subjects if self.all_subjects and s not in self.all_subjects]
        if unknown:
            raise ValueError(
                f"subjects={subjects} was given; {self.title} has the subjects "
                f"{self.all_subjects[0]} to {self.all_subjects[-1]}, and not {unknown}."
            )
        incomplete = self._incomplete(found)
        there = {r.subject for r in found}
        if self._drops_incomplete:
            there -= set(incomplete)
        missing = [subject for subject in subjects if subject not in there]
        if missing:
            raise FileNotFoundError(
                f"{folder} lacks recordings of subjects {missing}"
                + (f", {self.n_recordings} of each" if self._drops_incomplete else "")
                + f"; {self.how_to_get()}"
            )
        self._warn_incomplete(folder, [s for s in incomplete if s in set(subjects)])
        return set(subjects)

    def _those_there(
        self, folder: Path, found: Sequence[Recording], sides: Collection[str]
    ) -> set[int | str]:
        incomplete = self._incomplete(found)
        there = {r.subject for r in found if r.split in sides}
        if self._drops_incomplete:
            there -= set(incomplete)
        if not there:
            raise FileNotFoundError(
                f"{folder} holds no recording of {self.title} ({', '.join(sides)})"
                # The example is a training recording.
                + (f", such as {self.example_file}" if "train" in sides else "")
                + f"; {self.how_to_get()}"
            )
        absent = [s for s in self._subjects_of(sides) if s not in there]
        partly = [s for s in absent if s in incomplete]
        if partly:
            warn(
                f"{self.title} subjects {partly} lack one of {self.n_recordings} recordings in "
                f"{folder} and are left out.",
                UserWarning,
            )
        missing = [s for s in absent if s not in partly]
        if missing:
            warn(f"{self.title} subjects {missing} are not in {folder}.", UserWarning)
        self._warn_incomplete(folder, [s for s in incomplete if s in there])
        return there

    def _warn_incomplete(self, folder: Path, subjects: Sequence[int | str]) -> None:
        if subjects and not self._drops_incomplete:
            warn(
                f"{self.title} subjects {subjects} have fewer than {self.n_recordings} recordings "
                f"in {folder}; the available ones are loaded.",
                UserWarning,
            )
