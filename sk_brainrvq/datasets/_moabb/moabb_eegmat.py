"""EEGMAT for MOABB's evaluations: a dataset and a paradigm."""

from collections.abc import Iterable
from numbers import Real
from operator import methodcaller
from pathlib import Path
from typing import Any

import numpy as np
from moabb.datasets.base import BaseDataset
from moabb.datasets.download import get_dataset_path
from moabb.datasets.metadata.schema import (
    AcquisitionMetadata,
    AuxiliaryChannelsMetadata,
    DatasetMetadata,
    DocumentationMetadata,
    ExperimentMetadata,
    ParticipantMetadata,
    PreprocessingMetadata,
    Tags,
)
from moabb.datasets.preprocessing import (
    FixedPipeline,
    NamedFunctionTransformer,
    get_filter_pipeline,
)
from moabb.paradigms.base import BaseParadigm

from sk_brainrvq.datasets._protocols.labelled_windows import listed
from sk_brainrvq.datasets._protocols.recording import without_copies
from sk_brainrvq.datasets.eegmat import CH_NAMES, EEGMAT, fetch_eegmat, read_recording
from sk_brainrvq.signals.electrodes.positions import template_montage
from sk_brainrvq.user_warnings import warn

_SUBJECTS = range(36)
# MOABB numbers classes alphabetically. Its name for the task, "subtraction", comes after "rest", so
# the task is the positive class, as in load_eegmat.
_EVENTS = {"rest": 1, "subtraction": 2}
_WINDOW = 5.0


