"""BCIC-IV-2a: imagined movements of hands, feet and tongue."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.cutting import windows_at
from sk_brainrvq.datasets._protocols.downloads import data_folder
from sk_brainrvq.datasets._protocols.file_formats import prepared, read_mat, readable
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording, files_below, places_of

_FILE = re.compile(r"A(0[1-9])([TE])\.(gdf|mat)")
_LABELS = "true_labels"
_N_EEG = 22
# GDF codes of the start of a trial and the cues of the four classes, hidden in evaluation files.
_TRIAL, _CUES = "768", ("769", "770", "771", "772")
_CUE_AFTER = 2.0
# The GDF files name only some electrodes, at these positions.
_NAMED = {"FZ": 0, "C3": 7, "CZ": 9, "C4": 11, "PZ": 19}


class BCICIV2a(Protocol):
    """Imagined movements of hands, feet and tongue: BCI Competition IV, data set 2a.

    22 electrodes with average reference, 0.3-40 Hz, windows from 2 to 6 s of the trial (0 to 4 s
    after the cue), both sessions. Training on subjects A01-A05, validation on A06-A07, test on
    A08-A09. The EOG electrodes are left out; trials marked as artifacts are kept, as is usual.

    Notes
    -----
    Files of either source may be in any subfolder: ``A01T.mat`` and ``A01E.mat`` of the BNCI
    Horizon 2020 database (001-2014), or ``A01T.gdf`` and ``A01E.gdf`` of the competition. The
    classes of the competition's evaluation sessions are in ``A01E.mat`` of its "true labels",
    which may be beside the GDF file, or in a folder ``true_labels`` beside it or beside its
    folder. If both sources are present, the GDF file is used if its classes are known. The names
    of the variables in a ``.mat`` file show which of the two it is.

    Runs are filtered separately, because the GDF files have 100 missing values between runs.

    Source: Brunner et al. (2008), Tangermann et al. (2012), Creative Commons
    Attribution-NoDerivatives 4.0.

    Examples
    --------
    >>> from sk_brainrvq.datasets import BCICIV2a
    >>> protocol = BCICIV2a()
    >>> protocol.classes, protocol.h_freq, protocol.subjects_by_split[2]
    (('left hand', 'right hand', 'feet', 'tongue'), 40.0, range(8, 10))
    """

    name = "bcic-iv-2a"
    title = "BCIC-IV-2a"
    url = "https://bnci-horizon-2020.eu/database/data-sets"
    files_url = "https://bnci-horizon-2020.eu/database/data-sets/001-2014/"
    example_file = "A01T.mat"
    licence = "Creative Commons Attribution-NoDerivatives 4.0"
    citation = (
        "Tangermann, M. et al. (2012). Review of the BCI competition IV. Frontiers in "
        "Neuroscience 6, 55"
    )
    ch_names = tuple(
        """
            Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2 POz
        """.split()  # noqa: SIM905
    )
    classes = ("left hand", "right hand", "feet", "tongue")
    metrics = "multiclass"
    l_freq, h_freq, reference = 0.3, 40.0, "average"
    all_subjects = tuple(range(1, 10))
    n_recordings = 2
    subjects_by_split = (range(1, 6), range(6, 8), range(8, 10))
    split_rule = "subjects 1-5 / 6-7 / 8-9, both sessions"
    window = 4.0

    def how_to_get(self) -> str:
        """Say in a sentence where the files come from.

        Returns
        -------
        str
        """
        return f"{type(self).__name__}().fetch downloads the files from {self.url} (001-2014)."

    def fetch(
        self, folder: str | Path | None = None, subjects: Iterable[int] | None = None
    ) -> Path:
        """Download both sessions of each subject from the BNCI Horizon 2020 database.

        Parameters
        ----------
        folder : path, optional
            Folder to keep the files in; pooch's cache folder by default. Existing files are not
            downloaded again.
        subjects : iterable of int, optional
            Subjects to download, from 1 to 9; all by default.

        Returns
        -------
        Path
            The folder, for :meth:`load`.

        Raises
        ------
        OSError
            If the server cannot be reached.
        ValueError
            If a file is not a MATLAB file, or if a subject is unknown. The database publishes no
            sums.
        """
        import pooch

        wanted = self._wanted(subjects)
        path = data_folder(folder, self.name)
        for subject in wanted:
            for session in "TE":
                name = f"A{subject:02d}{session}.mat"
                if (path / name).is_file():
                    continue
                # The file gets its name only when it is complete; pooch would keep a broken one.
                kept = path / f"{name}.download"
                kept.unlink(missing_ok=True)
                pooch.retrieve(self.files_url + name, None, fname=kept.name, path=path)
                try:
                    read_mat(kept)
                except ValueError:
                    kept.unlink()
                    raise
                kept.replace(path / name)
        return path

    def _list(self, folder: Path) -> Iterator[Recording]:
        found = [path for path in files_below(folder, "A0*") if _FILE.fullmatch(path.name)]
        gdf = [path for path in found if path.suffix == ".gdf"]
        # A .mat file of such a name is either a recording or the labels of a GDF file.
        mat = [path for path in found if path.suffix == ".mat" and not _holds_labels(path)]
        labelled = {p.stem for p in gdf if p.stem.endswith("T") or _label_file(p) is not None}
        only_mat = {path.stem for path in mat} - labelled
        for path in (
            *(path for path in mat if path.stem in only_mat),
            *(path for path in gdf if path.stem not in only_mat),
        ):
            subject = int(path.name[1:3])
            yield Recording(subject, self._side_of(subject), path)

    def _read(self, recording: Recording) -> tuple[NDArray, NDArray]:
        runs = _runs_of_gdf if recording.path.suffix == ".gdf" else _runs_of_mat
        X, y = [], []
        n_times = round(self.window * self.sfreq)
        for signals, sfreq, trials, labels in runs(recording.path):
            wrong = [label for label in labels if label not in (1, 2, 3, 4)]
            if wrong:
                raise ValueError(
                    f"{recording.path} holds the class {wrong[0]}; expected 1 to 4 (evaluation "
                    "files without true labels have none)."
                )
            resampled = prepared(signals, sfreq, self)
            starts = np.round((trials / sfreq + _CUE_AFTER) * self.sfreq).astype(int)
            if len(starts) and starts.max() + n_times > resampled.shape[1]:
                raise ValueError(
                    f"{recording.path} ends before its last trial does; download it again."
                )
            X.append(windows_at(resampled, starts, n_times))
            y.append(np.asarray(labels, int) - 1)
        if not X:
            raise ValueError(f"{recording.path} holds no trials; expected the file as published.")
        return np.concatenate(X), np.concatenate(y)


# Signals (22, n_samples) in microvolts, rate, first samples of trials, classes 1-4.
_Run = tuple[NDArray, float, NDArray, NDArray]


def _runs_of_mat(path: Path) -> Iterator[_Run]:
    content = read_mat(path)
    if "data" not in content:
        keys = [key for key in content if not key.startswith("__")]
        raise ValueError(
            f"{path} holds {keys}; expected 'data', as files of the BNCI database have it."
        )
    for run in np.atleast_1d(content["data"]):
        trials = np.atleast_1d(run.trial).astype(int)
        if not len(trials):
            continue  # recordings of eye movements at the start of a session
        signals = np.asarray(run.X, float).T
        if len(signals) < _N_EEG:
            raise ValueError(f"{path} has {len(signals)} channels; expected 22 EEG and 3 EOG.")
        # MATLAB counts from 1.
        yield signals[:_N_EEG], float(run.fs), trials - 1, np.atleast_1d(run.y)


def _runs_of_gdf(path: Path) -> Iterator[_Run]:
    import mne

    with readable(path, "GDF"):
        raw = mne.io.read_raw_gdf(path, preload=True, verbose="error")
    _check_order(raw, path)
    sfreq = raw.info["sfreq"]
    # Onsets of Raw.annotations count seconds from the start of the recording.
    samples = np.round(raw.annotations.onset * sfreq).astype(int)
    codes = raw.annotations.description
    trials = samples[codes == _TRIAL]
    labels = _labels_of_gdf(codes, len(trials), path)
    signals = raw.get_data(units="uV")[:_N_EEG]
    # Missing values are read as the lowest value of each channel, in all channels at once.
    gaps = np.isnan(signals).any(0) | (signals == signals.min(1, keepdims=True)).all(0)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], gaps, [True]]).astype(int)))
    for start, stop in edges.reshape(-1, 2):
        inside = (trials >= start) & (trials < stop)
        if inside.any():
            yield signals[:, start:stop], sfreq, trials[inside] - start, labels[inside]


def _check_order(raw: Any, path: Path) -> None:
    """Check the order of the channels, because the GDF files only number most of them."""
    from sk_brainrvq.signals import canonical_name

    names = [canonical_name(name) for name in raw.ch_names]
    if len(names) < _N_EEG or any(names[place] != name for name, place in _NAMED.items()):
        raise ValueError(
            f"{path} has the channels {raw.ch_names}; expected 22 electrodes with Fz, C3, Cz, C4 "
            "and Pz at positions 1, 8, 10, 12 and 20."
        )


def _label_file(path: Path) -> Path | None:
    """Find the classes of an evaluation session, as the competition published them."""
    places = places_of(f"{path.stem}.mat", path, _LABELS)
    return next((place for place in places if _holds_labels(place)), None)


def _holds_labels(path: Path) -> bool:
    """Whether a file holds true labels, according to the names of its variables."""
    from scipy.io import whosmat

    try:
        return "classlabel" in {name for name, *_ in whosmat(path)}
    except Exception:  # missing or broken; reading it as a recording raises a clear error
        return False


def _labels_of_gdf(codes: NDArray, n_trials: int, path: Path) -> NDArray:
    if path.stem.endswith("T"):
        cues = [_CUES.index(code) + 1 for code in codes if code in _CUES]
        source = path
    else:
        found = _label_file(path)
        if found is None:
            raise FileNotFoundError(
                f"{path.with_suffix('.mat')} is missing; it holds the classes of {path.name}, "
                "which the competition published after it had ended (true labels of data set "
                f"2a). Put it there, or in a folder {_LABELS}."
            )
        source = found
        cues = np.ravel(read_mat(source)["classlabel"]).tolist()
    if len(cues) != n_trials:
        raise ValueError(
            f"{source} has {len(cues)} classes for the {n_trials} trials of {path.name}; expected "
            "one for each."
        )
    return np.array(cues)
