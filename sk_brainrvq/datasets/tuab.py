"""TUAB: normal and abnormal clinical EEG."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.cutting import regular_windows
from sk_brainrvq.datasets._protocols.file_formats import prepared, read_edf, signals_by_name
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording, files_below

# Left and right temporal chain, then left and right parasagittal chain.
BIPOLAR = tuple(
    """
        FP1-F7 F7-T3 T3-T5 T5-O1 FP2-F8 F8-T4 T4-T6 T6-O2 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4
        C4-P4 P4-O2
    """.split()  # noqa: SIM905
)
TUH_URL = "https://isip.piconepress.com/projects/nedc/html/tuh_eeg/"
_FILE = re.compile(r"(?:.*/)?(train|eval)/(normal|abnormal)/(?:.*/)?([a-z]{8})_s\d{3}_t\d{3}\.edf")


class TUAB(Protocol):
    """Abnormal against normal clinical EEG: the TUH Abnormal EEG Corpus 3.0.1.

    16 bipolar channels computed from the electrodes ("EEG FP1-REF" or "EEG FP1-LE" in the files),
    0.3-75 Hz, notch at 60 Hz, windows of 10 s without overlap; an incomplete window at the end is
    dropped. A window has the class of its recording.

    Notes
    -----
    Files are arranged as published, in any subfolder: ``train`` or ``eval``, then ``normal`` or
    ``abnormal``, then ``.../aaaaaaaq_s004_t000.edf``. Subjects are strings of eight letters.

    The test set is the official evaluation set. The first 80 % of the sorted subjects of each class
    in the training set are used for training, the others for validation. A subject with recordings
    of both classes could end up in both parts; here all its recordings are then used for training.
    If only a part of the corpus is present, its subjects are split, and a warning says so.

    The corpus does not fit in memory (about 400,000 windows): use :meth:`iter_recordings`.

    Published scores are over windows, but clinics label files: :meth:`report` also scores
    recordings and subjects.

    Source: Lopez de Diego (2017), Temple University; register at the address in ``url``.

    Examples
    --------
    >>> from sk_brainrvq.datasets import TUAB
    >>> protocol = TUAB()
    >>> protocol.ch_names[:4], protocol.classes
    (('FP1-F7', 'F7-T3', 'T3-T5', 'T5-O1'), ('normal', 'abnormal'))
    """

    name = "tuab"
    title = "TUAB"
    url = TUH_URL
    example_file = "train/normal/01_tcp_ar/aaaaaaaq_s004_t000.edf"
    licence = "By agreement with Temple University; not to be redistributed"
    citation = (
        "Lopez de Diego, S. (2017). Automated interpretation of abnormal adult "
        "electroencephalograms. Temple University. Obeid, I. and Picone, J. (2016). The Temple "
        "University Hospital EEG data corpus. Frontiers in Neuroscience 10, 196"
    )
    needs_registration = True
    ch_names = BIPOLAR
    classes = ("normal", "abnormal")
    metrics = "binary"
    l_freq, h_freq, notch = 0.3, 75.0, 60.0
    n_files = 2993
    split_rule = "official evaluation set = test; 80/20 of the sorted subjects of each class"
    window = 10.0

    def _list(self, folder: Path) -> Iterator[Recording]:
        found = [
            (match[1], match[2], match[3], path)
            for path in files_below(folder, "*.edf")
            if (match := _FILE.fullmatch(path.relative_to(folder).as_posix()))
        ]
        trains: set[str] = set()
        for label in ("normal", "abnormal"):
            trains |= first_share({s for side, c, s, _ in found if (side, c) == ("train", label)})
        for side, _, subject, path in found:
            split = "test" if side == "eval" else "train" if subject in trains else "validation"
            yield Recording(subject, split, path)

    def _read(self, recording: Recording) -> tuple[NDArray, NDArray]:
        raw = read_edf(recording.path)
        signals = signals_by_name(raw, self.ch_names, recording.path)
        signals = prepared(signals, raw.info["sfreq"], self)
        X = regular_windows(signals, round(self.window * self.sfreq))
        folders = recording.path.as_posix().split("/")
        # Use the innermost folder, because those above the corpus may have any name.
        label = next(part for part in reversed(folders) if part in self.classes)
        return X, np.full(len(X), self.classes.index(label))


def first_share(subjects: Iterable[str], share: float = 0.8) -> set[str]:
    """Choose the training subjects: the first 80 % in alphabetical order.

    Parameters
    ----------
    subjects : iterable of str
    share : float, default=0.8

    Returns
    -------
    set of str
    """
    ordered = sorted(subjects)
    # At least one, even if a corpus was downloaded in part.
    return set(ordered[: max(1, int(len(ordered) * share))])
