"""TUEV: six kinds of events in clinical EEG."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.cutting import windows_at
from sk_brainrvq.datasets._protocols.file_formats import prepared, read_edf, signals_by_name
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording, files_below
from sk_brainrvq.datasets.tuab import BIPOLAR, TUH_URL, first_share

_FILE = re.compile(
    r"(?:.*/)?(?:(train)/([^/]+)/[a-z]{8}_\d{8}|(eval)/([^/]+)/[a-z]{4}_\d{3}_[^/]*)\.edf"
)
_BEFORE = 2.0
_DUPLICATES = ("keep", "drop")


class TUEV(Protocol):
    """Six kinds of events in clinical EEG: the TUH EEG Events Corpus 2.0.0.

    16 bipolar channels computed from the electrodes ("EEG FP1-REF" in the files), 0.3-75 Hz, notch
    at 60 Hz, windows of 5 s: an event of 1 s with 2 s before and after it. Near an edge of the
    recording, the window continues at the other end. The class is the label in the ``.rec`` file
    minus 1.

    Parameters
    ----------
    duplicates : {"keep", "drop"}, default="keep"
        An event that is seen in several channels has a line for each of them in the ``.rec``
        file, and each line yields the same window. "keep" follows the published protocol: such
        windows count several times. "drop" keeps only one window per time and label.

    Notes
    -----
    Files are arranged as published, in any subfolder: ``train/aaaaaaar/aaaaaaar_00000001.edf`` and
    ``eval/000/bckg_000_a_.edf``, each with a ``.rec`` beside it. Subjects are the names of these
    folders, as strings.

    The test set is the official evaluation set. The first 80 % of the sorted training subjects are
    used for training, the others for validation.

    Windows are far from independent: besides those repeated for several channels, events follow
    each other by a second, so neighbouring windows share up to 4 of their 5 seconds, and the same
    seconds may have different labels in different channels. Report intervals over subjects, not
    over windows.

    Source: Harati et al. (2015), Temple University; register at the address in ``url``.

    Examples
    --------
    >>> from sk_brainrvq.datasets import TUEV
    >>> protocol = TUEV(duplicates="drop")
    >>> protocol.classes[3:], protocol.metrics
    (('eye movement', 'artifact', 'background'), 'multiclass')
    """

    name = "tuev"
    title = "TUEV"
    url = TUH_URL
    example_file = "train/aaaaaaar/aaaaaaar_00000001.edf"
    licence = "By agreement with Temple University; not to be redistributed"
    citation = (
        "Harati, A. et al. (2015). Improved EEG event classification using differential energy. "
        "IEEE Signal Processing in Medicine and Biology Symposium. Obeid, I. and Picone, J. "
        "(2016). The Temple University Hospital EEG data corpus. Frontiers in Neuroscience 10, 196"
    )
    needs_registration = True
    ch_names = BIPOLAR
    classes = (
        "spike and slow wave",
        "generalized periodic epileptiform discharge",
        "periodic lateralized epileptiform discharge",
        "eye movement",
        "artifact",
        "background",
    )
    metrics = "multiclass"
    l_freq, h_freq, notch = 0.3, 75.0, 60.0
    n_files = 518
    split_rule = "official evaluation set = test; 80/20 of the sorted training subjects"
    window = 5.0

    def __init__(self, duplicates: str = "keep"):
        if duplicates not in _DUPLICATES:
            raise ValueError(f"duplicates={duplicates!r} was given; expected one of {_DUPLICATES}.")
        self.duplicates = duplicates

    def _list(self, folder: Path) -> Iterator[Recording]:
        found = [
            (match[1] or match[3], match[2] or match[4], path)
            for path in files_below(folder, "*.edf")
            if (match := _FILE.fullmatch(path.relative_to(folder).as_posix()))
        ]
        trains = first_share({subject for side, subject, _ in found if side == "train"})
        for side, subject, path in found:
            split = "test" if side == "eval" else "train" if subject in trains else "validation"
            yield Recording(subject, split, path)

    def _read(self, recording: Recording) -> tuple[NDArray, NDArray]:
        onsets, labels = self._events(recording.path.with_suffix(".rec"))
        raw = read_edf(recording.path)
        late = onsets[onsets >= raw.n_times / raw.info["sfreq"]]
        if len(late):
            raise ValueError(
                f"{recording.path.with_suffix('.rec')} holds an event at {late[0]:g} s, but "
                f"{recording.path.name} lasts {raw.n_times / raw.info['sfreq']:g} s; expected the "
                "files of one recording."
            )
        signals = signals_by_name(raw, self.ch_names, recording.path)
        signals = prepared(signals, raw.info["sfreq"], self)
        # First sample at or after the event; times have ten decimals.
        first = np.ceil(onsets * self.sfreq - 1e-6).astype(int)
        starts = first - round(_BEFORE * self.sfreq)
        X = windows_at(signals, starts, round(self.window * self.sfreq), wrap=True)
        return X, labels

    def _events(self, path: Path) -> tuple[NDArray, NDArray]:
        """Return onsets in seconds, and classes."""
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing; it holds the labels of {path.stem}.edf and is published "
                "beside it."
            )
        try:
            table = np.loadtxt(path, delimiter=",", ndmin=2).reshape(-1, 4)
        except ValueError as error:
            raise ValueError(
                f"{path} cannot be read ({error}); expected lines 'channel,start,stop,label'."
            ) from error
        known = np.isin(table[:, 3], np.arange(1, len(self.classes) + 1))
        if not known.all():
            raise ValueError(
                f"{path} holds the label {table[~known, 3][0]:g}; expected 1 to "
                f"{len(self.classes)}."
            )
        events = table[:, [1, 3]]
        if self.duplicates == "drop":
            _, rows = np.unique(events, axis=0, return_index=True)
            events = events[np.sort(rows)]
        return events[:, 0], events[:, 1].astype(int) - 1
