"""Confidence intervals and paired differences.

Seeds are averaged before anything else: another seed is no new subject.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

N_DRAWS = 2000
LEVEL = 0.95
# Up to here every change of signs is looked at, beyond it 10,000 of them drawn at random.
_MOST_FOLDS_EXACT = 13
# Of two folds Student's t makes intervals that reach beyond 0 and 1.
_FEWEST_FOLDS = 3


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; NaN limits where there is too little to tell.

    Attributes
    ----------
    mean, low, high : float
    """

    mean: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True)
class Difference:
    """A paired difference.

    Attributes
    ----------
    estimate : Estimate
    corrected : Estimate
        With the wider interval that allows for training subjects which folds share.
    sign_flip, wilcoxon : float
        Two-sided p values over folds; NaN where there are fewer than two pairs.
    """

    estimate: Estimate
    corrected: Estimate = Estimate(float("nan"))
    sign_flip: float = float("nan")
    wilcoxon: float = float("nan")


def t_interval(values: Sequence[float] | NDArray, overlap: float = 0.0) -> Estimate:
    """Mean over folds and its interval by Student's t.

    Parameters
    ----------
    values : sequence of float
        One a fold.
    overlap : float, default=0.0
        Test subjects of a fold over its training subjects, to correct for what folds share.

    Returns
    -------
    Estimate
        Without limits for fewer than three.

    Notes
    -----
    Folds share training subjects, so without ``overlap`` the interval is too narrow. With it the
    variance of the mean is that of Nadeau and Bengio (2003): 1/n + overlap in place of 1/n.
    """
    values = np.asarray(values, float)
    if len(values) < _FEWEST_FOLDS:
        return Estimate(float(values.mean()))
    wider = np.sqrt(1 + len(values) * overlap)
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * stats.sem(values) * wider
    return Estimate(float(values.mean()), float(values.mean() - half), float(values.mean() + half))


def paired_difference(
    ours: Sequence[float], theirs: Sequence[float], overlap: float = 0.0
) -> Difference:
    """Mean of differences fold by fold, with interval and p values.

    Parameters
    ----------
    ours, theirs : sequence of float
        Figures of the same folds.
    overlap : float, default=0.0
        For the corrected interval; see :func:`t_interval`.

    Returns
    -------
    Difference
    """
    differences = np.asarray(ours, float) - np.asarray(theirs, float)
    estimate, corrected = t_interval(differences), t_interval(differences, overlap)
    if len(differences) < 2:
        return Difference(estimate, corrected)
    if not differences.any():
        return Difference(estimate, corrected, 1.0, 1.0)
    flips = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=np.inf if len(differences) <= _MOST_FOLDS_EXACT else 9999,
        rng=np.random.default_rng(0),
    )
    wilcoxon = float(stats.wilcoxon(differences).pvalue)
    return Difference(estimate, corrected, float(flips.pvalue), wilcoxon)


def subject_bootstrap(
    figures: Callable[[NDArray], NDArray], subjects: NDArray, n_draws: int = N_DRAWS
) -> list[Estimate]:
    """Percentile intervals over subjects drawn with replacement.

    Parameters
    ----------
    figures : callable
        Takes rows, repeated as drawn, to an array of figures that do not depend on the order
        of rows. A draw for which it raises ValueError, because it lacks a class, is left out.
    subjects : ndarray, shape (n_windows,)
        Subject of each row.
    n_draws : int, default=2000

    Returns
    -------
    list of Estimate
        One a figure: that of all rows, with the interval of the draws. The draws are the same
        always, so those of two systems can be compared.
    """
    whole = np.atleast_1d(figures(np.arange(len(subjects))))
    rows_of = [np.flatnonzero(subjects == subject) for subject in np.unique(subjects)]
    rng = np.random.default_rng(0)
    known: dict[tuple[int, ...], NDArray | None] = {}
    drawn = []
    for _ in range(n_draws if len(rows_of) > 1 else 0):
        chosen = tuple(sorted(rng.integers(len(rows_of), size=len(rows_of)).tolist()))
        if chosen not in known:  # four subjects make no more than 35 different draws
            try:
                known[chosen] = figures(np.concatenate([rows_of[i] for i in chosen]))
            except ValueError:
                known[chosen] = None
        if known[chosen] is not None:
            drawn.append(known[chosen])
    if len(drawn) < n_draws / 2 or not drawn:
        return [Estimate(float(value)) for value in whole]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return [Estimate(*map(float, row)) for row in zip(whole, low, high, strict=True)]
