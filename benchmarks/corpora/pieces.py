"""What readers of datasets return, and which people it may include."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import NDArray

from sk_brainrvq.datasets import BENCHMARK_SPLITS


@dataclass(frozen=True)
class Piece:
    """Continuous EEG of one person.

    Attributes
    ----------
    person, session : str
        Letters, digits and hyphens.
    microvolts : ndarray, shape (n_channels, n_samples)
        As published, with the mean removed.
    sfreq : float
    ch_names : tuple of str
    """

    person: str
    session: str
    microvolts: NDArray
    sfreq: float
    ch_names: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """What a reader left out, and why."""

    what: str
    why: str


# Reads those people of a folder whom the function accepts; it is asked before their files are
# opened.
Reader = Callable[[Path, Callable[[str], bool]], Iterator[Piece | LeftOut]]


@dataclass(frozen=True)
class Source:
    """A dataset of the corpus.

    Attributes
    ----------
    name, title : str
    licence, url : str
    read_where : str
        Where the licence was read, or a note that it was not.
    mains : float or None
        Mains frequency, removed first, with its harmonics; None if there is nothing to remove
        because the files were published without it, or if the pieces are too short.
    read : Reader
    """

    name: str
    title: str
    licence: str
    url: str
    read_where: str
    mains: float | None
    read: Reader


def wanted(source: str, half: str | None = None) -> Callable[[str], bool]:
    """Select the people of a dataset who go into the corpus.

    Parameters
    ----------
    source : str
        Name of a dataset. From those that benchmarks test on, only people to develop on.
    half : {"odd", "even"}, optional
        Leave out the people of every other fold of those: a model trained on such a corpus has
        not seen anybody who is tested in the folds left out.

    Returns
    -------
    callable
        Takes a person; returns whether to include them.
    """
    split = BENCHMARK_SPLITS.get(source)
    if split is None:
        return _anybody
    folds = split.folds
    if half is not None:
        folds = folds[1::2] if half == "odd" else folds[::2]  # the first fold is odd
    return _among([person for fold in folds for person in fold])


def scored_once(source: str) -> Callable[[str], bool]:
    """People who must not be in the corpus, but may be read to check that they are not."""
    split = BENCHMARK_SPLITS.get(source)
    return _among(split.score_once if split else ())


def _anybody(person: str) -> bool:
    return bool(person)


def _among(people: Iterable[int]) -> Callable[[str], bool]:
    numbers = set(people)
    return lambda person: person.isdigit() and int(person) in numbers