class Zyma2019(BaseDataset):
    """EEGMAT: EEG at rest and during mental arithmetic, as a MOABB dataset.

    36 subjects, each with one recording at rest (3 minutes) and one during serial subtraction
    (1 minute); 19 electrodes of the 10-20 system and A2-A1, at 500 Hz. A trial is a window of 5 s;
    windows do not overlap, and an incomplete window at the end of a recording is dropped.

    Parameters
    ----------
    folder : path, optional
        Folder with ``SubjectNN_1.edf`` (rest) and ``SubjectNN_2.edf`` (arithmetic), in any
        subfolders; nothing is downloaded then. By default files are downloaded once from
        PhysioNet to MOABB's folder (``MNE_DATA``).
    subjects : iterable of int, optional
        Subjects, numbered from 0 like the files. By default all 36, or those in ``folder``; a
        warning names the missing ones.
    sessions : iterable of int, optional
        MOABB's selection of sessions; there is only one.

    Raises
    ------
    FileNotFoundError
        If ``folder`` does not exist, holds no recordings, or lacks those of a requested subject.
    TypeError, ValueError
        If ``subjects`` is not a list, or is empty.

    Notes
    -----
    Source: Zyma et al. (2019), PhysioNet, doi 10.13026/C2JQ1P, Open Data Commons Attribution
    License 1.0.

    Each subject has one session with two runs, "0rest" and "1subtraction". The class of a trial is
    its run. MOABB's ``WithinSessionEvaluation`` splits the windows of a recording over folds, so
    it runs, but measures how well recordings rather than states can be distinguished: report only
    ``CrossSubjectEvaluation``.

    Examples
    --------
    >>> from sk_brainrvq.datasets import RestAgainstTask, Zyma2019
    >>> dataset = Zyma2019()  # nothing is downloaded before the first use
    >>> len(dataset.subject_list), sorted(dataset.event_id)
    (36, ['rest', 'subtraction'])
    >>> RestAgainstTask().is_valid(dataset)
    True
    """

    METADATA = DatasetMetadata(
        acquisition=AcquisitionMetadata(
            sampling_rate=500.0,
            channel_types={"eeg": 20, "ecg": 1},
            sensors=list(CH_NAMES),
            montage="standard_1020",
            hardware="Neurocom EEG 23-channel system (XAI-MEDICA)",
            reference="interconnected ears",
            line_freq=50.0,
            auxiliary_channels=AuxiliaryChannelsMetadata(other_physiological=["ecg"]),
        ),
        participants=ParticipantMetadata(n_subjects=36, health_status="healthy"),
        experiment=ExperimentMetadata(
            events=dict(_EVENTS),
            paradigm="rstate",
            n_classes=2,
            class_labels=list(_EVENTS),
            trial_duration=_WINDOW,
            study_design="Rest, then serial subtraction, one recording each.",
        ),
        documentation=DocumentationMetadata(
            doi="10.13026/C2JQ1P",
            associated_paper_doi="10.3390/data4010014",
            investigators=[
                "Igor Zyma",
                "Sergii Tukaev",
                "Ivan Seleznov",
                "Ken Kiyono",
                "Anton Popov",
                "Mariia Chernykh",
                "Oleksii Shpenkov",
            ],
            country="UA",
            repository="PhysioNet",
            data_url="https://physionet.org/content/eegmat/1.0.0/",
            license="ODC-By-1.0",
            publication_year=2019,
        ),
        tags=Tags(pathology=["Healthy"], modality=["Cognitive"], type=["Research"]),
        preprocessing=PreprocessingMetadata(
            data_state="filtered",
            preprocessing_applied=True,
            bandpass=[0.5, 45.0],
            notch_hz=50.0,
        ),
        sessions_per_subject=1,
        runs_per_session=2,
        file_format="EDF",
    )
    metadata = METADATA  # MOABB's property would look it up in its own catalogue

    def __init__(
        self,
        folder: str | Path | None = None,
        subjects: Iterable[int] | None = None,
        sessions: Iterable[int] | None = None,
    ):
        self.folder = None if folder is None else Path(folder)
        selected = None if subjects is None else listed(subjects)
        if selected is not None and not selected:
            raise ValueError("subjects=[] was given; expected some of 0 to 35.")
        if self.folder is not None:
            if not self.folder.is_dir():
                raise FileNotFoundError(f"No folder {folder}; fetch_eegmat downloads the files.")
            selected = self._subjects_in(self.folder, selected)
        super().__init__(
            subjects=list(_SUBJECTS),
            sessions_per_subject=1,
            events=dict(_EVENTS),
            code="Zyma2019",
            interval=[0, _WINDOW],
            paradigm="rstate",
            doi="10.13026/C2JQ1P",
            selected_subjects=selected,
            selected_sessions=sessions,
        )

    @staticmethod
    def _subjects_in(folder: Path, wanted: list[int] | None) -> list[int]:
        found = _files_below(folder)
        missing = [
            subject
            for subject in (_SUBJECTS if wanted is None else wanted)
            if subject in _SUBJECTS and len(found.get(subject, ())) < len(_EVENTS)
        ]
        if wanted is not None and not missing:
            return wanted
        if wanted is not None or len(missing) == len(_SUBJECTS):
            raise FileNotFoundError(
                f"{folder} lacks recordings of subjects {missing}; fetch_eegmat downloads them."
            )
        if missing:
            warn(f"EEGMAT subjects {missing} are not in {folder}.", UserWarning)
        return [subject for subject in _SUBJECTS if subject not in missing]

    def data_path(
        self,
        subject: int,
        path: str | Path | None = None,
        force_update: bool = False,
        update_path: bool | None = None,
        verbose: bool | str | int | None = None,
    ) -> list[str]:
        """Return the files of a subject; without a ``folder``, download missing ones.

        Parameters
        ----------
        subject : int
        path : path, optional
            Folder for downloads in place of MOABB's.
        force_update : bool, default=False
            Whether to download the files again.
        update_path, verbose
            Ignored.

        Returns
        -------
        list of str
            The recording at rest and the one during arithmetic.

        Raises
        ------
        OSError
            If a download is needed and PhysioNet cannot be reached.
        """
        if subject not in self._all_subjects:
            raise ValueError(f"subject={subject!r} was given; expected an integer from 0 to 35.")
        if self.folder is not None:
            self._subjects_in(self.folder, [subject])  # raises if files are missing
            return [str(file) for file in _files_below(self.folder)[subject]]
        folder = Path(get_dataset_path(self.code, path)) / "MNE-zyma2019-data"
        files = [folder / f"Subject{subject:02d}_{number}.edf" for number in (1, 2)]
        if force_update:
            for file in files:
                file.unlink(missing_ok=True)
        try:
            fetch_eegmat(folder, [subject])
        except OSError:
            # The chain of urllib's errors is long and does not help the user.
            raise OSError(
                f"The files of subject {subject} are not in {folder}, and PhysioNet cannot be "
                "reached to download them; if you have EEGMAT elsewhere, pass its folder: "
                "Zyma2019(folder=...)."
            ) from None
        return [str(file) for file in files]

    def _get_single_subject_data(self, subject: int) -> dict[str, dict[str, Any]]:
        """Return MOABB's nested dictionary: session, run, recording."""
        files = self.data_path(subject)
        runs = {
            f"{number}{event}": _annotated(file, event)
            for number, (file, event) in enumerate(zip(files, _EVENTS, strict=True))
        }
        return {"0": runs}


