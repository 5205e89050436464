"""Pooled features from which each person's centre can be subtracted."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.estimators._bases.embedding import EmbeddingMixin
from sk_brainrvq.estimators._inputs.labels import refuse_labels_of_recordings
from sk_brainrvq.estimators._outputs.pooling import COVARIANCE_NAMES, Align
from sk_brainrvq.estimators._people.aligning import AligningMixin, moments_of
from sk_brainrvq.estimators._people.alignment import Alignment
from sk_brainrvq.estimators._people.covariances import PeoplesMoments
from sk_brainrvq.estimators._people.naming import (
    HOW_TO_NAME,
    HOW_TO_NAME_CALIBRATION,
    Names,
    check_named,
)
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.signals.sources.registry import source_of
from sk_brainrvq.user_warnings import quiet
from sk_brainrvq.weights import Weights


class CenteredEmbeddingMixin(AligningMixin, EmbeddingMixin):
    """Pooled features, centred by person if ``center_by`` asks for it.

    Tokens come from signals whitened by the person's mean covariance: the network is not linear, so
    what is specific to the person is better removed before it than after it. Spectra come from both
    whitened and unwhitened signals.
    """

    center_by: str | None

    @property
    def _matrices(self) -> tuple[slice, ...]:
        n_matrices, size = self._embedding().n_matrices, len(COVARIANCE_NAMES)
        starts = range(-n_matrices * size, 0, size)
        return tuple(slice(start, start + size or None) for start in starts)

    @property
    def _aligns(self) -> bool:
        return self._embedding().tokens or self._embedding().spectrum is not None

    def _names_of(self, X: Any, subjects: Any, how_to_name: str = HOW_TO_NAME) -> Names:
        """Collector of the subjects of the epochs of X; for arrays only the user knows them."""
        if subjects is None and source_of(X).is_array:
            check_named(np.full(1, None, dtype=object), type(self).__name__, how_to_name)
        return Names(subjects)

    def _features_of_people(
        self, X: Any, subjects: Any, how_to_name: str = HOW_TO_NAME
    ) -> tuple[NDArray, NDArray, PeoplesMoments | None]:
        """Features of X before centring, their subjects, and how their channels vary together."""
        names = self._names_of(X, subjects, how_to_name)
        if not self._aligns:
            features = self._pool(self._groups(X, names.noting), self._info)
            return features, names.of(len(features)), None
        moments, people = moments_of(self._groups(X, names.noting), names)
        check_named(people, type(self).__name__, how_to_name)
        return self._embed_aligned(X, moments, people), people, moments

    def _embed_aligned(self, X: Any, moments: PeoplesMoments, people: NDArray) -> NDArray:
        align: Align = partial(self._alignment.aligned, moments=moments, people=people)
        with quiet(""):  # reading X for the covariances gave all warnings
            return self._embed(X, align)

    def _embed_and_learn(
        self, X: Any, y: Any, info: dict[str, Any], subjects: Any, *calibrations: Any
    ) -> tuple[NDArray, NDArray]:
        """Features of X before centring and their subjects, from which the centre is learnt."""
        names, moments = self._names_of(X, subjects), None
        blocks = names.noting(self._learn_blocks(X, info))
        groups = self._remember_electrodes(self._patches(blocks, info))
        self._hold_alignment(None)
        if self._aligns:
            moments, people = moments_of(groups, names)
            self._hold_alignment(Alignment.learn(moments, self.min_windows))
            features = self._embed_aligned(X, moments, people)
        else:
            features = self._pool(groups, info)
            people = names.of(len(features))
        refuse_labels_of_recordings(X, y, len(features))
        self._learn_people(features, people, y)
        given = [calibration for calibration in calibrations if calibration is not None]
        for calibration in given:
            kept = self._features_of_people(calibration, None, HOW_TO_NAME_CALIBRATION)
            self._keep_people(*kept, how_to_name=HOW_TO_NAME_CALIBRATION)
        if given:
            self._keep_training_people(features, people, moments)
        return features, people

    def _check_centering(self) -> None:
        if self.center_by is None:
            return
        self._check_people()
        if self.center_by != "subject":
            raise ValueError(f"center_by={self.center_by!r} was given; expected 'subject' or None.")
        if self._embedding().is_unpooled:
            raise ValueError(
                "pooling='none' and center_by='subject' were given: only pooled features can be "
                "centred. Pass another pooling, or center_by=None."
            )

    def _centres_people(self) -> bool:
        if self.center_by is None:
            return False
        self._check_centers()
        return True

    def _check_centers(self) -> None:
        """Raise ValueError unless ``fit`` learnt a centre for these features."""
        n_learnt = len(getattr(self, "center_", ()))
        if n_learnt != self._n_features_out or self._aligns != hasattr(self, "covariance_"):
            raise ValueError(
                f"center_by='subject' needs a centre of {self._n_features_out} features, but fit "
                f"learnt one of {n_learnt}: parameters have changed since. Fit again."
            )

    def _restore(self, weights: Weights) -> None:
        super()._restore(weights)
        kept = getattr(self, "subject_centers_", {}).values()
        if self.center_by is not None and {len(own) for own in kept} - {len(self.center_)}:
            raise CheckpointError(
                "The centres of single people differ in size from the overall centre."
            )
        self._check_covariances()
