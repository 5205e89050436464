"""EEGMAT as MOABB's evaluations take it: a dataset and a paradigm."""

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
# "subtraction" is MOABB's name for the task, and comes after "rest" in the alphabet: MOABB numbers
# classes so, and the task is then the positive one, as in load_eegmat.
_EVENTS = {"rest": 1, "subtraction": 2}
_WINDOW = 5.0


class Zyma2019(BaseDataset):
    """EEGMAT: EEG at rest and during mental arithmetic, as a MOABB dataset.

    36 subjects, each with one recording at rest (3 minutes) and one while subtracting numbers
    serially in their head (1 minute); 19 electrodes of the 10-20 system and A2-A1 at 500 Hz. A
    trial is a window of 5 s; windows do not overlap, and the tail of a recording is dropped.

    Parameters
    ----------
    folder : path, optional
        Holds ``SubjectNN_1.edf`` (rest) and ``SubjectNN_2.edf`` (arithmetic), in any folders
        below it, and nothing is downloaded. By default files are fetched from PhysioNet, into
        MOABB's folder (``MNE_DATA``), once.
    subjects : iterable of int, optional
        Subjects, numbered from 0 as the files are. By default all 36 or, in a ``folder``, those
        that are there; a warning then names the others.
    sessions : iterable of int, optional
        MOABB's selection of sessions; there is one.

    Raises
    ------
    FileNotFoundError
        If there is no ``folder``, it holds no recordings, or lacks those of a subject asked for.
    TypeError, ValueError
        If ``subjects`` is no list, or an empty one.

    Notes
    -----
    Source: Zyma et al. (2019), PhysioNet, doi 10.13026/C2JQ1P, Open Data Commons Attribution
    License 1.0.

    A subject has one session with two runs, "0rest" and "1subtraction". A trial's class is its
    run, so MOABB's ``WithinSessionEvaluation``, which splits the windows of a recording over
    folds, runs but measures how well recordings are told apart, not states: report
    ``CrossSubjectEvaluation`` alone.

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
    metadata = METADATA  # MOABB's own looks in its catalogue of datasets

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
        """Files of a subject, downloaded where they are missing and no ``folder`` was given.

        Parameters
        ----------
        subject : int
        path : path, optional
            Where to keep downloads instead of MOABB's folder.
        force_update : bool, default=False
            Download again.
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
            self._subjects_in(self.folder, [subject])  # raises where files are missing
            return [str(file) for file in _files_below(self.folder)[subject]]
        folder = Path(get_dataset_path(self.code, path)) / "MNE-zyma2019-data"
        files = [folder / f"Subject{subject:02d}_{number}.edf" for number in (1, 2)]
        if force_update:
            for file in files:
                file.unlink(missing_ok=True)
        try:
            fetch_eegmat(folder, [subject])
        except OSError:
            # The chain of urllib's errors is long and says nothing that a user can mend.
            raise OSError(
                f"The files of subject {subject} are not in {folder}, and PhysioNet cannot be "
                "reached to download them; if you have EEGMAT elsewhere, pass its folder: "
                "Zyma2019(folder=...)."
            ) from None
        return [str(file) for file in files]

    def _get_single_subject_data(self, subject: int) -> dict[str, dict[str, Any]]:
        """MOABB's nested dictionary: session, run, recording."""
        files = self.data_path(subject)
        runs = {
            f"{number}{event}": _annotated(file, event)
            for number, (file, event) in enumerate(zip(files, _EVENTS, strict=True))
        }
        return {"0": runs}


class RestAgainstTask(BaseParadigm):
    """MOABB paradigm: windows at rest against windows during a task.

    Recordings are resampled before they are cut, so that no window has edges of its own: on
    :class:`Zyma2019` windows are those of :func:`load_eegmat`.

    Parameters
    ----------
    duration : float, default=5.0
        Length of a window in seconds, from its event on. At most 5 in :class:`Zyma2019`: events
        are 5 s apart, and overlapping windows would come onto both sides of a division.
    resample : float, default=200.0
        Rate in Hz, of recordings and windows.
    fmin, fmax : float, optional
        Band in Hz to filter recordings to; as recorded by default.
    events : sequence of str, optional
        Events of the dataset to tell apart; by default those of a dataset that has two.
    channels : sequence of str, optional
        Channels to keep, in this order; all EEG channels by default.
    scorer : str, callable, list or dict, optional
        As MOABB takes it; area under the ROC curve by default, accuracy for more than two
        ``events``.

    Raises
    ------
    ValueError
        If ``duration`` or ``resample`` is no number above 0, or ``duration`` is above 5 and the
        dataset :class:`Zyma2019`.
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
            # MNE's tmax is the last sample, not the first one after.
            tmax=duration - 1 / resample,
            channels=channels,
            resample=resample,
            scorer=scorer,
        )
        self.duration = duration

    def is_valid(self, dataset: BaseDataset) -> bool:
        """Whether the dataset has states of rest, and the events.

        Parameters
        ----------
        dataset : moabb.datasets.base.BaseDataset

        Returns
        -------
        bool
            False, too, for more than two events that were not asked for by name: the score of
            this paradigm would be another.

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
                "apart, so longer windows would overlap. Take shorter ones."
            )
        return self.events is not None or len(events) <= 2

    def used_events(self, dataset: BaseDataset) -> dict[str, int]:
        """Events that become classes.

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
        """Datasets of this package for the paradigm."""
        return [Zyma2019()]

    @property
    def scoring(self) -> Any:
        """What MOABB's evaluations score by."""
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
    """Each subject's files, rest before task, in any folders below, as load_eegmat finds them."""
    files: dict[int, list[Path]] = {}
    for recording in without_copies(EEGMAT()._list(folder), EEGMAT.title):
        files.setdefault(int(recording.subject), []).append(recording.path)
    return files


def _annotated(file: str, event: str) -> Any:
    """A recording whose windows are marked."""
    import mne

    raw = read_recording(file)
    raw.set_montage(template_montage(), on_missing="ignore", verbose="error")
    onsets = _WINDOW * np.arange(int(raw.n_times / raw.info["sfreq"] // _WINDOW))
    raw.set_annotations(mne.Annotations(onsets, _WINDOW, event))
    return raw
