"""Outputs of a fine-tuned network whose inputs are centred by person."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import is_classifier
from torch import Tensor

from sk_brainrvq.estimators._bases.trained import TrainedEstimator
from sk_brainrvq.estimators._fitting.plan import (
    FineTuningPlan,
    as_head_reads,
    matched_for_head,
)
from sk_brainrvq.estimators._inputs.array_checks import check_n_patches
from sk_brainrvq.estimators._inputs.labels import LabelledEEG
from sk_brainrvq.estimators._outputs.pooling import Results, average_segments, side_by_side
from sk_brainrvq.estimators._people.aligning import AligningMixin, moments_of
from sk_brainrvq.estimators._people.covariances import PeoplesMoments
from sk_brainrvq.estimators._people.guards import (
    warn_of_few_windows,
    warn_of_one_class_each,
    warn_of_one_value_each,
)
from sk_brainrvq.estimators._people.in_training import (
    AlignedPeople,
    MovingCenters,
    matrices_of,
)
from sk_brainrvq.estimators._people.naming import (
    HOW_TO_NAME,
    HOW_TO_NAME_CALIBRATION,
    Names,
    check_named,
)
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.signals import PatchGroup, PreparedEEG
from sk_brainrvq.signals.sources.registry import source_of
from sk_brainrvq.training import Batch, resolve_device, run_batches
from sk_brainrvq.training.inference import head_of_any_batch
from sk_brainrvq.user_warnings import quiet
from sk_brainrvq.weights import Weights

# Batch size of a head: matrix products of one size, so that no row depends on the number of rows.
_ROWS_AT_ONCE = 16
HOW_TO_NAME_VALIDATION = (
    "They belong to validation=(X, y): pass X in a container that holds subjects, such as "
    "mne.Epochs with a column 'subject' in metadata, or a fraction of the training data."
)


class CenteredFineTuning(AligningMixin, TrainedEstimator):
    """Base that removes what is specific to each person if ``center_by`` asks for it.

    The encoder reads signals whitened by the person's mean covariance; the features that an
    embedding head sees are centred too.
    """

    center_by: str | None
    head: str
    # Default of the embedder and of SubjectCentering; not a parameter here.
    min_windows = 10
    _noted: Names | None = None
    # ``subjects`` are requested without set_predict_request and the like.
    __metadata_request__predict: ClassVar[dict[str, bool]] = {"subjects": True}
    __metadata_request__predict_proba: ClassVar[dict[str, bool]] = {"subjects": True}
    __metadata_request__decision_function: ClassVar[dict[str, bool]] = {"subjects": True}
    __metadata_request__score: ClassVar[dict[str, bool]] = {"subjects": True}
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"subjects": True}

    def _check_centering(self) -> None:
        """Raise ValueError for a ``center_by`` that cannot be used."""
        if self.center_by != "subject":
            raise ValueError(f"center_by={self.center_by!r} was given; expected 'subject' or None.")

    def _centres_people(self) -> bool:
        centres = self.center_by is not None
        if centres != hasattr(self, "center_"):
            before = "without center_by" if centres else "with center_by='subject'"
            raise ValueError(
                f"center_by={self.center_by!r} was set after a fit {before}, whose head sees "
                "different features. Fit again with warm_start=False."
            )
        return centres

    def _refuse_passes(self) -> None:
        """Raise ValueError if ``partial_fit`` would have to centre people."""
        if self.center_by is not None or hasattr(self, "center_"):
            raise ValueError(
                "partial_fit does not support center_by: a person's centre depends on all "
                "windows, but a pass sees only some. Use fit, or center_by=None from the first "
                "fit on."
            )

    @property
    def _matrices(self) -> tuple[slice, ...]:
        return matrices_of(self.net_.module_)

    # Subjects of epochs

    def _read_people(
        self,
        read: Callable[[Any, Mapping[str, Any]], PreparedEEG],
        X: Any,
        info: Mapping[str, Any],
        subjects: Any,
        how_to_name: str = HOW_TO_NAME,
    ) -> tuple[PreparedEEG, NDArray]:
        """EEG as ``read`` returns it, and the subject of each epoch.

        Parameters
        ----------
        read : callable
            Function of X and ``info`` that returns EEG.
        X : EEG
        info : mapping
        subjects : array-like, shape (n_epochs,), or None
            Subjects from the user.
        how_to_name : str
            Sentences that say what to do if subjects are unknown.
        """
        self._check_can_name(X, subjects, how_to_name)
        names = self._noted = Names(subjects)
        try:
            prepared = read(X, info)
        finally:
            del self._noted
        if subjects is None and source_of(X).stored(X) is not None:
            names = Names(source_of(X).subjects_of(X))  # read in training, block by block
        people = names.of(prepared.n_epochs)
        check_named(people, type(self).__name__, how_to_name)
        return prepared, people

    def _check_can_name(self, X: Any, subjects: Any, how_to_name: str = HOW_TO_NAME) -> None:
        """Raise InvalidEEGError for arrays without subjects, which only the user can give."""
        if subjects is None and source_of(X).is_array:
            check_named(np.full(1, None, dtype=object), type(self).__name__, how_to_name)

    # Training

    def _warn_of_people(self, data: LabelledEEG, calibration: LabelledEEG | None) -> None:
        """Warn if centring harms."""
        assert data.subjects is not None
        one_each = warn_of_one_class_each if is_classifier(self) else warn_of_one_value_each
        one_each(data.subjects, data.targets)
        kept: set[Any] = set()
        if calibration is not None and calibration.subjects is not None:
            warn_of_few_windows(calibration.subjects, self.min_windows, ())
            kept = set(calibration.subjects.tolist())
        warn_of_few_windows(data.subjects, self.min_windows, kept)

    def _read_calibration(self, calibration: Any, plan: FineTuningPlan) -> LabelledEEG:
        """Windows that set the centres of their people."""
        if self.center_by is None:
            raise ValueError(
                "calibration was given, but with center_by=None nobody is centred. Pass "
                "center_by='subject', or no calibration."
            )
        prepared, people = self._read_people(
            self._gather, calibration, plan.start.info, None, HOW_TO_NAME_CALIBRATION
        )
        matched = matched_for_head(prepared, plan.info, self.head)
        return LabelledEEG(matched, np.zeros(prepared.n_epochs, np.int64), subjects=people)

    def _recentring(
        self, data: LabelledEEG, held_out: LabelledEEG | None, calibration: LabelledEEG | None
    ) -> AlignedPeople:
        """Object that aligns people and updates their centres during training."""
        device, batch_size = resolve_device(self.device), int(self.batch_size)
        kind = MovingCenters if self.head == "embedding" else AlignedPeople
        return kind(data, held_out, calibration, self.min_windows, batch_size, device)

    def _keep_what_people_have(self, people: AlignedPeople | None, calibrated: bool) -> None:
        """Store the covariances and centres of people for the trained network, if any."""
        for name in ("center_", "subject_centers_", "_calibrated"):
            self.__dict__.pop(name, None)
        self._hold_alignment(None if people is None else people.alignment)
        if people is not None:
            centers = people.learn(self.net_.module_)
            self.center_, self.subject_centers_ = centers.overall, centers.kept
            self._calibrated = calibrated

    # Prediction

    def _outputs(self, X: Any, subjects: Any = None) -> NDArray:
        """Outputs of the head (n_epochs, n_outputs), averaged over segments of long epochs."""
        module = self.net_.module_

        def outputs_of(batch: Batch) -> Tensor:
            return head_of_any_batch(module, module.features(batch.x, batch.electrodes))

        if not self._centres_people():
            return average_segments(self._run(outputs_of, self._groups(X)))
        features, people, moments = self._features_of_people(X, subjects)
        centred = self._centred(features, people)
        if self.head != "embedding":
            groups = self._alignment.aligned(self._groups(X), moments, people)
            with quiet(""):  # everything was said when X was read for the covariances
                return average_segments(self._run(outputs_of, groups))
        outputs = []
        with torch.inference_mode():
            for first in range(0, len(centred), _ROWS_AT_ONCE):
                rows = torch.from_numpy(centred[first : first + _ROWS_AT_ONCE]).float()
                outputs.append(head_of_any_batch(module, rows.to(self.net_.device)).cpu().double())
        return torch.cat(outputs).numpy()

    def _features_of_people(self, X: Any, subjects: Any) -> tuple[NDArray, NDArray, PeoplesMoments]:
        """Features to centre, the subject of each epoch, and how channels vary together.

        With heads other than "embedding" nothing is centred, and there are no columns.
        """
        self._check_can_name(X, subjects)
        names, module = Names(subjects), self.net_.module_
        moments, people = moments_of(self._groups(X, names.noting), names)
        check_named(people, type(self).__name__)
        if self.head != "embedding":
            return np.empty((len(people), 0)), people, moments
        head = module.head
        results = side_by_side(
            self._run,
            lambda batch: torch.cat(
                [
                    module.mean_token(batch.x, batch.electrodes),
                    head.spectra_of_regions(batch.x, batch.electrodes),
                ],
                1,
            ),
            partial(self._alignment.aligned, moments=moments, people=people),
            lambda batch: head.summaries(batch.x, batch.electrodes)[:, head.n_spectra // 2 :],
            self._groups(X),
        )
        with quiet(""):
            return average_segments(results), people, moments

    def _groups(self, X: Any, tap: Callable[[Iterable], Iterable] = iter) -> Iterator[PatchGroup]:
        """Patches of X as the head reads them; blocks pass through ``tap``."""
        blocks = tap(self._blocks(X, self._info))
        groups = as_head_reads(self._patches(blocks, self._info), self.head)
        return (check_n_patches(group, self._config) for group in groups)

    def _run(self, function: Callable[[Batch], Tensor], groups: Iterable[PatchGroup]) -> Results:
        return run_batches(function, groups, self.batch_size, self.net_.device)

    def _restore(self, weights: Weights) -> None:
        super()._restore(weights)
        if hasattr(self, "center_"):
            n_features = getattr(self.net_.module_.head, "n_features", 0)
            sizes = {len(own) for own in (self.center_, *self.subject_centers_.values())}
            if sizes != {n_features}:
                raise CheckpointError(
                    f"The centres of people have {sorted(sizes)} features, but the head sees "
                    f"{n_features}."
                )
            self._check_covariances()