class RestAgainstTask(BaseParadigm):
    """MOABB paradigm: windows at rest against windows during a task.

    Recordings are resampled before they are cut, so that windows have no edge effects of their
    own: windows of :class:`Zyma2019` are equal to those of :func:`load_eegmat`.

    Parameters
    ----------
    duration : float, default=5.0
        Length of a window in seconds, from its event on. At most 5 for :class:`Zyma2019`: its
        events are 5 s apart, and overlapping windows would end up on both sides of a split.
    resample : float, default=200.0
        Sampling rate of recordings and windows in Hz.
    fmin, fmax : float, optional
        Pass band of the filter in Hz; by default recordings are not filtered.
    events : sequence of str, optional
        Events of the dataset to classify; by default all, if the dataset has two.
    channels : sequence of str, optional
        Channels to keep, in this order; all EEG channels by default.
    scorer : str, callable, list or dict, optional
        Any scorer that MOABB accepts; by default the area under the ROC curve, or the accuracy
        for more than two ``events``.

    Raises
    ------
    ValueError
        If ``duration`` or ``resample`` is not a number above 0, or if ``duration`` is above 5 for
        :class:`Zyma2019`.
    """

    def __init__(
        self,
        duration: float = _WINDOW,
        resample: float = 200.0,
        fmin: float | None = None,
        fmax: float | None = None,
        events: list[str] | None = None,
        channels: list[str] | None = None,
        scorer: Any = None,
    ):
        for name, value in (("duration", duration), ("resample", resample)):
            if not isinstance(value, Real) or not value > 0:
                raise ValueError(f"{name}={value!r} was given; expected a number above 0.")
        super().__init__(
            filters=[[fmin, fmax]],
            events=events,
            # MNE's tmax is the time of the last sample, not of the one after it.
            tmax=duration - 1 / resample,
            channels=channels,
            resample=resample,
            scorer=scorer,
        )
        self.duration = duration

    def is_valid(self, dataset: BaseDataset) -> bool:
        """Whether the dataset is one of resting states and has the events.

        Parameters
        ----------
        dataset : moabb.datasets.base.BaseDataset

        Returns
        -------
        bool
            Also False if the dataset has more than two events and none were named, because the
            score of this paradigm would then differ.

        Raises
        ------
        ValueError
            If windows of ``duration`` would overlap in :class:`Zyma2019`.
        """
        events = set(self.events or dataset.event_id)
        if dataset.paradigm != "rstate" or not events <= set(dataset.event_id):
            return False
        if isinstance(dataset, Zyma2019) and self.duration > _WINDOW:
            raise ValueError(
                f"duration={self.duration} was given; events of {dataset.code} are {_WINDOW:g} s "
                "apart, so longer windows would overlap. Pass a shorter duration."
            )
        return self.events is not None or len(events) <= 2

    def used_events(self, dataset: BaseDataset) -> dict[str, int]:
        """Return the events that become classes.

        Parameters
        ----------
        dataset : moabb.datasets.base.BaseDataset

        Returns
        -------
        dict of str to int
        """
        return {event: dataset.event_id[event] for event in self.events or dataset.event_id}

    @property
    def datasets(self) -> list[BaseDataset]:
        """Datasets of this package that fit the paradigm."""
        return [Zyma2019()]

    @property
    def scoring(self) -> Any:
        """Score that MOABB's evaluations use."""
        if self.scorer is not None:
            return self.scorer
        return "accuracy" if self.events is not None and len(self.events) > 2 else "roc_auc"

    def _get_raw_pipelines(self) -> list[FixedPipeline]:
        rate = self.resample
        resample = NamedFunctionTransformer(
            methodcaller("resample", sfreq=rate, method="polyphase", verbose="error"),
            display_name=f"Resample to {rate:g} Hz",
        )
        return [
            FixedPipeline([("filter", get_filter_pipeline(*band)), ("resample", resample)])
            for band in self.filters
        ]


def _files_below(folder: Path) -> dict[int, list[Path]]:
    """Find the files of each subject, rest before task, as load_eegmat does."""
    files: dict[int, list[Path]] = {}
    for recording in without_copies(EEGMAT()._list(folder), EEGMAT.title):
        files.setdefault(int(recording.subject), []).append(recording.path)
    return files


def _annotated(file: str, event: str) -> Any:
    """Read a recording and annotate its windows."""
    import mne

    raw = read_recording(file)
    raw.set_montage(template_montage(), on_missing="ignore", verbose="error")
    onsets = _WINDOW * np.arange(int(raw.n_times / raw.info["sfreq"] // _WINDOW))
    raw.set_annotations(mne.Annotations(onsets, _WINDOW, event))
    return raw
