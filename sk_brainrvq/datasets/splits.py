"""How this project's benchmarks may use the people of a dataset, fixed once for all results."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class BenchmarkSplit:
    """The people of a dataset, grouped by what benchmarks may use them for.

    The benchmarks of this project check here whose data they may read. This does not bind you: the
    datasets are public, and their classes load anyone you request.

    Attributes
    ----------
    dataset : str
        Name in ``PROTOCOLS``.
    develop : tuple of int
        People for training, model selection and cross-validation.
    folds : tuple of tuple of int
        Folds of the cross-validation over ``develop``: the people tested in each.
    score_once : tuple of int
        People on whom each released model, fitted on ``develop``, is scored once. They are not
        used to choose anything.
    never_read : tuple of int
        People kept for a test on data that nobody has tuned on.

    Examples
    --------
    >>> from sk_brainrvq.datasets import BENCHMARK_SPLITS
    >>> split = BENCHMARK_SPLITS["ssvep"]
    >>> split.develop, split.score_once, split.never_read
    ((1, 2, 3, 4, 5, 6), (7, 8, 9), (10, 11, 12))
    >>> split.check([1, 2, 11])
    Traceback (most recent call last):
    ValueError: People [11] of ssvep are never read by benchmarks...
    """

    dataset: str
    develop: tuple[int, ...]
    folds: tuple[tuple[int, ...], ...]
    score_once: tuple[int, ...]
    never_read: tuple[int, ...]

    def __post_init__(self) -> None:
        groups = (*self.develop, *self.score_once, *self.never_read)
        if len(set(groups)) < len(groups):
            raise ValueError(f"The split of {self.dataset} has people in two of its groups.")
        tested = sorted(person for fold in self.folds for person in fold)
        if tested != sorted(self.develop):
            raise ValueError(
                f"The folds of {self.dataset} test {tested}; expected each of {self.develop} once."
            )

    def check(self, people: Iterable[Any], *, score_once: bool = False) -> None:
        """Refuse people that a benchmark may not read.

        Parameters
        ----------
        people : iterable of int
        score_once : bool, default=False
            Whether to allow those of ``score_once``, for the single scoring of a model.

        Raises
        ------
        ValueError
            If one is in ``never_read``, is unknown, or is in ``score_once`` without permission.

        Examples
        --------
        >>> from sk_brainrvq.datasets import BENCHMARK_SPLITS
        >>> BENCHMARK_SPLITS["eegmat"].check([0, 27])
        >>> BENCHMARK_SPLITS["eegmat"].check([0, 28], score_once=True)
        """
        asked = {_number(person) for person in people}
        if never := sorted(asked & set(self.never_read)):
            raise ValueError(
                f"People {never} of {self.dataset} are never read by benchmarks: they are kept for "
                f"a test on untouched data. Leave them out; develop on {self.develop}."
            )
        if not score_once and (once := sorted(asked & set(self.score_once))):
            raise ValueError(
                f"People {once} of {self.dataset} are scored once for each released model, and not "
                f"used to choose anything. Leave them out; develop on {self.develop}."
            )
        known = {*self.develop, *self.score_once}
        if unknown := sorted(asked - known, key=str):
            raise ValueError(
                f"People {unknown} are not in the split of {self.dataset}; expected some of "
                f"{tuple(sorted(known if score_once else self.develop))}."
            )

    def cross_validation(self, subjects: ArrayLike) -> list[tuple[NDArray, NDArray]]:
        """Convert the folds to rows, for ``cv=`` of scikit-learn.

        Parameters
        ----------
        subjects : array-like of int, shape (n_windows,)
            Person of each window, who must be in ``develop``. Folds without any of these people
            are left out.

        Returns
        -------
        list of (ndarray, ndarray)
            Rows to train on and to test on.

        Raises
        ------
        ValueError
            If other people are included, or if fewer than two folds have any people.

        Examples
        --------
        >>> import numpy as np
        >>> from sk_brainrvq.datasets import BENCHMARK_SPLITS
        >>> folds = BENCHMARK_SPLITS["ssvep"].cross_validation(np.repeat([1, 2, 5], 4))
        >>> len(folds), folds[0][1].tolist()
        (3, [0, 1, 2, 3])
        """
        subjects = np.asarray(subjects)
        self.check(np.unique(subjects).tolist())
        tests = [np.isin(subjects, fold) for fold in self.folds]
        folds = [(np.flatnonzero(~test), np.flatnonzero(test)) for test in tests if test.any()]
        if len(folds) < 2:
            raise ValueError(
                f"The people {np.unique(subjects).tolist()} are all in one fold of {self.dataset}; "
                "expected people from at least two folds."
            )
        return folds

    def few_people(self, seed: int = 0, n_sets: int = 40, size: int = 6) -> list[tuple[int, ...]]:
        """Draw small sets of people, to evaluate a model for studies with few people.

        Parameters
        ----------
        seed : int, default=0
            Seed of the draws: 0 for results that are reported, others while designing a model.
        n_sets : int, default=40
        size : int, default=6
            Number of people per set, drawn without replacement, for leave-one-out within a set.

        Returns
        -------
        list of tuple of int
            Sets of people, each sorted.

        Raises
        ------
        ValueError
            If ``size`` is not below the number of people in ``develop``.

        Examples
        --------
        >>> from sk_brainrvq.datasets import BENCHMARK_SPLITS
        >>> sets = BENCHMARK_SPLITS["eegmat"].few_people()
        >>> len(sets), sets[0]
        (40, (1, 7, 8, 12, 15, 19))
        """
        if not 0 < size < len(self.develop):
            raise ValueError(
                f"size={size!r} was given; {self.dataset} has {len(self.develop)} people to draw "
                "sets from: expected at least one, and fewer than these."
            )
        rng = np.random.default_rng(seed)
        people = np.array(self.develop)
        return [
            tuple(sorted(rng.choice(people, size, replace=False).tolist())) for _ in range(n_sets)
        ]


def _number(person: Any) -> Any:
    """Convert names such as "07" to the number."""
    return int(person) if str(person).isdigit() else person


def _runs(people: Sequence[int], size: int) -> tuple[tuple[int, ...], ...]:
    """Cut people into runs, in their order."""
    return tuple(tuple(people[i : i + size]) for i in range(0, len(people), size))


def _numbers(last: int, *remainders: int) -> tuple[int, ...]:
    """Numbers from 1 on that leave one of the remainders when divided by four."""
    return tuple(number for number in range(1, last + 1) if number % 4 in remainders)


_EEGMAT = tuple(range(28))
_GUINEA_BISSAU = _numbers(97, 1, 2)
_SSVEP = tuple(range(1, 7))

BENCHMARK_SPLITS: dict[str, BenchmarkSplit] = {
    split.dataset: split
    for split in (
        BenchmarkSplit(
            "eegmat", _EEGMAT, _runs(_EEGMAT, 4), tuple(range(28, 32)), tuple(range(32, 36))
        ),
        BenchmarkSplit(
            "guinea-bissau",
            _GUINEA_BISSAU,
            # Every seventh person, because numbers follow the days of recording.
            tuple(_GUINEA_BISSAU[first::7] for first in range(7)),
            _numbers(97, 3),
            _numbers(97, 0),
        ),
        BenchmarkSplit("ssvep", _SSVEP, _runs(_SSVEP, 1), (7, 8, 9), (10, 11, 12)),
    )
}
