"""Subject of each window, from the user or from the container."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.missing_values import which_rows
from sk_brainrvq.signals import EpochBlock
from sk_brainrvq.signals.sources.subjects import as_subjects

HOW_TO_NAME = (
    "Pass subjects=..., one per window; or pass a container that holds them: mne.Epochs with a "
    "column 'subject' in metadata, recordings with a BIDS name or a subject in their header, "
    "Recordings(..., subjects=...), or a corpus."
)
HOW_TO_NAME_CALIBRATION = (
    "They belong to calibration: pass it in a container that holds subjects, such as mne.Epochs "
    "with a column 'subject' in metadata, or fit without it and call calibrate(X, subjects=...)."
)


class Names:
    """Notes the subjects of epochs while their blocks pass through.

    Parameters
    ----------
    given : array-like, shape (n_windows,), optional
        Subjects from the user, which override those of the blocks.
    """

    def __init__(self, given: Any = None) -> None:
        self._given = None if given is None else given_subjects(given)
        self._noted: dict[int, Any] = {}

    def noting(self, blocks: Iterable[EpochBlock]) -> Iterator[EpochBlock]:
        """Pass blocks through, and note their subjects."""
        for block in blocks:
            if block.subjects is not None:
                noted = zip(block.index.tolist(), as_subjects(block.subjects), strict=True)
                self._noted.update(noted)
            yield block

    def of_epochs(self, epochs: NDArray) -> NDArray:
        """Subject of some epochs whose blocks have passed through; None if unknown."""
        subjects = np.full(len(epochs), None, dtype=object)
        for row, epoch in enumerate(epochs.tolist()):
            if self._given is None:
                subjects[row] = self._noted.get(epoch)
            elif epoch < len(self._given):
                subjects[row] = self._given[epoch]
        return subjects

    def of(self, n_windows: int) -> NDArray:
        """Subject of each window, from the user or from the blocks; None if unknown.

        Raises
        ------
        InvalidEEGError
            If the number of subjects differs from that of windows.
        """
        if self._given is not None and len(self._given) != n_windows:
            raise InvalidEEGError(
                f"{len(self._given)} subjects were given for {n_windows} windows; expected one per "
                "window."
            )
        return self.of_epochs(np.arange(n_windows))


def given_subjects(subjects: Any) -> NDArray:
    """Check the subjects that the user gave, one per window.

    Parameters
    ----------
    subjects : array-like, shape (n_windows,)

    Returns
    -------
    ndarray of object, shape (n_windows,)

    Raises
    ------
    InvalidEEGError
        If they are not a list of names.
    """
    values = subjects.tolist() if hasattr(subjects, "tolist") else subjects
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise InvalidEEGError(
            f"subjects={subjects!r} was given; expected a list or array with one name per window."
        )
    if any(isinstance(value, (list, tuple)) for value in values):
        raise InvalidEEGError(
            f"subjects of shape {np.shape(values)} were given; expected (n_windows,): one name or "
            "number per window."
        )
    return as_subjects(values)


def numbered(subjects: NDArray) -> NDArray:
    """A number for each window, the same for windows of one person."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(person, len(numbers)) for person in subjects])


def check_named(subjects: NDArray, name: str, how_to_name: str = HOW_TO_NAME) -> None:
    """Raise InvalidEEGError if the subject of a window is unknown.

    Parameters
    ----------
    subjects : ndarray of object, shape (n_windows,)
    name : str
        Name of the estimator, for the error message.
    how_to_name : str
        Sentences that say what to do.
    """
    unknown = [row for row, person in enumerate(subjects) if person is None]
    if not unknown:
        return
    if len(unknown) == len(subjects):
        raise InvalidEEGError(
            f"{name} centres each person, but the subjects of the windows are unknown. "
            f"{how_to_name}"
        )
    raise InvalidEEGError(
        f"{name} centres each person, but the subject of {len(unknown)} of {len(subjects)} windows "
        f"({which_rows(unknown)}) is unknown. {how_to_name}"
    )
