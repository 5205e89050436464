"""A corpus of recordings on disk or in an object store, read window by window."""

import copy
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.corpus import selection
from sk_brainrvq.corpus.corpus_patches import prepare_stored
from sk_brainrvq.corpus.index import CorpusRecording, digest_of_windows, json_line
from sk_brainrvq.corpus.store import CorpusStore
from sk_brainrvq.corpus.verifying import describe, find_problems
from sk_brainrvq.exceptions import InvalidCorpusError
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ
from sk_brainrvq.signals.filters.settings import Filters, FilterSettings
from sk_brainrvq.signals.patches import PreparedEEG, StoredEEG
from sk_brainrvq.signals.reading import Reading
from sk_brainrvq.signals.sources.source import check_window
from sk_brainrvq.signals.units import UNITS

_BLOCK_BYTES = 16 * 2**20


class EEGCorpus(StoredEEG):
    """Windows of the recordings that :func:`build_corpus` stored.

    Until windows are requested only the index is read. Every estimator accepts a corpus as X, and
    scikit-learn can split it: ``cross_val_score(estimator, corpus, y, groups=corpus.subjects)``.

    Parameters
    ----------
    location : path
        Local folder, or any URL that fsspec reads ("s3://bucket/corpus"); credentials come from
        fsspec's configuration.
    window : float, default=10.0
        Length of a window in seconds.
    overlap : float, default=0.0
        Overlap of consecutive windows in seconds.

    Attributes
    ----------
    window, overlap : float
    shape : tuple
        (n_windows,).
    subjects, sessions, sources : ndarray of str, shape (n_windows,)
        Subject, session and file of the recording that each window comes from.
    starts : ndarray of float, shape (n_windows,)
        Start of each window in seconds from the first sample of its recording.
    recordings : list of CorpusRecording
        All recordings, or those that the selected windows come from; sorted by source.
    failed : list of (str, str)
        Files that the build could not use, each with the reason.
    ch_names : list of tuple of str
        Channels of each recording.
    filters : Filters
        Filters applied when the corpus was built, to pass to an estimator as ``filters=``.
    reading : Reading
        How bad channels were treated at that time, and the options of MNE's readers.
    hours : float
        Total length of the recordings.
    digest : str
        Equal for the same windows of the same signals, wherever they are stored.

    Raises
    ------
    InvalidCorpusError
        If there is no corpus, if it was built by a newer version, is damaged or holds no window.

    Notes
    -----
    Windows that touch a rejected second, and the end of a recording that does not fill a window,
    are left out. The signals were filtered when the corpus was built, and the filters of an
    estimator are not applied again. A pickled corpus holds only its location and selection.

    Examples
    --------
    >>> import mne, numpy as np, tempfile
    >>> from sk_brainrvq.corpus import EEGCorpus, build_corpus
    >>> folder = tempfile.mkdtemp()
    >>> rng = np.random.default_rng(0)
    >>> for name in ("sub-01", "sub-02", "sub-03"):
    ...     info = mne.create_info(["C3", "C4"], 200, "eeg")
    ...     raw = mne.io.RawArray(rng.normal(scale=2e-5, size=(2, 200 * 60)), info, verbose=False)
    ...     _ = raw.save(f"{folder}/{name}_eeg.fif", verbose=False)
    >>> _ = build_corpus(folder, f"{folder}/corpus", notch=50)
    >>> corpus = EEGCorpus(f"{folder}/corpus", window=4.0, overlap=2.0)
    >>> len(corpus), corpus[0].shape, corpus.starts[:3].tolist()
    (87, (2, 800), [0.0, 2.0, 4.0])
    >>> rest, test = corpus.split(test_size=1, random_state=0)
    >>> len(rest), sorted(set(rest.subjects) & set(test.subjects))
    (58, [])
    """

    def __init__(
        self, location: str | os.PathLike, *, window: float = 10.0, overlap: float = 0.0
    ) -> None:
        check_window(window, overlap)
        self.location = os.fspath(location)
        self.window, self.overlap = float(window), float(overlap)
        self._selection: NDArray | None = None
        self._store = CorpusStore(self.location)
        if not len(self):
            raise InvalidCorpusError(
                f"The corpus at {self.location} holds no usable window of {window} s: it has "
                f"{len(self._store.index.recordings)} recordings. Pass a shorter window=..., or "
                "check what was rejected and what failed when it was built."
            )

    # Windows

    @cached_property
    def _windows(self) -> tuple[NDArray, NDArray]:
        """Recording and first sample of each window."""
        step = self._samples(self.window - self.overlap)
        windows = selection.all_windows(self._store.index.recordings, self._n_times, step)
        if self._selection is None:
            return windows
        return windows[0][self._selection], windows[1][self._selection]

    @staticmethod
    def _samples(seconds: float) -> int:
        return round(seconds * TARGET_SFREQ)

    @property
    def _n_times(self) -> int:
        return self._samples(self.window)

    def __len__(self) -> int:
        return len(self._windows[0])

    @property
    def shape(self) -> tuple[int]:
        """(n_windows,), which scikit-learn needs for indexing."""
        return (len(self),)

    def __getitem__(self, key: Any) -> Any:
        """Read one window, or select several.

        Parameters
        ----------
        key : int, slice, array of int, or mask

        Returns
        -------
        ndarray, shape (n_channels, n_times), float32
            For an int: the window in microvolts at 200 Hz.
        EEGCorpus
            For any other key: a corpus of these windows, in this order.

        Raises
        ------
        IndexError
        """
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # scikit-learn appends an ellipsis
        rows = selection.check_rows(key, len(self))
        if isinstance(key, Integral):
            return self._read(rows)[0]
        return self._subset(rows)

    def _subset(self, rows: NDArray) -> "EEGCorpus":
        subset = copy.copy(self)
        subset._selection = rows if self._selection is None else self._selection[rows]
        subset.__dict__.pop("digest", None)
        subset.__dict__["_windows"] = self._windows[0][rows], self._windows[1][rows]
        return subset

    def __iter__(self) -> Iterator[NDArray]:
        return (self[i] for i in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        return {name: v for name, v in self.__dict__.items() if name != "_windows"}

    # Properties of windows and recordings

    def _per_window(self, name: str) -> NDArray:
        recordings = self._store.index.recordings
        return np.array([getattr(recording, name) for recording in recordings])[self._windows[0]]

    @property
    def subjects(self) -> NDArray:
        """Subject of each window."""
        return self._per_window("subject")

    @property
    def sessions(self) -> NDArray:
        """Session of each window; an empty string if unknown."""
        return self._per_window("session")

    @property
    def sources(self) -> NDArray:
        """File of each window."""
        return self._per_window("source")

    @property
    def starts(self) -> NDArray:
        """Start of each window in seconds from the first sample of its recording."""
        return self._windows[1] / TARGET_SFREQ

    @property
    def recordings(self) -> list[CorpusRecording]:
        """All recordings, or those that the selected windows come from."""
        return [self._store.index.recordings[i] for i in self._used]

    @property
    def _used(self) -> list[int]:
        """Positions of the recordings in the index."""
        if self._selection is None:
            return list(range(len(self._store.index.recordings)))
        return np.unique(self._windows[0]).tolist()

    @property
    def failed(self) -> list[tuple[str, str]]:
        """Files that the build could not use, each with the reason."""
        return list(self._store.index.failed)

    @property
    def ch_names(self) -> list[tuple[str, ...]]:
        """Channels of each recording."""
        return [recording.ch_names for recording in self.recordings]

    @property
    def filters(self) -> Filters:
        """Filters that the corpus was built with, for ``filters=``."""
        return Filters(**asdict(self.filter_settings))

    @property
    def filter_settings(self) -> FilterSettings:
        """The same filters, with every setting filled in."""
        return self._store.index.filters

    @property
    def reading(self) -> Reading:
        """How the recordings were read when the corpus was built, for ``reading=``."""
        return self._store.index.reading

    @property
    def hours(self) -> float:
        """Total length of the recordings in hours."""
        return sum(recording.duration for recording in self.recordings) / 3600

    @cached_property
    def digest(self) -> str:
        """Digest of the signals of these windows, in this order."""
        windows = digest_of_windows(self._store.index, *self._windows)
        return hashlib.sha256(json_line([self.window, self.overlap, windows])).hexdigest()

    def __repr__(self) -> str:
        return f"EEGCorpus({self.location!r}, {len(self)} windows, digest {self.digest[:12]})"

    def info(self) -> str:
        """Summarise the corpus in a few lines."""
        place = f"Corpus at {self.location}, digest {self.digest[:12]}"
        windows = f"{len(self)} windows of {self.window:g} s, overlap {self.overlap:g} s"
        return "\n".join([place, windows, *describe(self.recordings, self._store.index)])

    # Selection

    def split(
        self, test_size: float = 0.1, random_state: Any = None
    ) -> tuple["EEGCorpus", "EEGCorpus"]:
        """Split into two corpora that share no subject.

        Parameters
        ----------
        test_size : float or int, default=0.1
            Share or number of the subjects in the second corpus.
        random_state : int, RandomState or None

        Returns
        -------
        rest, test : EEGCorpus

        Raises
        ------
        InvalidCorpusError
            If there are too few subjects.
        """
        rest, test = selection.split_subjects(self.subjects, test_size, random_state)
        return self[rest], self[test]

    def select(
        self, subjects: Iterable[str] | None = None, sources: Iterable[str] | None = None
    ) -> "EEGCorpus":
        """Select the windows of some subjects or files, in the same order.

        Parameters
        ----------
        subjects, sources : str or iterable of str, optional
            If both are given, a window must match both.

        Returns
        -------
        EEGCorpus

        Raises
        ------
        InvalidCorpusError
            If one is not in the corpus, or if no window matches both.
        """
        chosen = np.ones(len(self), dtype=bool)
        for name, wanted in (("subjects", subjects), ("sources", sources)):
            if wanted is None:
                continue
            chosen &= selection.is_wanted(name, getattr(self, name), wanted)
        if not chosen.any():
            raise InvalidCorpusError("No window belongs to both these subjects and these sources.")
        return self[chosen]

    # Signals

    def blocks(self) -> Iterator[EpochBlock]:
        """Yield windows in blocks of up to 16 MB, by recording, reading each chunk once.

        Yields
        ------
        EpochBlock
            Filtered, in microvolts at 200 Hz. ``index`` is the position of each window.
        """
        for rows in selection.by_recording(*self._windows):
            recording = self._store.index.recordings[self._windows[0][rows[0]]]
            step = max(1, _BLOCK_BYTES // (4 * len(recording.ch_names) * self._n_times))
            for first in range(0, len(rows), step):
                part = rows[first : first + step]
                yield EpochBlock(
                    self._read(part),
                    UNITS["uV"],
                    TARGET_SFREQ,
                    list(recording.ch_names),
                    part,
                    recording.places,
                    filtered=True,
                    bad_channels={},  # decided when the corpus was built
                    subjects=np.full(len(part), recording.subject, dtype=object),
                )

    def _read(self, rows: NDArray) -> NDArray:
        """Read windows of one recording."""
        numbers, starts = self._windows
        n_channels = len(self._store.index.recordings[numbers[rows[0]]].ch_names)
        signals = np.empty((len(rows), n_channels, self._n_times), dtype=np.float32)
        lengths = np.full(len(rows), self._n_times)
        for place, microvolts in self._store.windows(numbers[rows], starts[rows], lengths):
            signals[place] = microvolts
        return signals

    def prepared(
        self,
        *,
        trained_rows: Sequence[int] | None = None,
        official: bool = False,
        electrode_map: Mapping[str, Any] | None = None,
        warn: bool = True,
    ) -> PreparedEEG:
        """Prepare patches for training, which stay on disk until a batch needs them.

        Parameters
        ----------
        trained_rows : sequence of int, optional
            Rows of the electrode embedding that the checkpoint trained.
        official : bool, default=False
            Whether to match electrodes as the published checkpoints do.
        electrode_map : mapping of str to electrodes, optional
            Positions of channels, given by the user.
        warn : bool, default=True
            Whether to warn about channels without a position.

        Returns
        -------
        PreparedEEG
            The ``patches`` of its groups are read from disk when they are indexed.
        """
        return prepare_stored(
            self._store,
            *self._windows,
            self._n_times,
            trained_rows=trained_rows,
            official=official,
            electrode_map=electrode_map,
            warn=warn,
        )

    def verify(self) -> list[str]:
        """Read every recording whole and compare its digest.

        Returns
        -------
        list of str
            One sentence for each recording that is missing, damaged or changed; empty if all
            are as written.
        """
        return find_problems(self._store, self._used)
