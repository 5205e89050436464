"""People whom benchmarks may read: ``BENCHMARK_SPLITS`` is checked before a file is opened.

Classes of ``sk_brainrvq.datasets`` load any people they are asked for, with the published splits.
Commands of this folder read these datasets only through the functions here.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from sk_brainrvq.datasets import BENCHMARK_SPLITS, Protocol, Windows, load_eegmat

# Splits of ``BENCHMARK_SPLITS``: people to develop on, and people who are scored once.
PROJECT_SPLITS = ("develop", "once")
# The published split, and folds over all people except those never read, remain available.
_PUBLISHED_TOO = ("eegmat",)


def default_split(dataset: str, other: str) -> str:
    """The split by people to develop on if the dataset has one, else ``other``."""
    return "develop" if dataset in BENCHMARK_SPLITS else other


def readable_people(protocol: Protocol, folder: Path, split: str | None) -> list[int | str] | None:
    """List the people in a folder whom a command may read, by the names of their files.

    Parameters
    ----------
    protocol : Protocol
    folder : Path
    split : {"develop", "once", "folds", "official", "both"}, optional
        As the command line has it.

    Returns
    -------
    list of int or str, or None
        None for everybody, if the project has no split of the dataset.

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
            "never read: they are kept for a final test, for which nothing is tuned. Take --split "
            f"develop or folds; {type(protocol).__name__}().load reads them in code of your own."
        )
    if reserved and split not in PROJECT_SPLITS:
        print(f"note: people {reserved} of {name} are never read by benchmarks", file=sys.stderr)
    people = sorted(there & {*own.develop, *(own.score_once if split != "develop" else ())})
    own.check(people, score_once=split != "develop")
    return people


def eegmat_windows(folder: Path, people: Iterable[int]) -> Windows:
    """Load windows of EEGMAT's people to develop on.

    Raises
    ------
    ValueError
        For other people, before a file is opened.
    """
    people = list(people)
    BENCHMARK_SPLITS["eegmat"].check(people)
    return load_eegmat(folder, people)
