"""Recordings that scikit-learn can index and split, whole or cut into windows."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.recordings.item_checks import checked_options, known_people, labels_of, made_items
from sk_brainrvq.recordings.recording_item import RecordingItem
from sk_brainrvq.recordings.rows import Rows, cut, rows_of_key
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ
from sk_brainrvq.signals.sources.source import check_window

# Maximum number of labels in a repr.
_MOST_LABELS = 6


class Recordings:
    """Continuous recordings that scikit-learn can index, split and shuffle.

    Every estimator takes them. Without ``window``, a row is a recording. An estimator cuts it into
    windows of its own ``window`` and treats it as one long epoch: one row of features, one
    prediction and one label per recording. With ``window``, a row is a window, and each recording's
    label applies to all of its windows. A slice is ``Recordings`` again, and reads nothing.
    Estimators read the signals, each recording once, filter them as a whole and then cut them.

    Parameters
    ----------
    items : sequence of mne.io.Raw or path
        Recordings, or their paths as text, ``pathlib.Path`` or ``mne_bids.BIDSPath``.
    y : array-like, shape (n_recordings, ...), optional
        One label, or one row of numbers, per recording.
    subjects : array-like, shape (n_recordings,), optional
        Subject of each recording; by default from the BIDS name (``sub-01_...``) or the header.
    window : float, optional
        Length of windows in seconds. Windows that overlap an annotation beginning with BAD or EDGE
        are left out, and so is the remainder at the end.
    overlap : float, default=0.0
        Overlap of consecutive windows in seconds.
    read_options : mapping, optional
        Options of ``mne.io.read_raw`` for files, as in :class:`~sk_brainrvq.Reading`. They are used
        to read headers, when rows are counted, and signals.

    Attributes
    ----------
    window, overlap : float
        As passed; ``window`` is None for whole recordings.

    Raises
    ------
    InvalidEEGError
        For items that are not continuous recordings, paths that do not exist, more or fewer than
        one label or subject per recording, and invalid windows.

    Warns
    -----
    EEGWarning
        When the rows are counted: about recordings without a window, which have no row, and about
        windows left out because of annotations.

    Notes
    -----
    Headers and annotations are read once, when rows are first counted. Pickles hold the paths,
    not the signals; those of Raw in memory hold the Raw.

    Examples
    --------
    >>> import mne, numpy as np
    >>> from sk_brainrvq import BrainRVQEmbedder, Recordings
    >>> info = mne.create_info(["C3", "C4"], 200, "eeg")
    >>> raws = [mne.io.RawArray(np.random.default_rng(i).normal(scale=2e-5, size=(2, 4000)), info,
    ...                         verbose=False) for i in range(4)]
    >>> y, people = ["rest", "task", "rest", "task"], ["ada", "ada", "bob", "bob"]
    >>> recordings = Recordings(raws, y, subjects=people)
    >>> embedder = BrainRVQEmbedder(weights=None, architecture="tiny", window=5)
    >>> len(recordings), embedder.fit_transform(recordings).shape
    (4, (4, 1556))
    >>> windows = Recordings(raws, y, subjects=people, window=5)
    >>> len(windows), windows[4:8]
    (16, Recordings(1 recording, 4 windows of 5 s, labels 'task'))

    They can be passed to cross-validation:

    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GroupKFold, cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> pipeline = make_pipeline(embedder, LogisticRegression())
    >>> cross_val_score(pipeline, windows, windows.y, groups=windows.subjects,
    ...                 cv=GroupKFold(2)).shape
    (2,)
    """

    def __init__(
        self,
        items: Iterable[Any],
        y: Any = None,
        subjects: Any = None,
        window: float | None = None,
        overlap: float = 0.0,
        *,
        read_options: Mapping[str, Any] | None = None,
    ):
        if isinstance(items, Recordings):
            raise InvalidEEGError(
                "items holds Recordings; expected recordings or paths. To cut whole Recordings, "
                "call recordings.windows(window=...)."
            )
        made = made_items(items, subjects, read_options)
        self._set(made, labels_of([item.name for item in made], y), window, overlap)

    @classmethod
    def _of_items(
        cls, items: Sequence[RecordingItem], y: NDArray | None, window: Any, overlap: Any
    ) -> "Recordings":
        """Make Recordings from existing items."""
        new = cls.__new__(cls)
        new._set(items, y, window, overlap)
        return new

    def _set(
        self, items: Sequence[RecordingItem], y: NDArray | None, window: Any, overlap: Any
    ) -> None:
        if window is None and overlap != 0:
            raise InvalidEEGError(
                f"overlap={overlap!r} was given without window=...: whole recordings do not "
                "overlap. Set the overlap of an estimator's own windows in the estimator."
            )
        if window is not None:
            check_window(window, overlap)
        self.window, self.overlap = window, overlap
        self._items = list(items)
        numbers = np.arange(len(self._items))
        self._whole = Rows(numbers, numbers, np.zeros_like(numbers), y)
        self._cut: Rows | None = None

    @classmethod
    def from_bids(
        cls,
        root: str | os.PathLike,
        *,
        task: str | Sequence[str] | None = None,
        subject: str | Sequence[str] | None = None,
        session: str | Sequence[str] | None = None,
        run: str | Sequence[str] | None = None,
        y: str | None = None,
        window: float | None = None,
        overlap: float = 0.0,
        read_options: Mapping[str, Any] | None = None,
    ) -> "Recordings":
        """Find the EEG recordings of a BIDS folder.

        Parameters
        ----------
        root : path
            Folder that holds ``participants.tsv``.
        task, subject, session, run : str or sequence of str, optional
            Take only these, without their prefixes: ``task="rest"``.
        y : str, optional
            Source of the labels. "task", "session" or "run" take them from the name of each
            recording. A column of ``participants.tsv`` labels all recordings of a participant;
            participants without an entry are left out. With "events", windows within the events of
            each recording's ``events.tsv`` get their ``trial_type`` as label, and other windows are
            left out. An event without duration labels one window, which starts at its onset; an
            event shorter than ``window`` labels none. Windows that overlap an event beginning with
            BAD or EDGE are left out.
        window, overlap, read_options
            As in :class:`Recordings`; ``y="events"`` needs ``window``.

        Returns
        -------
        Recordings
            Recordings in the order of their names.

        Raises
        ------
        ImportError
            If mne-bids is not installed.
        InvalidEEGError
            If there is no such recording, if ``participants.tsv`` is missing, lacks the column or
            holds a participant twice with different labels, or if no recording has a label.

        Warns
        -----
        EEGWarning
            If recordings are left out because they have no label or no ``events.tsv``.
        """
        from sk_brainrvq.recordings.bids_folder import labelled_items

        if y == "events" and window is None:
            raise InvalidEEGError(
                "y='events' was given without window=...: events label windows, not whole "
                "recordings. Pass window=..., such as the 30 s of a sleep stage."
            )
        chosen = {"tasks": task, "subjects": subject, "sessions": session, "runs": run}
        items, labels = labelled_items(Path(root), chosen, y, checked_options(read_options))
        return cls._of_items(items, labels, window, overlap)

    # Rows

    @property
    def _rows(self) -> Rows:
        """The rows; the first access counts the windows."""
        if self.window is None:
            return self._whole
        if self._cut is None:
            self._cut = cut(self._items, self._whole, self.window, self.overlap)
        return self._cut

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def shape(self) -> tuple[int]:
        """(n_rows,), which scikit-learn needs for indexing."""
        return (len(self),)

    def __getitem__(self, key: Any) -> "Recordings":
        """Select rows, in the order asked for, without reading anything.

        Parameters
        ----------
        key : int, slice, list or array of int, or mask
            An integer gives ``Recordings`` of one row.

        Returns
        -------
        Recordings

        Raises
        ------
        IndexError
        """
        return self._of_rows(self._rows.take(rows_of_key(key, len(self))))

    def __iter__(self) -> Iterator["Recordings"]:
        return (self[row] for row in range(len(self)))

    def _of_rows(self, rows: Rows) -> "Recordings":
        """Recordings of these rows, with only the items that they need."""
        used, item = np.unique(rows.item, return_inverse=True)
        new = type(self)._of_items(
            [self._items[number] for number in used], None, self.window, self.overlap
        )
        rows = Rows(item, rows.recording, rows.start, rows.y)
        if self.window is None:
            new._whole = rows
        else:
            new._cut = rows
        return new

    def windows(self, window: float, overlap: float = 0.0) -> "Recordings":
        """Cut the recordings into windows, each with the label of its recording.

        Parameters
        ----------
        window, overlap : float
            In seconds.

        Returns
        -------
        Recordings
            Windows; their ``recording_of`` refers to the rows of these recordings.

        Raises
        ------
        InvalidEEGError
            If they have already been cut.
        """
        if self.window is not None:
            raise InvalidEEGError(
                f"The recordings have already been cut into windows of {self.window} s; make "
                "Recordings without window=... to cut them in more than one way."
            )
        new = type(self)._of_items(self._items, None, window, overlap)
        new._whole = self._whole
        return new

    def count_windows(self, window: float, overlap: float = 0.0) -> NDArray:
        """Count the windows of each recording; zero for those too short or bad.

        Parameters
        ----------
        window, overlap : float
            In seconds.

        Returns
        -------
        ndarray of int, shape (n_recordings,)
        """
        parts = self.windows(window, overlap)
        return np.bincount(parts.recording_of, minlength=len(self))

    # What is known of each row

    @property
    def y(self) -> NDArray | None:
        """Label of each row, shape (n_rows, ...); None if none were given."""
        return self._rows.y

    @property
    def recording_of(self) -> NDArray:
        """Number of each row's recording, shape (n_rows,), in the order in which they were listed.

        After :meth:`windows`, the row of the recordings that it was called on.
        """
        return self._rows.recording

    @property
    def starts(self) -> NDArray:
        """Start of each row in its recording in seconds, shape (n_rows,)."""
        return self._rows.start / TARGET_SFREQ

    @property
    def sources(self) -> NDArray:
        """File of each row as text, shape (n_rows,); "item 3" for a Raw without a file."""
        return self._of_each([item.name for item in self._items])

    @property
    def sessions(self) -> NDArray:
        """Session of each row from the BIDS name, shape (n_rows,); None if it has none."""
        return self._of_each([item.session for item in self._items])

    @property
    def subjects(self) -> NDArray:
        """Subject of each row, shape (n_rows,): for ``groups`` of scikit-learn.

        Raises
        ------
        InvalidEEGError
            If the subject of a recording is unknown.
        """
        return known_people(self._items)[self._rows.item]

    @property
    def known_subjects(self) -> NDArray:
        """Subject of each row, shape (n_rows,); None if unknown."""
        return self._of_each([item.subject for item in self._items])

    @property
    def table(self) -> Any:
        """The rows as a ``pandas.DataFrame``.

        Columns: ``source`` (file), ``recording`` (number), ``start`` (seconds), ``subject`` and
        ``session`` (None if unknown), and ``label`` if there are labels.

        Raises
        ------
        ImportError
            If pandas is not installed; the columns are also attributes: ``sources``,
            ``recording_of``, ``starts``, ``subjects``, ``sessions``, ``y``.
        """
        from sk_brainrvq.recordings.window_table import table_of

        return table_of(self)

    def weights(self) -> NDArray:
        """Weights that give every recording the same total, however many windows it has.

        Returns
        -------
        ndarray, shape (n_rows,)
            Weights for ``sample_weight``, with mean 1 and the same sum for each recording.
        """
        _, number, counts = np.unique(self.recording_of, return_inverse=True, return_counts=True)
        weights = 1 / counts[number]
        return weights * len(weights) / weights.sum() if len(weights) else weights

    def _of_each(self, values: Sequence[Any]) -> NDArray:
        """Repeat a value per item (text, number or None) for each of its rows."""
        return np.array(values, dtype=object)[self._rows.item]

    def __repr__(self) -> str:
        rows = self._whole if self._cut is None else self._cut  # counts no windows
        n_recordings = len(set(rows.recording.tolist()))
        parts = [f"{n_recordings} recording{'s' * (n_recordings != 1)}"]
        if self.window is not None:
            overlap = f", overlap {self.overlap:g} s" if self.overlap else ""
            what = "windows" if self._cut is None else f"{len(rows)} windows"
            parts.append(f"{what} of {self.window:g} s{overlap}")
        if rows.y is not None:
            found = np.unique(rows.y).tolist() if rows.y.dtype.kind in "iubUS" else []
            few = 0 < len(found) <= _MOST_LABELS
            parts.append(f"labels {', '.join(map(repr, found))}" if few else "with y")
        return f"{type(self).__name__}({', '.join(parts)})"
