"""Inputs named on the command line: recordings, folders of recordings, corpora."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

# A corpus whose building was interrupted has only the second.
_MARKS_OF_A_CORPUS = ("index.jsonl", "zarr.json")


def find_recordings(places: Sequence[str]) -> list[str]:
    """Find recordings in files and folders, each once.

    Parameters
    ----------
    places : sequence of str
        Files, folders to search, and patterns such as ``data/**/*.edf``.

    Returns
    -------
    list of str
        Recordings in the order of the places; those of a folder are sorted by name. Single files
        may be missing: they count as recordings that cannot be used.

    Raises
    ------
    click.UsageError
        If nothing is found, a place is a corpus, or a folder holds no recording.
    """
    from sk_brainrvq.corpus.finding import InvalidCorpusError, find_sources

    found: dict[str, None] = {}
    for place in places:
        if is_corpus(place):
            raise click.UsageError(
                f"{place} is a corpus, but this command needs recordings: pass files or folders."
            )
        try:
            sources = find_sources([place])
        except InvalidCorpusError as error:
            raise click.UsageError(str(error)) from error
        for source in sources:
            found[source] = None
    if not any(map(os.path.exists, found)):
        raise click.UsageError(f"There is no file or folder {', '.join(places)}.")
    return list(found)


def hold_out_subjects(
    recordings: Sequence[str], fraction: float, seed: int
) -> tuple[list[str], list[str]]:
    """Split recordings into those to train on and, from other subjects, those to validate on.

    Parameters
    ----------
    recordings : sequence of str
    fraction : float
        Share of the subjects to hold out.
    seed : int

    Returns
    -------
    training, validation : list of str

    Raises
    ------
    click.UsageError
        If there are too few subjects.
    """
    from sklearn.model_selection import GroupShuffleSplit

    from sk_brainrvq.corpus.finding import subject_rule

    rule = subject_rule(None)
    subjects = [rule(recording)[0] for recording in recordings]
    splitter = GroupShuffleSplit(1, test_size=fraction, random_state=seed)
    try:
        training, validation = next(splitter.split(recordings, groups=subjects))
    except ValueError as error:
        raise click.UsageError(
            f"--validation {fraction} cannot be split off {len(set(subjects))} subjects: {error}"
        ) from error
    return [recordings[i] for i in training], [recordings[i] for i in validation]


def is_corpus(place: str) -> bool:
    """Whether a place is a corpus: a URL, or a folder that holds one."""
    return "://" in place or any((Path(place) / mark).is_file() for mark in _MARKS_OF_A_CORPUS)


def training_data(places: Sequence[str], window: float, overlap: float) -> Any:
    """A corpus, or a list of recordings.

    Parameters
    ----------
    places : sequence of str
    window, overlap : float
        Length and overlap, in seconds, of the windows that a corpus is cut into.

    Returns
    -------
    EEGCorpus or list of str

    Raises
    ------
    click.UsageError
        If a corpus is one of several places, or nothing is found at a place.
    """
    corpora = [place for place in places if is_corpus(place)]
    if not corpora:
        return find_recordings(places)
    if len(places) > 1:
        raise click.UsageError(
            f"{corpora[0]} is a corpus, but {len(places)} inputs were given. Pass only one corpus, "
            "or recordings. 'corpus build' adds recordings to a corpus."
        )
    from sk_brainrvq.corpus import EEGCorpus

    return EEGCorpus(corpora[0], window=window, overlap=overlap)
