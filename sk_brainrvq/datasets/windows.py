"""Labelled windows of several subjects: what datasets return."""

from dataclasses import dataclass

from numpy.typing import NDArray


@dataclass
class Windows:
    """Windows of EEG with labels and subjects.

    Attributes
    ----------
    X : ndarray, shape (n_windows, n_channels, n_times), float32
        In microvolts.
    y : ndarray, shape (n_windows,), int64
        Index into ``classes``.
    subjects : ndarray, shape (n_windows,), int64
        For ``groups=`` of cross-validation: windows of one subject belong together.
    ch_names : list of str
    sfreq : float
        In Hz.
    classes : tuple of str
    """

    X: NDArray
    y: NDArray
    subjects: NDArray
    ch_names: list[str]
    sfreq: float
    classes: tuple[str, ...]

    def of_subjects(self, subjects: list[int] | range) -> "Windows":
        """The windows of some subjects, in their order here.

        Parameters
        ----------
        subjects : list of int

        Returns
        -------
        Windows
        """
        wanted = set(subjects)
        rows = [i for i, subject in enumerate(self.subjects.tolist()) if subject in wanted]
        return Windows(
            self.X[rows],
            self.y[rows],
            self.subjects[rows],
            self.ch_names,
            self.sfreq,
            self.classes,
        )
