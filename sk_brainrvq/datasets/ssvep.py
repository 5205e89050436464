"""SSVEP exoskeleton: which of three lights is looked at, or none."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.downloads import data_folder, fetch_blobs, packaged_sums
from sk_brainrvq.datasets._protocols.file_formats import prepared, readable, signals_by_name
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording, files_below
from sk_brainrvq.datasets.splits import BENCHMARK_SPLITS

_FOLDER = re.compile(r"subject(\d\d)")
_FILE = re.compile(r"record-\[([\d.]{10}-[\d.]{8})\]_raw\.fif")
SFREQ = 256.0
# Codes of the events to classes; 3 and 4 are not in the order of the frequencies.
_CLASS = {1: 0, 2: 1, 4: 2, 3: 3}
_AFTER_CUE = 2.0
# The values of the files are a thousand times volts.
_SCALE = 1e-3
# Standard deviations in microvolts that EEG of this band can have.
_PLAUSIBLE = (0.1, 1000.0)
_FAILED = "its authors left it out for problems of the protocol, such as lost synchronisation"
# Sessions that are no evidence, by subject and date.
_LEFT_OUT = {
    (7, "2012.07.11-15.33.08"): (
        "it is the same recording as subject 3's of that date, sample by sample, and subject 3's "
        "other session is of the same hour"
    ),
    (8, "2013.04.06-16.22.32"): _FAILED,
    (10, "2014.02.26-15.10.48"): _FAILED,
    (10, "2014.02.26-15.50.09"): _FAILED,
    (11, "2014.02.24-17.56.37"): _FAILED,
    (11, "2014.02.24-18.02.40"): _FAILED,
}
_SPLIT = BENCHMARK_SPLITS["ssvep"]


class SSVEPExoskeleton(Protocol):
    """Rest, 13, 17 or 21 Hz: steady-state potentials of 12 people who look at flickering lights.

    8 occipital electrodes at 256 Hz, 0.5-45 Hz, windows of 2 s from 2 to 4 s after the cue, as
    MOABB's ``Kalunga2016`` cuts them; 32 trials a session. There is no published split over
    people: ours trains on 1-6, validates on 7-9 and tests on 10-12.

    Notes
    -----
    **Left out.** Subject 7's session of 2012-07-11 is subject 3's of the same minute, sample by
    sample: one recording was filed under two people, and would be trained and tested on. It
    counts as subject 3's, whose other session began eight minutes before. So do five sessions of
    subjects 8, 10 and 11 that the authors themselves excluded.

    **Rest comes first.** The eight trials of rest open each session, and the order of the others
    is the same in all sessions that we looked at. What drifts during a session tells rest from
    the lights, so look at the three lights on their own as well, and score ``Windows.onsets``
    as a control.

    Files as in the authors' repository: ``subject01/record-[2012.07.06-19.02.16]_raw.fif`` and
    ``...-eve.fif`` beside it. Values of the files are a thousand times volts; here they are
    scaled to microvolts. Codes of the events are 1 rest, 2 13 Hz, 3 21 Hz and
    4 17 Hz.

    Source: Kalunga et al. (2016), https://github.com/sylvchev/dataset-ssvep-exoskeleton, Creative
    Commons Zero 1.0.

    Examples
    --------
    >>> from sk_brainrvq.datasets import SSVEPExoskeleton
    >>> protocol = SSVEPExoskeleton()
    >>> protocol.classes, protocol.metrics, protocol.window
    (('rest', '13 Hz', '17 Hz', '21 Hz'), 'multiclass', 2.0)
    """

    name = "ssvep"
    title = "SSVEP exoskeleton"
    url = "https://github.com/sylvchev/dataset-ssvep-exoskeleton"
    files_url = (
        "https://raw.githubusercontent.com/sylvchev/dataset-ssvep-exoskeleton/"
        "faf331c1707135a62fcf08db6575d1553c56e196/"
    )
    example_file = "subject01/record-[2012.07.06-19.02.16]_raw.fif"
    licence = "Creative Commons Zero 1.0"
    citation = (
        "Kalunga, E. K. et al. (2016). Online SSVEP-based BCI using Riemannian geometry. "
        "Neurocomputing 191, 55-68. doi 10.1016/j.neucom.2016.01.007"
    )
    ch_names = tuple("Oz O1 O2 PO3 POz PO7 PO8 PO4".split())  # noqa: SIM905
    classes = ("rest", "13 Hz", "17 Hz", "21 Hz")
    metrics = "multiclass"
    l_freq, h_freq = 0.5, 45.0
    all_subjects = tuple(range(1, 13))
    subjects_by_split = (_SPLIT.develop, _SPLIT.score_once, _SPLIT.never_read)
    split_rule = "subjects 1-6 / 7-9 / 10-12 (ours: none was published)"
    window = 2.0

    def left_out(self) -> dict[str, str]:
        """Published sessions that are not loaded, and why.

        Returns
        -------
        dict of str to str
            Reasons by "subject07/record-[2012.07.11-15.33.08]" and the like.
        """
        return {
            f"subject{subject:02d}/record-[{date}]": reason
            for (subject, date), reason in _LEFT_OUT.items()
        }

    def fetch(
        self, folder: str | Path | None = None, subjects: Iterable[int] | None = None
    ) -> Path:
        """Download recordings and events from the authors' repository, at one commit.

        Parameters
        ----------
        folder : path, optional
            Where files are kept; pooch's cache folder by default.
        subjects : iterable of int, optional
            All by default.

        Returns
        -------
        Path
            The folder, for :meth:`load`.

        Raises
        ------
        OSError
            If GitHub cannot be reached.
        ValueError
            If a file is not the one of that commit, or a subject is unknown.
        """
        path, wanted = data_folder(folder, self.name), set(self._wanted(subjects))
        unused = tuple(self.left_out())
        blobs = {
            name: blob
            for name, blob in packaged_sums("ssvep_git_sha1.txt").items()
            if int(name[7:9]) in wanted and not name.startswith(unused)
        }
        fetch_blobs(self.files_url, path, blobs)
        return path

    def _list(self, folder: Path) -> Iterator[Recording]:
        for path in files_below(folder, "record-*_raw.fif"):
            person, session = _FOLDER.fullmatch(path.parent.name), _FILE.fullmatch(path.name)
            if not person or not session or int(person[1]) not in self.all_subjects:
                continue
            subject = int(person[1])
            if (subject, session[1]) not in _LEFT_OUT:
                yield Recording(subject, self._side_of(subject), path)

    def _read(self, recording: Recording) -> tuple[NDArray, ...]:
        path = recording.path
        unfiltered, first = read_signals(path)
        samples, labels = _events(path)
        signals = prepared(unfiltered, SFREQ, self)
        typical = float(np.median(signals.std(axis=1)))
        if not _PLAUSIBLE[0] <= typical <= _PLAUSIBLE[1]:
            raise ValueError(
                f"{path} has a standard deviation of {typical:.2g} microvolts if its values are a "
                "thousand times volts, as published; expected some microvolts to some hundred. "
                "Was it written anew in other units?"
            )
        onsets = (samples - first) / SFREQ + _AFTER_CUE
        X, whole = self._windows_at(signals, onsets)
        return X, labels[whole], onsets[whole]


def read_signals(path: Path) -> tuple[NDArray, int]:
    """Signals of a session as published.

    Parameters
    ----------
    path : Path
        A FIF file.

    Returns
    -------
    ndarray, shape (8, n_samples), float64
        In microvolts at 256 Hz, channels as in ``SSVEPExoskeleton.ch_names``.
    int
        Number of the first sample, as events count.

    Raises
    ------
    ValueError
        If the file cannot be read, is at another rate or lacks a channel.
    """
    import mne

    with readable(path, "a FIF recording"):
        raw = mne.io.read_raw_fif(path, preload=True, verbose="error")
    if raw.info["sfreq"] != SFREQ:
        raise ValueError(f"{path} is at {raw.info['sfreq']:g} Hz; expected {SFREQ:g} Hz.")
    return _SCALE * signals_by_name(raw, SSVEPExoskeleton.ch_names, path), raw.first_samp


def _events(path: Path) -> tuple[NDArray, NDArray]:
    """Samples and classes of the cues of a recording."""
    import mne

    table = path.with_name(path.name.replace("_raw.fif", "-eve.fif"))
    if not table.is_file():
        raise FileNotFoundError(f"{table} is missing; it holds the events of {path.name}.")
    with readable(table, "a FIF list of events"):
        events = mne.read_events(table, verbose="error")
    unknown = sorted(set(events[:, 2].tolist()) - set(_CLASS))
    if unknown:
        raise ValueError(f"{table} holds the codes {unknown}; expected some of {sorted(_CLASS)}.")
    return events[:, 0], np.array([_CLASS[code] for code in events[:, 2].tolist()], np.int64)
