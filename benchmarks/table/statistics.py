"""Confidence intervals and paired differences.

Seeds are averaged before anything else, because another seed is not a new subject.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

N_DRAWS = 2000
LEVEL = 0.95
# Up to this number of pairs all sign changes are tried, beyond it 10,000 random ones.
_MOST_FOLDS_EXACT = 13
# With two folds Student's t gives intervals that reach beyond 0 and 1.
_FEWEST_FOLDS = 3


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; limits are NaN if there are too few data.

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
        The same with a wider interval that allows for training subjects shared by folds.
    sign_flip, wilcoxon : float
        Two-sided p values over folds; NaN for fewer than two pairs.
    """

    estimate: Estimate
    corrected: Estimate = Estimate(float("nan"))
    sign_flip: float = float("nan")
    wilcoxon: float = float("nan")


def t_interval(values: Sequence[float] | NDArray, overlap: float = 0.0) -> Estimate:
    """Compute the mean over folds and its interval by Student's t.

    Parameters
    ----------
    values : sequence of float
        One per fold.
    overlap : float, default=0.0
        Ratio of a fold's test to training subjects, to correct for subjects that folds share.

    Returns
    -------
    Estimate
        Without limits for fewer than three folds.

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
    """Compute the mean difference over folds, with interval and p values.

    Parameters
    ----------
    ours, theirs : sequence of float
        Figures for the same folds.
    overlap : float, default=0.0
        Used for the corrected interval; see :func:`t_interval`.

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
    """Compute percentile intervals over subjects drawn with replacement.

    Parameters
    ----------
    figures : callable
        Converts rows, repeated as drawn, to an array of figures that do not depend on the order
        of rows. Draws for which it raises ValueError because a class is missing are left out.
    subjects : ndarray, shape (n_windows,)
        Subject of each row.
    n_draws : int, default=2000

    Returns
    -------
    list of Estimate
        One per figure: the value for all rows, with the interval of the draws. The draws are
        always the same, so those of two systems can be compared.
    """
    whole = np.atleast_1d(figures(np.arange(len(subjects))))
    rows_of = [np.flatnonzero(subjects == subject) for subject in np.unique(subjects)]
    rng = np.random.default_rng(0)
    known: dict[tuple[int, ...], NDArray | None] = {}
    drawn = []
    for _ in range(n_draws if len(rows_of) > 1 else 0):
        chosen = tuple(sorted(rng.integers(len(rows_of), size=len(rows_of)).tolist()))
        if chosen not in known:  # four subjects allow only 35 different draws
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
