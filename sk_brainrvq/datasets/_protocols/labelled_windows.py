"""Labelled windows of several subjects: what datasets return."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")


def listed(subjects: Iterable[Any]) -> list[Any]:
    """Convert subjects to a list; refuse a single subject, such as a string or a number.

    Parameters
    ----------
    subjects : iterable of int or str

    Returns
    -------
    list of int or str

    Raises
    ------
    TypeError
        If a single subject is given, or one that is neither a whole number nor a name.
    """
    if isinstance(subjects, str) or not isinstance(subjects, Iterable):
        raise TypeError(
            f"subjects={subjects!r} was given; expected a list of subjects, such as [{subjects!r}]."
        )
    given = list(subjects)
    # True and 1.0 equal 1 and would be taken for it.
    wrong = [s for s in given if isinstance(s, bool) or not isinstance(s, Integral | str)]
    if wrong:
        raise TypeError(
            f"subjects={given!r} was given; expected whole numbers or names, not {wrong!r}."
        )
    return [s if isinstance(s, str) else int(s) for s in given]


@dataclass
class Windows:
    """Windows of EEG with labels and subjects.

    Attributes
    ----------
    X : ndarray, shape (n_windows, n_channels, n_times), float32
        Signals in microvolts.
    y : ndarray, shape (n_windows,), int64
        Class of each window, as an index into ``classes``.
    subjects : ndarray, shape (n_windows,), int64 or str
        Subject of each window, for ``groups=`` of cross-validation: windows of one subject belong
        together. Strings if the dataset names its subjects by letters.
    ch_names : list of str
    sfreq : float
        Sampling rate in Hz.
    classes : tuple of str
    split : ndarray, shape (n_windows,), str, or None
        "train", "validation" or "test" in the published protocol; None if there is no split.
    onsets : ndarray, shape (n_windows,), float64, or None
        Start of each window in seconds from the start of the recording; None if unknown. Whatever
        can be predicted from onsets comes from the order of the experiment, not from the EEG.
    recordings : ndarray, shape (n_windows,), str, or None
        Name of the file that each window was cut from; None if there is no file. For
        :meth:`~sk_brainrvq.datasets.Protocol.report` and :func:`~sk_brainrvq.aggregate_by`.
    """

    X: NDArray
    y: NDArray
    subjects: NDArray
    ch_names: list[str]
    sfreq: float
    classes: tuple[str, ...]
    split: NDArray | None = None
    onsets: NDArray | None = None
    recordings: NDArray | None = None

    def __repr__(self) -> str:
        """Show sizes instead of signals."""
        if np.ndim(self.X) != 3:
            return f"<Windows: X of shape {np.shape(self.X)}, not windows, channels, samples>"
        n_windows, n_channels, n_times = np.shape(self.X)
        return (
            f"<Windows: {n_windows} of {n_channels} channels, {n_times / self.sfreq:g} s at "
            f"{self.sfreq:g} Hz; {len(np.unique(self.subjects))} subjects; "
            f"classes {', '.join(self.classes)}>"
        )

    def of_subjects(self, subjects: Iterable[int] | Iterable[str]) -> "Windows":
        """Select the windows of some subjects, in their present order.

        Parameters
        ----------
        subjects : iterable of int or str

        Returns
        -------
        Windows

        Examples
        --------
        >>> from sk_brainrvq.datasets import make_eeg
        >>> windows = make_eeg(n_subjects=3, n_windows=4, random_state=0)
        >>> windows.of_subjects([0, 2]).X.shape
        (8, 19, 1000)
        """
        wanted = set(listed(subjects))
        return self._rows([i for i, s in enumerate(self.subjects.tolist()) if s in wanted])

    def of_split(self, name: str) -> "Windows":
        """Select the windows of one part of the published split, in their present order.

        Parameters
        ----------
        name : {"train", "validation", "test"}

        Returns
        -------
        Windows
            Empty if no windows of that part were loaded.

        Raises
        ------
        ValueError
            If the name is unknown, or if the windows have no split.

        Examples
        --------
        >>> import numpy as np
        >>> from sk_brainrvq.datasets import make_eeg
        >>> windows = make_eeg(n_subjects=3, n_windows=4, random_state=0)
        >>> windows.split = np.where(windows.subjects < 2, "train", "test")
        >>> windows.of_split("test").subjects.tolist()
        [2, 2, 2, 2]
        """
        if name not in SPLITS:
            raise ValueError(f"split {name!r} was given; expected one of {SPLITS}.")
        if self.split is None:
            raise ValueError(
                f"These windows have no published split, so none of them is {name!r}; select by "
                "of_subjects, or load a protocol of sk_brainrvq.datasets.PROTOCOLS."
            )
        return self._rows(np.flatnonzero(self.split == name))

    def to_epochs(self) -> Any:
        """Convert the windows to MNE epochs, with electrodes at their standard positions.

        Returns
        -------
        mne.EpochsArray
            Events are named after ``classes``. If pandas is installed, ``metadata`` has the
            columns subject, label and, if known, split, onset and recording. Channels that are
            not electrodes of the 10-05 system, such as bipolar ones, have no position.

        Raises
        ------
        ValueError
            If there are no windows.

        Examples
        --------
        >>> from sk_brainrvq.datasets import make_eeg
        >>> epochs = make_eeg(n_subjects=2, n_windows=4, random_state=0).to_epochs()
        >>> len(epochs), len(epochs["task"]), len(epochs.ch_names)
        (8, 4, 19)
        """
        import mne

        from sk_brainrvq.signals.electrodes.positions import template_montage

        if not len(self.X):
            raise ValueError(
                "There are no windows to convert to Epochs. of_split and of_subjects return none "
                "if no subject of that part of the split, or none of those subjects, was loaded: "
                "load more subjects, or choose others."
            )
        info = mne.create_info(list(self.ch_names), self.sfreq, "eeg")
        # Samples are only numbered, because windows of several recordings share no time axis.
        events = np.stack([np.arange(len(self.y)), np.zeros(len(self.y)), self.y], 1).astype(int)
        event_id = {name: i for i, name in enumerate(self.classes) if (self.y == i).any()}
        epochs = mne.EpochsArray(
            1e-6 * self.X.astype(np.float64),
            info,
            events,
            event_id=event_id,
            metadata=self._metadata(),
            verbose="error",
        )
        return epochs.set_montage(
            template_montage(), match_case=False, on_missing="ignore", verbose="error"
        )

    def _metadata(self) -> Any:
        try:
            import pandas as pd
        except ImportError:
            return None
        columns = {"subject": self.subjects, "label": np.array(self.classes)[self.y]}
        if self.split is not None:
            columns["split"] = self.split
        if self.onsets is not None:
            columns["onset"] = self.onsets
        if self.recordings is not None:
            columns["recording"] = self.recordings
        return pd.DataFrame(columns)

    def _rows(self, rows: Any) -> "Windows":
        rows = np.asarray(rows, np.intp)
        return Windows(
            self.X[rows],
            self.y[rows],
            self.subjects[rows],
            self.ch_names,
            self.sfreq,
            self.classes,
            None if self.split is None else self.split[rows],
            None if self.onsets is None else self.onsets[rows],
            None if self.recordings is None else self.recordings[rows],
        )

    @staticmethod
    def concatenate(parts: Sequence["Windows"]) -> "Windows":
        """Concatenate windows.

        Parameters
        ----------
        parts : sequence of Windows
            At least one; all with the same channels, sampling rate, length and classes.

        Returns
        -------
        Windows
            It has a split only if all parts have one, and likewise onsets and recordings.

        Raises
        ------
        ValueError
            If there is nothing to concatenate, or if the parts do not match.

        Examples
        --------
        >>> from sk_brainrvq.datasets import Windows, make_eeg
        >>> windows = make_eeg(n_subjects=3, n_windows=4, random_state=0)
        >>> both = Windows.concatenate([windows.of_subjects([2]), windows.of_subjects([0])])
        >>> both.subjects.tolist()
        [2, 2, 2, 2, 0, 0, 0, 0]
        """
        if not parts:
            raise ValueError("No windows were given; expected at least one part.")
        first = parts[0]
        for part in parts:
            for field in ("ch_names", "sfreq", "classes"):
                if getattr(part, field) != getattr(first, field):
                    raise ValueError(
                        f"Windows of different {field} were given: {getattr(first, field)} and "
                        f"{getattr(part, field)}; expected the same in all parts."
                    )

        def of_all(field: str) -> NDArray | None:
            known = [value for part in parts if (value := getattr(part, field)) is not None]
            return np.concatenate(known) if len(known) == len(parts) else None

        return Windows(
            np.concatenate([part.X for part in parts]),
            np.concatenate([part.y for part in parts]),
            np.concatenate([part.subjects for part in parts]),
            first.ch_names,
            first.sfreq,
            first.classes,
            of_all("split"),
            of_all("onsets"),
            of_all("recordings"),
        )
