"""EEGMAT: EEG at rest and during mental arithmetic."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.cutting import regular_windows
from sk_brainrvq.datasets._protocols.downloads import data_folder, fetch_files, packaged_sums
from sk_brainrvq.datasets._protocols.file_formats import read_edf
from sk_brainrvq.datasets._protocols.labelled_windows import Windows
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording

URL = "https://physionet.org/files/eegmat/1.0.0/"
SFREQ = 200.0
CLASSES = ("rest", "arithmetic")
# In the order of the published protocol; the ECG is left out.
CH_NAMES = (
    "Fp1 Fp2 F3 F4 F7 F8 T3 T4 C3 C4 T5 T6 P3 P4 O1 O2 Fz Cz Pz A2-A1".split()  # noqa: SIM905
)
_FILE = re.compile(r"Subject(\d\d)_([12])\.edf")
_ALL_SUBJECTS = range(36)


def eegmat_checksums() -> dict[str, str]:
    """Return the published SHA-256 sums of the 72 EDF files."""
    return packaged_sums("eegmat_sha256.txt")


def fetch_eegmat(folder: str | Path | None = None, subjects: Iterable[int] = _ALL_SUBJECTS) -> Path:
    """Download EDF files of EEGMAT from PhysioNet and check their sums.

    Parameters
    ----------
    folder : path, optional
        Folder to keep the files in; pooch's cache folder by default. Existing files are not
        downloaded again.
    subjects : iterable of int, default=range(36)
        Subjects to download.

    Returns
    -------
    Path
        The folder, for :func:`load_eegmat`.

    Raises
    ------
    OSError
        If PhysioNet cannot be reached.
    ValueError
        If a downloaded file does not have the published sum, or if a subject does not exist.

    Notes
    -----
    Source: Zyma et al. (2019), PhysioNet, doi 10.13026/C2JQ1P, Open Data Commons Attribution
    License 1.0.
    """
    path = data_folder(folder, "eegmat")
    wanted = EEGMAT()._wanted(subjects)
    names = [f"Subject{subject:02d}_{recording}.edf" for subject in wanted for recording in (1, 2)]
    sums = eegmat_checksums()
    fetch_files(URL, path, {name: sums[name] for name in names})
    return path


class EEGMAT(Protocol):
    """Rest against mental arithmetic ("Mental Workload"): the protocol of EEGMAT.

    36 subjects, each with a recording of about three minutes at rest and one of one minute during
    serial subtraction; 19 electrodes referenced to linked ears, and A2-A1. Windows of 5 s without
    overlap; an incomplete window at the end is dropped. The files are already filtered (0.5-45 Hz,
    notch at 50 Hz) and are not filtered again. Training on subjects 0-27, validation on 28-31,
    test on 32-35.

    Parameters
    ----------
    window : float, default=5.0
        Length of a window in seconds.
    check : bool, default=False
        Whether to compare the files with the published SHA-256 sums.

    Notes
    -----
    Source: Zyma et al. (2019), PhysioNet, doi 10.13026/C2JQ1P, Open Data Commons Attribution
    License 1.0.

    Subjects are identified by the names of the files. Common scripts split the sorted list of
    files, which a stray file silently shifts by one.

    The class of a window is that of its recording, so windows of one subject must never be split
    over folds.

    Examples
    --------
    >>> from sk_brainrvq.datasets import EEGMAT
    >>> protocol = EEGMAT()
    >>> protocol.classes, protocol.metrics, len(protocol.ch_names)
    (('rest', 'arithmetic'), 'binary', 20)
    """

    name = "eegmat"
    title = "EEGMAT"
    url = "https://physionet.org/content/eegmat/1.0.0/"
    example_file = "Subject00_1.edf"
    licence = "Open Data Commons Attribution License 1.0"
    citation = (
        "Zyma, I. et al. (2019). Electroencephalograms during mental arithmetic task performance. "
        "Data 4(1), 14. doi 10.3390/data4010014"
    )
    ch_names = tuple(CH_NAMES)
    classes = CLASSES
    metrics = "binary"
    all_subjects = tuple(_ALL_SUBJECTS)
    n_recordings = 2
    subjects_by_split = (range(28), range(28, 32), range(32, 36))
    split_rule = "subjects 0-27 / 28-31 / 32-35"
    # One of the two recordings is one of the two classes.
    _drops_incomplete = True

    def __init__(self, window: float = 5.0, check: bool = False):
        if not isinstance(window, (int, float, np.number)) or not 1 <= window * SFREQ < np.inf:
            raise ValueError(
                f"window={window!r} was given; expected seconds, at least a sample ({1 / SFREQ:g})."
            )
        self.window = window
        self.check = check

    def fetch(
        self, folder: str | Path | None = None, subjects: Iterable[int] | None = None
    ) -> Path:
        """Download files with :func:`fetch_eegmat`.

        Parameters
        ----------
        folder : path, optional
        subjects : iterable of int, optional

        Returns
        -------
        Path
        """
        return fetch_eegmat(folder, _ALL_SUBJECTS if subjects is None else subjects)

    def how_to_get(self) -> str:
        """Say in a sentence where the files come from.

        Returns
        -------
        str
        """
        return "fetch_eegmat downloads the files."

    def _list(self, folder: Path) -> Iterator[Recording]:
        for _, recording in self._numbered(folder, "Subject*.edf", _FILE):
            yield recording

    def _read(self, recording: Recording) -> tuple[NDArray, NDArray]:
        if self.check:
            _check_sum(recording.path)
        raw = read_recording(recording.path)
        raw.resample(SFREQ, method="polyphase", verbose="error")
        X = regular_windows(raw.get_data(units="uV"), round(self.window * SFREQ))
        is_task = recording.path.stem.endswith("_2")
        return X, np.full(len(X), int(is_task))


def load_eegmat(
    folder: str | Path,
    subjects: Iterable[int] | None = None,
    *,
    window: float = 5.0,
    check: bool = False,
) -> Windows:
    """Load the windows of EEGMAT: a shortcut for :class:`EEGMAT`.

    Parameters
    ----------
    folder : path
        Folder with ``SubjectNN_1.edf`` (rest) and ``SubjectNN_2.edf`` (arithmetic), in any
        subfolders; other files are ignored.
    subjects : iterable of int, optional
        Subjects to load, from 0 to 35; by default all that are present, and a warning names the
        others.
    window : float, default=5.0
        Length of a window in seconds. Windows do not overlap; an incomplete one at the end of a
        recording is dropped.
    check : bool, default=False
        Whether to compare the files with the published SHA-256 sums.

    Returns
    -------
    Windows
        20 channels (19 scalp electrodes and A2-A1) at 200 Hz, in microvolts; y is 0 at rest
        and 1 during arithmetic. Sorted by subject, rest first.

    Raises
    ------
    FileNotFoundError
        If a requested subject is not in the folder, or if no subject is.
    ValueError
        If a file does not have the published sum, or lacks a channel.

    Notes
    -----
    Source: Zyma et al. (2019), PhysioNet, doi 10.13026/C2JQ1P. The class of a window is that of
    its recording, so windows of one subject must never be split over folds.
    """
    return EEGMAT(window, check).load(folder, subjects)


def _check_sum(path: Path) -> None:
    if hashlib.sha256(path.read_bytes()).hexdigest() != eegmat_checksums()[path.name]:
        raise ValueError(f"{path} differs from the published file; download it again.")


def read_recording(path: str | Path) -> Any:
    """Read a recording as published, with the 20 channels of the protocol.

    Parameters
    ----------
    path : path
        An EDF file.

    Returns
    -------
    mne.io.Raw
        At 500 Hz, with the channel names and order of the protocol.

    Raises
    ------
    ValueError
        If the file is not an EDF file, is truncated or lacks a channel.
    """
    path = Path(path)
    raw = read_edf(path).load_data(verbose="error")
    names = {name.removeprefix("EEG ").strip(): name for name in raw.ch_names}
    missing = [name for name in CH_NAMES if name not in names]
    if missing:
        raise ValueError(f"{path} lacks the channels {missing}; it holds {raw.ch_names}.")
    raw.pick([names[name] for name in CH_NAMES]).reorder_channels([names[n] for n in CH_NAMES])
    return raw.rename_channels({names[name]: name for name in CH_NAMES})
