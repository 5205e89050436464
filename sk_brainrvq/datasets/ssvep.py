"""SSVEP exoskeleton: which of three lights someone looks at, if any."""

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
# Classes by event code; codes 3 and 4 are not in the order of the frequencies.
_CLASS = {1: 0, 2: 1, 4: 2, 3: 3}
_AFTER_CUE = 2.0
# Values in the files are volts times a thousand.
_SCALE = 1e-3
# Range of standard deviations in microvolts that EEG in this band can have.
_PLAUSIBLE = (0.1, 1000.0)
_FAILED = "its authors left it out for problems of the protocol, such as lost synchronisation"
# Unusable sessions, by subject and date, with the reason.
_LEFT_OUT = {
    (7, "2012.07.11-15.33.08"): (
        "it is identical to the recording of subject 3 at that time, sample by sample, and the "
        "other session of subject 3 is from the same hour"
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

    8 occipital electrodes at 256 Hz, 0.5-45 Hz, windows from 2 to 4 s after the cue, as in MOABB's
    ``Kalunga2016``; 32 trials per session. There is no published split over people: ours trains on
    1-6, validates on 7-9 and tests on 10-12.

    Notes
    -----
    **Sessions left out.** The session of subject 7 on 2012-07-11 is identical, sample by sample, to
    that of subject 3 in the same minute: one recording was filed under two people, and would be
    used for both training and test. It counts as one of subject 3, whose other session began eight
    minutes earlier. Five sessions of subjects 8, 10 and 11, which the authors themselves excluded,
    are left out too.

    **Rest comes first.** Each session begins with the eight trials of rest, and the order of the
    others is the same in all sessions that we inspected. Any drift during a session distinguishes
    rest from the lights, so also evaluate the three lights on their own, and score
    ``Windows.onsets`` as a control.

    Files are named as in the authors' repository:
    ``subject01/record-[2012.07.06-19.02.16]_raw.fif``, with ``...-eve.fif`` beside it. Values in
    the files are volts times a thousand; here they are converted to microvolts. Event codes are 1
    for rest, 2 for 13 Hz, 3 for 21 Hz and 4 for 17 Hz.

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
        """List the published sessions that are not loaded, and why.

        Returns
        -------
        dict of str to str
            Reasons by session, such as "subject07/record-[2012.07.11-15.33.08]".
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
            Folder to keep the files in; pooch's cache folder by default.
        subjects : iterable of int, optional
            Subjects to download; all by default.

        Returns
        -------
        Path
            The folder, for :meth:`load`.

        Raises
        ------
        OSError
            If GitHub cannot be reached.
        ValueError
            If a file is not the one in that commit, or if a subject is unknown.
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
                f"{path} has a standard deviation of {typical:.2g} microvolts if its values are "
                "volts times a thousand, as published; expected a few to a few hundred microvolts. "
                "Was the file saved again in other units?"
            )
        onsets = (samples - first) / SFREQ + _AFTER_CUE
        X, whole = self._windows_at(signals, onsets)
        return X, labels[whole], onsets[whole]


def read_signals(path: Path) -> tuple[NDArray, int]:
    """Read the signals of a session as published.

    Parameters
    ----------
    path : Path
        A FIF file.

    Returns
    -------
    ndarray, shape (8, n_samples), float64
        Signals in microvolts at 256 Hz, channels as in ``SSVEPExoskeleton.ch_names``.
    int
        Number of the first sample, from which events count.

    Raises
    ------
    ValueError
        If the file cannot be read, has another sampling rate or lacks a channel.
    """
    import mne

    with readable(path, "a FIF recording"):
        raw = mne.io.read_raw_fif(path, preload=True, verbose="error")
    if raw.info["sfreq"] != SFREQ:
        raise ValueError(f"{path} is at {raw.info['sfreq']:g} Hz; expected {SFREQ:g} Hz.")
    return _SCALE * signals_by_name(raw, SSVEPExoskeleton.ch_names, path), raw.first_samp


def _events(path: Path) -> tuple[NDArray, NDArray]:
    """Return the samples and classes of the cues of a recording."""
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
