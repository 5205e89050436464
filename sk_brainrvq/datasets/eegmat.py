"""EEGMAT: EEG at rest and during mental arithmetic."""

import hashlib
import re
import warnings
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets.windows import Windows

URL = "https://physionet.org/files/eegmat/1.0.0/"
SFREQ = 200.0
CLASSES = ("rest", "arithmetic")
# Order of the published protocol; the ECG is left out.
CH_NAMES = (
    "Fp1 Fp2 F3 F4 F7 F8 T3 T4 C3 C4 T5 T6 P3 P4 O1 O2 Fz Cz Pz A2-A1".split()  # noqa: SIM905
)
_FILE = re.compile(r"Subject(\d\d)_([12])\.edf")
_ALL_SUBJECTS = range(36)


def eegmat_checksums() -> dict[str, str]:
    """SHA-256 sums of the 72 EDF files, as published."""
    text = resources.files("sk_brainrvq.datasets").joinpath("eegmat_sha256.txt").read_text()
    return dict(line.split() for line in text.splitlines())


def fetch_eegmat(folder: str | Path | None = None, subjects: Iterable[int] = _ALL_SUBJECTS) -> Path:
    """Download EDF files of EEGMAT from PhysioNet and check their sums.

    Parameters
    ----------
    folder : path, optional
        Where files are kept; pooch's cache folder by default. Files that are there are not
        downloaded again.
    subjects : iterable of int, default=range(36)

    Returns
    -------
    Path
        The folder, for :func:`load_eegmat`.

    Raises
    ------
    OSError
        If PhysioNet cannot be reached.
    ValueError
        If a downloaded file does not have the published sum.

    Notes
    -----
    Source: Zyma et al. (2019), PhysioNet, doi 10.13026/C2JQ1P, Open Data Commons Attribution
    License 1.0.
    """
    import pooch

    path = Path(folder) if folder is not None else Path(pooch.os_cache("sk_brainrvq")) / "eegmat"
    registry = {name: f"sha256:{digest}" for name, digest in eegmat_checksums().items()}
    fetcher = pooch.create(path=path, base_url=URL, registry=registry)
    for subject in subjects:
        for recording in (1, 2):
            fetcher.fetch(f"Subject{subject:02d}_{recording}.edf")
    return path


def load_eegmat(
    folder: str | Path,
    subjects: Iterable[int] | None = None,
    *,
    window: float = 5.0,
    check: bool = False,
) -> Windows:
    """Cut EEGMAT's recordings into windows.

    Parameters
    ----------
    folder : path
        Holds ``SubjectNN_1.edf`` (rest) and ``SubjectNN_2.edf`` (arithmetic); other files are
        ignored.
    subjects : iterable of int, optional
        Subjects to load; by default those of 0-35 that are there, and a warning names the
        others.
    window : float, default=5.0
        Length in seconds. Windows do not overlap; the tail of a recording is dropped.
    check : bool, default=False
        Compare the files with the published SHA-256 sums.

    Returns
    -------
    Windows
        20 channels (19 scalp electrodes and A2-A1) at 200 Hz, in microvolts; y is 0 at rest
        and 1 during arithmetic. Sorted by subject, rest first.

    Raises
    ------
    FileNotFoundError
        If a subject asked for is not in the folder, or none is.
    ValueError
        If a file does not have the published sum, or lacks a channel.

    Notes
    -----
    Source: Zyma et al. (2019), PhysioNet, doi 10.13026/C2JQ1P. A window's class is its
    recording, so windows of one subject must never be split over folds.
    """
    files = _find_files(Path(folder), subjects)
    if check:
        _check_sums(files.values())
    windows, labels, owners = [], [], []
    for (subject, recording), path in sorted(files.items()):
        cut = _cut(_read(path), window)
        windows.append(cut)
        labels += [recording - 1] * len(cut)
        owners += [subject] * len(cut)
    return Windows(
        np.concatenate(windows),
        np.array(labels, np.int64),
        np.array(owners, np.int64),
        list(CH_NAMES),
        SFREQ,
        CLASSES,
    )


def _find_files(folder: Path, subjects: Iterable[int] | None) -> dict[tuple[int, int], Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"No folder {folder}; fetch_eegmat downloads the files.")
    found = {
        (int(match[1]), int(match[2])): path
        for path in folder.iterdir()
        if (match := _FILE.fullmatch(path.name))
    }
    wanted = list(_ALL_SUBJECTS if subjects is None else subjects)
    missing = [s for s in wanted if not {(s, 1), (s, 2)} <= found.keys()]
    if missing and (subjects is not None or len(missing) == len(wanted)):
        raise FileNotFoundError(
            f"{folder} lacks recordings of subjects {missing}; fetch_eegmat downloads them."
        )
    if missing:
        warnings.warn(f"EEGMAT subjects {missing} are not in {folder}.", stacklevel=3)
    kept = set(wanted) - set(missing)
    return {key: path for key, path in found.items() if key[0] in kept}


def _check_sums(files: Iterable[Path]) -> None:
    published = eegmat_checksums()
    for path in files:
        if hashlib.sha256(path.read_bytes()).hexdigest() != published[path.name]:
            raise ValueError(f"{path} differs from the published file; download it again.")


def _read(path: Path) -> NDArray:
    """Signals of a recording in microvolts at 200 Hz, shape (20, n_times)."""
    raw = read_recording(path)
    raw.resample(SFREQ, method="polyphase", verbose="error")
    return raw.get_data(units="uV")


def read_recording(path: str | Path) -> Any:
    """A recording as published, with the 20 channels of the protocol.

    Parameters
    ----------
    path : path
        An EDF file.

    Returns
    -------
    mne.io.Raw
        Named and ordered as the protocol does, at 500 Hz.

    Raises
    ------
    ValueError
        If a channel is missing.
    """
    import mne

    raw = mne.io.read_raw_edf(path, preload=True, verbose="error")
    names = {name.removeprefix("EEG ").strip(): name for name in raw.ch_names}
    missing = [name for name in CH_NAMES if name not in names]
    if missing:
        raise ValueError(f"{path} lacks the channels {missing}; it holds {raw.ch_names}.")
    raw.pick([names[name] for name in CH_NAMES]).reorder_channels([names[n] for n in CH_NAMES])
    return raw.rename_channels({names[name]: name for name in CH_NAMES})


def _cut(signals: NDArray, window: float) -> NDArray:
    """Windows (n_windows, n_channels, n_times) of a recording, float32."""
    n_times = round(window * SFREQ)
    n_windows = signals.shape[1] // n_times
    cut = signals[:, : n_windows * n_times].reshape(len(signals), n_windows, n_times)
    return cut.transpose(1, 0, 2).astype(np.float32)
