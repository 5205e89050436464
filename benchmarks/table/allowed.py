"""Whom benchmarks may read: ``BENCHMARK_SPLITS`` is asked before a file is opened.

Classes of ``sk_brainrvq.datasets`` load whom they are asked for, and keep the published splits.
Commands of this folder read these datasets through the functions here.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from sk_brainrvq.datasets import BENCHMARK_SPLITS, Protocol, Windows, load_eegmat

# Those of ``BENCHMARK_SPLITS``: people to develop on, and people who are scored once.
PROJECT_SPLITS = ("develop", "once")
# Their published split, and folds over all people but those never read, stay beside ours.
_PUBLISHED_TOO = ("eegmat",)


def default_split(dataset: str, other: str) -> str:
    """People to develop on where a dataset has such, else ``other``."""
    return "develop" if dataset in BENCHMARK_SPLITS else other


def readable_people(protocol: Protocol, folder: Path, split: str | None) -> list[int | str] | None:
    """People in a folder whom a command may read, by the names of their files.

    Parameters
    ----------
    protocol : Protocol
    folder : Path
    split : {"develop", "once", "folds", "official", "both"}, optional
        As the command line has it.

    Returns
    -------
    list of int or str, or None
        None for all, of a dataset without a split of the project.

    Raises
    ------
    ValueError
        If the dataset has no such split, or its test people are never read.
    """
    name = protocol.name
    if name not in BENCHMARK_SPLITS:
        if split in PROJECT_SPLITS:
            raise ValueError(
                f"--split {split} was given; only {', '.join(BENCHMARK_SPLITS)} have one, and not "
                f"{name}."
            )
        return None
    if split not in PROJECT_SPLITS and name not in _PUBLISHED_TOO:
        raise ValueError(
            f"--split {split} was given; nobody has published a split of {name}, and some of its "
            f"people are never read: expected {' or '.join(PROJECT_SPLITS)}."
        )
    own, there = BENCHMARK_SPLITS[name], {r.subject for r in protocol.recordings(folder)}
    reserved = sorted(there & set(own.never_read))
    if reserved and split in ("official", "both"):
        raise ValueError(
            f"--split {split} was given; it tests on people {reserved} of {name}, whom benchmarks "
            "never read: they are kept for a test that nothing was tuned on. Take --split develop "
            f"or folds; {type(protocol).__name__}().load reads them in code of your own."
        )
    if reserved and split not in PROJECT_SPLITS:
        print(f"note: people {reserved} of {name} are never read by benchmarks", file=sys.stderr)
    people = sorted(there & {*own.develop, *(own.score_once if split != "develop" else ())})
    own.check(people, score_once=split != "develop")
    return people


def eegmat_windows(folder: Path, people: Iterable[int]) -> Windows:
    """Windows of EEGMAT, of people to develop on.

    Raises
    ------
    ValueError
        For others, before a file is opened.
    """
    people = list(people)
    BENCHMARK_SPLITS["eegmat"].check(people)
    return load_eegmat(folder, people)
