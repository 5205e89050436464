"""SHU-MI: imagined movements of the left or right hand on five days."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.downloads import data_folder
from sk_brainrvq.datasets._protocols.file_formats import read_edf, read_mat, signals_by_name
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording, places_of
from sk_brainrvq.files import path_inside
from sk_brainrvq.user_warnings import warn

_FILE = re.compile(r"[sS]ub-(\d{3})_ses-(\d{2})_task[_-]motorimagery_eeg\.(mat|edf)")
_SFREQ = 250.0
_N_SAMPLES = 1000


class SHUMI(Protocol):
    """Imagined movements of the left or the right hand: the dataset of Shanghai University.

    32 channels, trials of 4 s, resampled from 250 to 200 Hz but not filtered, because the files
    already are (0.5-40 Hz). Training on subjects 1-15, validation on 16-20, test on 21-25, five
    sessions each.

    Parameters
    ----------
    mat_ch_names : sequence of str, optional
        Channels of the ``.mat`` files, in the order of the files; see the notes.

    Notes
    -----
    Files are named ``sub-001_ses-01_task_motorimagery_eeg.mat``, in any subfolder, or ``.edf`` with
    ``sub-001_ses-01_task_motorimagery_events.tsv`` beside it or in a folder ``events`` beside its
    own. If both are present, the ``.mat`` file is used.

    Sources order the channels differently, so they are matched by name. The EDF files name their
    channels. The ``.mat`` files do not: their order is ``mat_ch_names`` if given, otherwise that
    of a ``*channels.tsv`` in their folder or the one above, otherwise the published order, which
    is that of ``ch_names``.

    Nine of the EDF files lack numbers in their headers and cannot be read, but their ``.mat``
    files can. A warning names channels that are constant in a file.

    In the table of events, ``sample`` counts samples at 250 Hz from 1; ``onset`` holds the same
    numbers, despite its description.

    Source: Ma et al. (2022), figshare, doi 10.6084/m9.figshare.19228725, Creative Commons
    Attribution 4.0. :meth:`fetch` downloads the ``.mat`` files of the first version; the archives
    of later versions have a password, which the authors provide.

    Examples
    --------
    >>> from sk_brainrvq.datasets import SHUMI
    >>> protocol = SHUMI()
    >>> protocol.ch_names[:4], protocol.n_recordings, protocol.licence
    (('Fp1', 'Fp2', 'Fz', 'F3'), 5, 'Creative Commons Attribution 4.0')
    """

    name = "shu-mi"
    title = "SHU-MI"
    url = "https://doi.org/10.6084/m9.figshare.19228725"
    example_file = "sub-001_ses-01_task_motorimagery_eeg.mat"
    licence = "Creative Commons Attribution 4.0"
    citation = (
        "Ma, J. et al. (2022). A large EEG dataset for studying cross-session variability in motor "
        "imagery brain-computer interface. Scientific Data 9, 531. doi 10.1038/s41597-022-01647-1"
    )
    archive_url = "https://ndownloader.figshare.com/files/36324114"
    archive_md5 = "f577fbd4ddcad5e358f941d27bb7c393"
    ch_names = tuple(
        """
            Fp1 Fp2 Fz F3 F4 F7 F8 FC1 FC2 FC5 FC6 Cz C3 C4 T3 T4 A1 A2 CP1 CP2 CP5 CP6 Pz P3 P4 T5
            T6 PO3 PO4 Oz O1 O2
        """.split()  # noqa: SIM905
    )
    classes = ("left hand", "right hand")
    metrics = "binary"
    all_subjects = tuple(range(1, 26))
    n_recordings = 5
    subjects_by_split = (range(1, 16), range(16, 21), range(21, 26))
    split_rule = "subjects 1-15 / 16-20 / 21-25"
    window = 4.0

    def __init__(self, mat_ch_names: Sequence[str] | None = None):
        self.mat_ch_names = mat_ch_names

    def how_to_get(self) -> str:
        """Say in a sentence where the files come from.

        Returns
        -------
        str
        """
        return (
            f"{type(self).__name__}().fetch downloads the .mat files from {self.url} (version 1; "
            "later archives have a password, which the authors provide)."
        )

    def fetch(
        self, folder: str | Path | None = None, subjects: Iterable[int] | None = None
    ) -> Path:
        """Download the archive with the ``.mat`` files of all subjects, and check its sum.

        Parameters
        ----------
        folder : path, optional
            Folder to keep the archive (1.4 GB) and its files in; pooch's cache folder by default.
        subjects : iterable of int, optional
            Subjects whose files to unpack; all by default.

        Returns
        -------
        Path
            The folder, for :meth:`load`.

        Raises
        ------
        OSError
            If figshare cannot be reached.
        ValueError
            If the archive does not have the known sum, or if a subject is unknown.
        """
        import zipfile

        import pooch

        wanted = self._wanted(subjects)
        path = data_folder(folder, self.name)
        archive = pooch.retrieve(
            self.archive_url, f"md5:{self.archive_md5}", fname="mat_files.zip", path=path
        )
        with zipfile.ZipFile(archive) as content:
            for member in content.infolist():
                match = _FILE.fullmatch(PurePosixPath(member.filename).name)
                if match is None or int(match[1]) not in wanted:
                    continue
                there = path_inside(path, member.filename, archive)
                if not there.is_file() or there.stat().st_size != member.file_size:
                    content.extract(member, path)
        return path

    def _list(self, folder: Path) -> Iterator[Recording]:
        found = list(self._numbered(folder, "[sS]ub-*", _FILE))
        as_mat = {match.group(1, 2) for match, _ in found if match[3] == "mat"}
        for match, recording in found:
            if match[3] == "mat" or match.group(1, 2) not in as_mat:
                yield recording

    def _read(self, recording: Recording) -> tuple[NDArray, NDArray]:
        from sk_brainrvq.signals.filters.resampling import resample

        path = recording.path
        X, labels = self._read_mat(path) if path.suffix == ".mat" else self._read_edf(path)
        wrong = sorted(set(labels.tolist()) - {1, 2})
        if wrong:
            raise ValueError(f"{path} has the label {wrong[0]}; expected 1 (left) or 2 (right).")
        flat = (X.max((0, 2)) == X.min((0, 2))) if len(X) else np.zeros(len(self.ch_names), bool)
        if flat.any():
            names = [name for name, is_flat in zip(self.ch_names, flat, strict=True) if is_flat]
            warn(
                f"{path}: the channels {names} are constant; they are loaded unchanged.",
                UserWarning,
            )
        # The trials were published already cut, so each is resampled separately.
        return resample(X, _SFREQ, self.sfreq).astype(np.float32), labels.astype(int) - 1

    def _read_mat(self, path: Path) -> tuple[NDArray, NDArray]:
        content = read_mat(path, squeeze=False)
        missing = [key for key in ("data", "labels") if key not in content]
        if missing:
            raise ValueError(f"{path} lacks {missing}; expected 'data' and 'labels'.")
        data, labels = np.asarray(content["data"], float), np.ravel(content["labels"])
        names = self._names_of(path)
        expected = (len(labels), len(names), _N_SAMPLES)
        if data.shape != expected:
            raise ValueError(
                f"{path} holds data of the shape {data.shape} and {len(labels)} labels; expected "
                f"{expected}: trials, channels, samples at 250 Hz."
            )
        return data[:, self._rows_of(names, path)], labels

    def _names_of(self, path: Path) -> list[str]:
        """Return the channels of a .mat file, which does not name them."""
        if self.mat_ch_names is not None:
            return list(self.mat_ch_names)
        for folder in (path.parent, path.parent.parent):
            for table in sorted(folder.glob("*channels.tsv")):
                with table.open(newline="", encoding="utf-8-sig") as file:
                    rows = list(csv.DictReader(file, delimiter="\t"))
                if not rows or "name" not in rows[0]:
                    raise ValueError(
                        f"{table} has no column 'name'; expected a table of channels, separated by "
                        "tabs. Correct it, or set mat_ch_names."
                    )
                return [row["name"] for row in rows]
        return list(self.ch_names)

    def _rows_of(self, names: Sequence[str], path: Path) -> list[int]:
        from sk_brainrvq.signals import canonical_name

        there = [canonical_name(name) for name in names]
        missing = [name for name in self.ch_names if canonical_name(name) not in there]
        if missing:
            raise ValueError(
                f"The channels {missing} are not among those of {path}: {list(names)}. Set "
                "mat_ch_names to the 32 channels in the order of the file."
            )
        return [there.index(canonical_name(name)) for name in self.ch_names]

    def _read_edf(self, path: Path) -> tuple[NDArray, NDArray]:
        samples, labels = _events(path)
        raw = read_edf(path)
        if raw.info["sfreq"] != _SFREQ:
            raise ValueError(f"{path} is at {raw.info['sfreq']:g} Hz; expected 250 Hz.")
        signals = signals_by_name(raw, self.ch_names, path)
        starts = samples - 1
        if len(starts) and (starts.min() < 0 or starts.max() + _N_SAMPLES > signals.shape[1]):
            raise ValueError(
                f"The events of {path} reach from sample {samples.min()} to "
                f"{samples.max() + _N_SAMPLES - 1}, and the file has {signals.shape[1]}; expected "
                "samples at 250 Hz, counted from 1."
            )
        cut = [signals[:, start : start + _N_SAMPLES] for start in starts]
        return np.array(cut).reshape(-1, len(signals), _N_SAMPLES), labels


def _events(path: Path) -> tuple[NDArray, NDArray]:
    """Return the first samples of trials, counted from 1, and their labels 1 or 2."""
    name = path.name.replace("_eeg.edf", "_events.tsv")
    places = places_of(name, path, "events")
    there = [place for place in places if place.is_file()]
    if not there:
        raise FileNotFoundError(f"{places[0]} is missing; it holds the labels of {path.name}.")
    lines = there[0].read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line.strip()]
    columns = ["onset", "duration", "trial_type", "response_time", "sample", "value"]
    # The table of subject 1, session 4, was published without its header line.
    if rows and rows[0][0].strip() == "onset":
        columns = [column.strip() for column in rows.pop(0)]
    try:
        place = columns.index("sample"), columns.index("value")
        table = np.array([[float(row[i]) for i in place] for row in rows]).reshape(-1, 2)
    except (ValueError, IndexError) as error:
        raise ValueError(
            f"{there[0]} cannot be read ({error}); expected a table with the columns sample and "
            "value, separated by tabs."
        ) from error
    return table[:, 0].astype(int), table[:, 1]
