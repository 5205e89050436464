"""Datasets as tasks, and their division into training, validation and test windows."""

import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets import BENCHMARK_SPLITS, PROTOCOLS, BenchmarkSplit, Windows, make_eeg
from table.allowed import PROJECT_SPLITS, readable_people

SFREQ = 200.0
# Subjects of EEGMAT's published split. The files of test subjects may be missing.
EEGMAT_SPLIT = {"train": range(28), "validation": range(28, 32), "test": range(32, 36)}
_PARTS = ("train", "validation", "test")
# 170 MB; the others are larger or need registration.
DOWNLOADED = ("eegmat",)


@dataclass(frozen=True)
class Task:
    """Windows to classify.

    Attributes
    ----------
    dataset : str
    X : ndarray, shape (n_windows, n_channels, n_times), float32
        In microvolts, at 200 Hz.
    y : ndarray, shape (n_windows,), int64
    subjects : ndarray, shape (n_windows,), int64 or str
    ch_names : list of str
    classes : tuple of str
    kind : {"binary", "multiclass"}
    parts : ndarray of str, shape (n_windows,), or None
        "train", "validation" or "test" of the official split; None where there is none.
    onsets : ndarray, shape (n_windows,), or None
        Second of the recording at which a window begins, if the dataset states it.
    """

    dataset: str
    X: NDArray
    y: NDArray
    subjects: NDArray
    ch_names: list[str]
    classes: tuple[str, ...]
    kind: str
    parts: NDArray | None = None
    onsets: NDArray | None = None


@dataclass(frozen=True)
class Fold:
    """One division of a task's windows: choose on validation, then score test once.

    Attributes
    ----------
    split : {"folds", "official", "develop", "once"}
        The last two come from ``sk_brainrvq.datasets.BENCHMARK_SPLITS``.
    name : str
    train, validation, test : ndarray of int
        Rows. ``test`` is empty in an official split without test subjects: the validation
        windows are scored then, and the table says so.
    """

    split: str
    name: str
    train: NDArray
    validation: NDArray
    test: NDArray

    @property
    def scored(self) -> NDArray:
        """Rows that are scored."""
        return self.test if len(self.test) else self.validation

    @property
    def fitted(self) -> NDArray:
        """Rows for fitting systems that choose nothing.

        In the project's own splits these are all rows that are not scored, elsewhere ``train``.
        """
        if self.split in PROJECT_SPLITS:
            return np.sort(np.concatenate([self.train, self.validation]))
        return self.train


def dataset_names() -> list[str]:
    """Names that ``--dataset`` accepts."""
    return sorted({"simulated", *PROTOCOLS})


def load_task(dataset: str, folder: Path | None, split: str | None = None) -> Task:
    """Read a dataset.

    Parameters
    ----------
    dataset : str
        One of :func:`dataset_names`; "simulated" needs no folder.
    folder : Path or None
        Without a folder, EEGMAT is downloaded once; the other datasets must be requested.
    split : {"develop", "once", "folds", "official", "both"}, optional
        Split of the command line. Only its people are read, and nobody whom ``BENCHMARK_SPLITS``
        holds back; by default everybody else in the folder.

    Returns
    -------
    Task

    Raises
    ------
    ValueError
        For an unknown dataset, a rate other than 200 Hz, fewer than two classes, or people who
        are never read.
    FileNotFoundError
        If the folder is missing.
    OSError
        If a download fails.
    """
    if dataset not in dataset_names():
        raise ValueError(f"--dataset {dataset} is unknown; choose from {dataset_names()}.")
    if dataset == "simulated":
        windows = make_eeg(n_subjects=8, n_windows=16, duration=2, random_state=0)
    elif folder is None:
        windows = _load(dataset, _downloaded(dataset), split)
    elif not folder.is_dir():
        raise FileNotFoundError(f"--data {folder} is not a folder.")
    else:
        windows = _load(dataset, folder, split)
    return as_task(dataset, windows)


def _downloaded(dataset: str) -> Path:
    """Folder of the files if none was given."""
    protocol = PROTOCOLS[dataset]()
    if dataset not in DOWNLOADED:
        raise ValueError(
            f"--dataset {dataset} needs --data FOLDER, where its files are: {protocol.how_to_get()}"
        )
    print(f"note: no --data: {protocol.title} is downloaded unless it was before", file=sys.stderr)
    try:
        return protocol.fetch(subjects=_downloadable(dataset))
    except OSError as error:
        raise OSError(
            f"{protocol.title} could not be downloaded; pass --data FOLDER, where its files are "
            f"({error})"
        ) from error


def _downloadable(dataset: str) -> tuple[int, ...] | None:
    """People to download, without those who are never read."""
    split = BENCHMARK_SPLITS.get(dataset)
    return None if split is None else (*split.develop, *split.score_once)


def _load(dataset: str, folder: Path, split: str | None) -> Windows:
    protocol = PROTOCOLS[dataset]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        windows = protocol.load(folder, readable_people(protocol, folder, split))
    for message in {str(warning.message) for warning in caught}:
        print(f"note: {message}", file=sys.stderr)
    return windows


