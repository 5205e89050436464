"""SEED-V: five emotions while watching films."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.cutting import regular_windows
from sk_brainrvq.datasets._protocols.file_formats import prepared, signals_by_name
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording, files_below

_FILE = re.compile(r"(\d{1,2})_([123])_\d{8}(_repaired)?\.cnt")
_BROKEN = "7_1_20180411.cnt"
# Seconds at which the 15 films of each session begin and end, and their classes, as published
# with the dataset.
_STARTS = {
    1: (30, 132, 287, 555, 773, 982, 1271, 1628, 1730, 2025, 2227, 2435, 2667, 2932, 3204),
    2: (30, 299, 548, 646, 836, 1000, 1091, 1392, 1657, 1809, 1966, 2186, 2333, 2490, 2741),
    3: (30, 353, 478, 674, 825, 908, 1200, 1346, 1451, 1711, 2055, 2307, 2457, 2726, 2888),
}
_ENDS = {
    1: (102, 228, 524, 742, 920, 1240, 1568, 1697, 1994, 2166, 2401, 2607, 2901, 3172, 3359),
    2: (267, 488, 614, 773, 967, 1059, 1331, 1622, 1777, 1908, 2153, 2302, 2428, 2709, 2817),
    3: (321, 418, 643, 764, 877, 1147, 1284, 1418, 1679, 1996, 2275, 2425, 2664, 2857, 3066),
}
_LABELS = {
    1: (4, 1, 3, 2, 0, 4, 1, 3, 2, 0, 4, 1, 3, 2, 0),
    2: (2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0),
    3: (2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0),
}
_TRIALS = {"train": range(5), "validation": range(5, 10), "test": range(10, 15)}
# Seconds read around the trials of a part so that filters settle: MNE's 0.3 Hz filter lasts 11 s.
_MARGIN = 10.0


class SEEDV(Protocol):
    """Five emotions while watching films: SEED-V.

    62 channels (M1, M2, VEO and HEO are dropped), 0.3-75 Hz, windows of 1 s without overlap.
    Training on trials 1-5 of each of the three sessions, validation on 6-10, test on 11-15: the
    same subjects are in all parts, so scores say nothing about new subjects.

    Notes
    -----
    Files are named ``1_1_20180804.cnt`` (subject, session, date), in any subfolder.
    :meth:`recordings` lists each file three times, once for each part of the split; for each part
    only its minutes are read, with 10 s more at both ends for the filters.

    ``7_1_20180411.cnt`` has a broken header, which recent versions of MNE refuse; it is then read
    as 32-bit integers, the format of the others, and an error says so if that fails too. If
    ``7_1_20180411_repaired.cnt``, which is also distributed, is present, it is used instead.

    Windows of one trial belong to one film: neighbours are alike and share their class. Report
    intervals over subjects, not over windows.

    Source: Liu et al. (2021), Shanghai Jiao Tong University; register at the address in ``url``.

    Examples
    --------
    >>> from sk_brainrvq.datasets import SEEDV
    >>> protocol = SEEDV()
    >>> protocol.classes
    ('disgust', 'fear', 'sad', 'neutral', 'happy')
    >>> protocol.split_rule
    'trials 1-5 / 6-10 / 11-15 of each session: not across subjects'
    """

    name = "seed-v"
    title = "SEED-V"
    url = "https://bcmi.sjtu.edu.cn/home/seed/seed-v.html"
    example_file = "1_1_20180804.cnt"
    licence = "By agreement with Shanghai Jiao Tong University; not to be redistributed"
    citation = (
        "Liu, W. et al. (2021). Comparing recognition performance and robustness of multimodal "
        "deep learning models for multimodal emotion recognition. IEEE Transactions on Cognitive "
        "and Developmental Systems"
    )
    needs_registration = True
    ch_names = tuple(
        """
            FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 T7 C5
            C3 C1 CZ C2 C4 C6 T8 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7
            PO5 PO3 POZ PO4 PO6 PO8 CB1 O1 OZ O2 CB2
        """.split()  # noqa: SIM905
    )
    classes = ("disgust", "fear", "sad", "neutral", "happy")
    metrics = "multiclass"
    l_freq, h_freq = 0.3, 75.0
    all_subjects = tuple(range(1, 17))
    n_recordings = 3
    split_rule = "trials 1-5 / 6-10 / 11-15 of each session: not across subjects"
    window = 1.0

    def _list(self, folder: Path) -> Iterator[Recording]:
        found = [
            (match, path)
            for path in files_below(folder, "*.cnt")
            if (match := _FILE.fullmatch(path.name)) and int(match[1]) in self.all_subjects
        ]
        repaired = {match.group(1, 2) for match, _ in found if match[3]}
        for match, path in found:
            if match[3] or match.group(1, 2) not in repaired:
                for split in _TRIALS:
                    yield Recording(int(match[1]), split, path)

    def _read(self, recording: Recording) -> tuple[NDArray, NDArray]:
        session = int(recording.path.name.split("_")[1])
        trials = _TRIALS[recording.split]
        starts = [_STARTS[session][trial] for trial in trials]
        ends = [_ENDS[session][trial] for trial in trials]
        raw = _read_cnt(recording.path)
        duration = raw.n_times / raw.info["sfreq"]
        if duration < ends[-1]:
            raise ValueError(
                f"{recording.path} lasts {duration:g} s; expected at least {ends[-1]} s, the end "
                f"of the last trial of {recording.split}. Download it again."
            )
        begin = max(0.0, starts[0] - _MARGIN)
        raw.crop(begin, min(ends[-1] + _MARGIN, raw.times[-1]))
        signals = signals_by_name(raw, self.ch_names, recording.path)
        signals = prepared(signals, raw.info["sfreq"], self)
        X, y = [], []
        for trial, start, end in zip(trials, starts, ends, strict=True):
            first, last = (round((second - begin) * self.sfreq) for second in (start, end))
            X.append(regular_windows(signals[:, first:last], round(self.window * self.sfreq)))
            y += [_LABELS[session][trial]] * len(X[-1])
        return np.concatenate(X), np.array(y)


def _read_cnt(path: Path) -> Any:
    """Open a Neuroscan recording without loading its signals."""
    import mne

    errors = []
    for data_format in ("auto", "int32"):
        try:
            return mne.io.read_raw_cnt(
                path, data_format=data_format, preload=False, verbose="error"
            )
        except Exception as error:  # MNE's parser may raise anything
            errors.append(str(error))
    known = (
        f" {_BROKEN} is published with a broken header: use 7_1_20180411_repaired.cnt, or leave "
        "subject 7 out with subjects=."
    )
    raise ValueError(
        f"{path} cannot be read as a Neuroscan file ({errors[-1]}); download it again."
        + (known if path.name == _BROKEN else "")
    )
