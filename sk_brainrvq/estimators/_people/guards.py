"""Warnings and errors for data that centring would harm."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import type_of_target

from sk_brainrvq.estimators._people.centers import rows_of
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.missing_values import missing_rows
from sk_brainrvq.user_warnings import warn

_MOST_NAMES = 5


def warn_of_one_class_each(subjects: NDArray, y: Any) -> None:
    """Warn if every person has only one class, and there are several classes.

    Parameters
    ----------
    subjects : ndarray of object, shape (n_windows,)
    y : array-like, shape (n_windows,), or None
        Labels; numbers and several columns are not checked. Windows without a label are ignored.
    """
    labels = np.asarray(y)
    if labels.shape != (len(subjects),):
        return
    known = np.delete(np.arange(len(labels)), missing_rows(y))
    labels, subjects = labels[known], subjects[known]
    if not len(labels) or not _are_classes(labels):
        return
    found = [set(labels[rows].tolist()) for rows in rows_of(subjects).values()]
    if len(set().union(*found)) > 1 and all(len(classes) == 1 for classes in found):
        warn(
            f"Each of the {len(found)} people has windows of only one class, so classes differ "
            "only between people, and centring each person removes what you want to predict. Do "
            "not centre to predict diagnosis, age or sex."
        )


def _are_classes(labels: NDArray) -> bool:
    try:
        return type_of_target(labels) in ("binary", "multiclass")
    except (
        TypeError
    ):  # text mixed with numbers: the estimator that learns from them raises the error
        return False


def warn_of_one_value_each(subjects: NDArray, targets: NDArray) -> None:
    """Warn if a number is the same in all windows of each person, as age is.

    Parameters
    ----------
    subjects : ndarray of object, shape (n_windows,)
    targets : ndarray, shape (n_windows, n_targets)
    """
    people = rows_of(subjects).values()
    is_own = all((targets[rows] == targets[rows[0]]).all() for rows in people)
    if is_own and len(people) > 1 and (targets != targets[0]).any():
        warn(
            f"Each of the {len(people)} people has only one value of the target, so it differs "
            "only between people, and centring each person removes what you want to predict. Do "
            "not centre to predict age, or a score of the person."
        )


def warn_of_few_windows(subjects: NDArray, min_windows: int, kept: Collection[Any]) -> None:
    """Warn if people have fewer windows than are needed to estimate their centre.

    Parameters
    ----------
    subjects : ndarray of object, shape (n_windows,)
    min_windows : int
    kept : collection of object
        People whose centre is already known.
    """
    counts = {person: len(rows) for person, rows in rows_of(subjects).items() if person not in kept}
    few = {person: count for person, count in counts.items() if count < min_windows}
    if few:
        listed = ", ".join(f"{person!r} ({n})" for person, n in list(few.items())[:_MOST_NAMES])
        more = f" and {len(few) - _MOST_NAMES} more" if len(few) > _MOST_NAMES else ""
        warn(
            f"There are fewer than min_windows={min_windows} windows of {listed}{more}. The mean "
            "of so few is uncertain, so the centre is shrunk towards that of the training people. "
            "Pass all windows of a person together, or calibrate with earlier ones."
        )


def check_known(subjects: NDArray, kept: Collection[Any], name: str) -> None:
    """Raise InvalidEEGError for people without calibration if others have some.

    Parameters
    ----------
    subjects : ndarray of object, shape (n_windows,)
    kept : collection of object
        People whose centre is known.
    name : str
        Name of the estimator, for the error message.
    """
    unknown = [person for person in rows_of(subjects) if person not in kept]
    if unknown:
        listed = ", ".join(map(repr, unknown[:_MOST_NAMES]))
        more = f" and {len(unknown) - _MOST_NAMES} more" if len(unknown) > _MOST_NAMES else ""
        raise InvalidEEGError(
            f"{name} was calibrated, but there are no calibration windows of {listed}{more}. Add "
            "some with calibrate(...), or fit without calibration: each person is then centred by "
            "the windows passed."
        )