def as_task(dataset: str, windows: Windows) -> Task:
    """Check windows and make a task of them."""
    if windows.sfreq != SFREQ:
        raise ValueError(f"{dataset} is at {windows.sfreq} Hz; the protocol asks for {SFREQ} Hz.")
    found = np.unique(windows.y)
    if len(found) < 2:
        raise ValueError(
            f"{dataset} holds {len(windows.y)} windows of one class only "
            f"({windows.classes[found[0]] if len(found) else 'none'}); two are needed."
        )
    return Task(
        dataset,
        windows.X,
        np.asarray(windows.y, np.int64),
        np.asarray(windows.subjects),
        list(windows.ch_names),
        tuple(windows.classes),
        PROTOCOLS[dataset].metrics if dataset in PROTOCOLS else "binary",
        windows.split,
        windows.onsets,
    )


def grouped_folds(task: Task, subjects_per_fold: int = 4) -> list[Fold]:
    """Make folds that keep subjects together.

    Parameters
    ----------
    task : Task
    subjects_per_fold : int, default=4

    Returns
    -------
    list of Fold
        Subjects in sorted order are cut into runs of about that many: fold 1 tests on the
        first. Each fold validates on the run after its own (the last fold on the first run)
        and trains on all others.

    Raises
    ------
    ValueError
        If there are too few subjects for three folds.
    """
    subjects = np.unique(task.subjects)
    n_folds = round(len(subjects) / subjects_per_fold)
    if n_folds < 3:
        raise ValueError(
            f"{task.dataset} has {len(subjects)} subjects, which make {n_folds} folds of about "
            f"{subjects_per_fold}; three are needed, to test, to validate and to train on. Set "
            "--subjects-per-fold lower."
        )
    runs = np.array_split(subjects, n_folds)
    folds = []
    for i, run in enumerate(runs):
        validates = runs[(i + 1) % n_folds]
        test, validation = np.isin(task.subjects, run), np.isin(task.subjects, validates)
        rows = [np.flatnonzero(mask) for mask in (~(test | validation), validation, test)]
        folds.append(_checked(Fold("folds", str(i + 1), *rows), task))
    return folds


def official_fold(task: Task) -> Fold:
    """Return the published split, as far as its subjects are available.

    Parameters
    ----------
    task : Task

    Returns
    -------
    Fold

    Raises
    ------
    ValueError
        If the dataset has no official split, or no training or validation windows of it.
    """
    if task.parts is None:
        raise ValueError(f"{task.dataset} has no official split; take --split folds.")
    rows = [np.flatnonzero(task.parts == part) for part in _PARTS]
    if not len(rows[0]) or not len(rows[1]):
        empty = [part for part, of_part in zip(_PARTS, rows, strict=True) if not len(of_part)]
        raise ValueError(f"The official split of {task.dataset} has no windows to {empty} here.")
    return _checked(Fold("official", "official", *rows), task)


def _project_split(dataset: str, split: str) -> BenchmarkSplit:
    if dataset not in BENCHMARK_SPLITS:
        raise ValueError(
            f"--split {split} was given; only {', '.join(BENCHMARK_SPLITS)} have one, and not "
            f"{dataset}."
        )
    return BENCHMARK_SPLITS[dataset]


def project_folds(task: Task, split: str) -> list[Fold]:
    """Return the project's own split, the same for every model.

    Parameters
    ----------
    task : Task
        Task with people of the split only.
    split : {"develop", "once"}
        Cross-validation over the people to develop on; or these for fitting, and those scored once
        for testing.

    Returns
    -------
    list of Fold
        Systems that choose something validate on the fold after their own (or the first one);
        those that choose nothing are fitted on it as well.

    Raises
    ------
    ValueError
        If the dataset has no such split, or there are people of other groups.
    """
    own = _project_split(task.dataset, split)
    own.check(np.unique(task.subjects).tolist(), score_once=split == "once")
    rows = [np.flatnonzero(np.isin(task.subjects, fold)) for fold in own.folds]
    rows = [of_fold for of_fold in rows if len(of_fold)]
    if split == "once":
        test = np.flatnonzero(np.isin(task.subjects, own.score_once))
        return [_checked(Fold(split, split, np.concatenate(rows[1:]), rows[0], test), task)]
    folds = []
    for i, test in enumerate(rows):
        validation = rows[(i + 1) % len(rows)]
        train = np.setdiff1d(np.concatenate(rows), np.concatenate([test, validation]))
        folds.append(_checked(Fold(split, str(i + 1), train, validation, test), task))
    return folds


def _checked(fold: Fold, task: Task) -> Fold:
    """Return the fold; raise now, rather than after training, if a part has only one class."""
    parts = {"train": fold.train, "validation": fold.validation, "test": fold.scored}
    for part, rows in parts.items():
        found = np.unique(task.y[rows])
        if len(found) < 2:
            raise ValueError(
                f"The {part} windows of fold {fold.name} ({task.dataset}) are all of class "
                f"{task.classes[found[0]]!r}; two classes are needed. Take more subjects for a "
                "fold (--subjects-per-fold)."
            )
    return fold


def missing_subjects(task: Task) -> dict[str, list[int]]:
    """Missing subjects of EEGMAT's published split, by part; empty for other datasets."""
    if task.dataset != "eegmat":
        return {}
    found = set(task.subjects.tolist())
    return {
        part: missing
        for part, members in EEGMAT_SPLIT.items()
        if (missing := [subject for subject in members if subject not in found])
    }


def compact(subjects: Iterable[int | str]) -> str:
    """Format numbers as ranges, "0-3, 7", and names one by one."""
    numbers = list(subjects)
    if not all(isinstance(number, int) for number in numbers):
        return ", ".join(map(str, numbers))
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)
