"""PhysioNet-MI: imagined movements of hands and feet."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.downloads import data_folder, fetch_files, packaged_sums
from sk_brainrvq.datasets._protocols.file_formats import prepared, read_edf, signals_by_name
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording

_FILE = re.compile(r"S(\d{3})R(\d{2})\.edf")
# T1 and T2 mean left and right fist in three of the runs, both fists and both feet in the others.
_FIRST_CLASS = {4: 0, 8: 0, 12: 0, 6: 2, 10: 2, 14: 2}


class PhysioNetMI(Protocol):
    """Imagined movements of hands and feet: EEG Motor Movement/Imagery Dataset.

    64 channels with average reference, high-pass at 0.3 Hz, notch at 60 Hz, windows of 4 s from
    the cue on, from runs 4, 6, 8, 10, 12 and 14. Training on subjects 1-70, validation on 71-89,
    test on 90-109.

    Notes
    -----
    Files are named as published, ``S001/S001R04.edf``, in any subfolder; other runs are ignored.

    Subjects recorded at 128 Hz instead of 160 Hz (S088, S092 and S100, which many leave out) are
    resampled like the others. A window lasts 4 s from its cue, however long the trial is, and is
    left out if the recording ends earlier.

    Source: Schalk et al. (2004), PhysioNet, doi 10.13026/C28G6P, Open Data Commons Attribution
    License 1.0.

    Examples
    --------
    >>> from sk_brainrvq.datasets import PhysioNetMI
    >>> protocol = PhysioNetMI()
    >>> protocol.classes, len(protocol.ch_names), protocol.reference
    (('left fist', 'right fist', 'both fists', 'both feet'), 64, 'average')
    """

    name = "physionet-mi"
    title = "PhysioNet-MI"
    url = "https://physionet.org/content/eegmmidb/1.0.0/"
    files_url = "https://physionet.org/files/eegmmidb/1.0.0/"
    # Sums that PhysioNet published, as included in MNE-Python.
    sums_file = "physionet_mi_sha256.txt"
    example_file = "S001/S001R04.edf"
    licence = "Open Data Commons Attribution License 1.0"
    citation = (
        "Schalk, G. et al. (2004). BCI2000: a general-purpose brain-computer interface (BCI) "
        "system. IEEE Transactions on Biomedical Engineering 51(6), 1034-1043"
    )
    # In the order of the files.
    ch_names = tuple(
        """
            FC5 FC3 FC1 FCz FC2 FC4 FC6 C5 C3 C1 Cz C2 C4 C6 CP5 CP3 CP1 CPz CP2 CP4 CP6 Fp1 Fpz Fp2
            AF7 AF3 AFz AF4 AF8 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FT8 T7 T8 T9 T10 TP7 TP8 P7 P5 P3 P1
            Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2 Iz
        """.split()  # noqa: SIM905
    )
    classes = ("left fist", "right fist", "both fists", "both feet")
    metrics = "multiclass"
    l_freq, notch, reference = 0.3, 60.0, "average"
    all_subjects = tuple(range(1, 110))
    n_recordings = 6
    subjects_by_split = (range(1, 71), range(71, 90), range(90, 110))
    split_rule = "subjects 1-70 / 71-89 / 90-109"
    window = 4.0

    def fetch(
        self, folder: str | Path | None = None, subjects: Iterable[int] | None = None
    ) -> Path:
        """Download the six runs of each subject and check them against sums in this package.

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
            If PhysioNet cannot be reached.
        ValueError
            If a file does not have the published sum, or if a subject is unknown.
        """
        path = data_folder(folder, self.name)
        subjects = self._wanted(subjects)
        names = [
            f"S{s:03d}/S{s:03d}R{run:02d}.edf" for s in subjects for run in sorted(_FIRST_CLASS)
        ]
        sums = packaged_sums(self.sums_file)
        fetch_files(self.files_url, path, {name: sums[name] for name in names})
        return path

    def _list(self, folder: Path) -> Iterator[Recording]:
        for match, recording in self._numbered(folder, "S*.edf", _FILE):
            if int(match[2]) in _FIRST_CLASS:
                yield recording

    def _read(self, recording: Recording) -> tuple[NDArray, NDArray]:
        raw = read_edf(recording.path)
        events = raw.annotations.description
        is_cue = np.isin(events, ["T1", "T2"])
        if not is_cue.any():
            raise ValueError(
                f"{recording.path} holds no events T1 and T2, but "
                f"{sorted(set(events.tolist()))}; expected the EDF+ file as published."
            )
        signals = signals_by_name(raw, self.ch_names, recording.path)
        signals = prepared(signals, raw.info["sfreq"], self)
        X, whole = self._windows_at(signals, raw.annotations.onset[is_cue])
        run = int(recording.path.stem[-2:])
        labels = _FIRST_CLASS[run] + (events[is_cue] == "T2")
        return X, labels[whole]
