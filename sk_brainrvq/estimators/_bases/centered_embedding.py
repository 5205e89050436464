"""Pooled features of which each person's centre can be taken off."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.estimators._bases.embedding import EmbeddingMixin
from sk_brainrvq.estimators._outputs.pooling import COVARIANCE_NAMES
from sk_brainrvq.estimators._people.centering import PeopleCenteringMixin
from sk_brainrvq.estimators._people.naming import (
    HOW_TO_NAME,
    HOW_TO_NAME_CALIBRATION,
    Names,
    check_named,
)
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.signals.sources.registry import source_of
from sk_brainrvq.weights import Weights


class CenteredEmbeddingMixin(PeopleCenteringMixin, EmbeddingMixin):
    """Pooled features, centred by person where ``center_by`` asks for it."""

    center_by: str | None

    @property
    def _matrices(self) -> tuple[slice, ...]:
        n_matrices, size = self._embedding().n_matrices, len(COVARIANCE_NAMES)
        starts = range(-n_matrices * size, 0, size)
        return tuple(slice(start, start + size or None) for start in starts)

    def _names_of(self, X: Any, subjects: Any, how_to_name: str = HOW_TO_NAME) -> Names:
        """Takes down whom the epochs of X are of; of arrays nobody tells but the user."""
        if subjects is None and source_of(X).is_array:
            check_named(np.full(1, None, dtype=object), type(self).__name__, how_to_name)
        return Names()

    def _features_of_people(
        self, X: Any, subjects: Any, how_to_name: str = HOW_TO_NAME
    ) -> tuple[NDArray, NDArray]:
        """Features of X before they are centred, and their people."""
        names = self._names_of(X, subjects, how_to_name)
        features = self._embed(X, names.noting)
        return features, names.of(len(features), subjects)

    def _embed_and_learn(
        self, X: Any, y: Any, info: dict[str, Any], subjects: Any, *calibrations: Any
    ) -> tuple[NDArray, NDArray]:
        """Features of X before they are centred, and their people, whose centre is learnt."""
        names = self._names_of(X, subjects)
        blocks = names.noting(self._learn_blocks(X, info))
        groups = self._remember_electrodes(self._patches(blocks, info))
        features = self._pool(groups, info)
        people = names.of(len(features), subjects)
        self._learn_people(features, people, y)
        given = [calibration for calibration in calibrations if calibration is not None]
        for calibration in given:
            kept = self._features_of_people(calibration, None, HOW_TO_NAME_CALIBRATION)
            self._keep_people(*kept, HOW_TO_NAME_CALIBRATION)
        if given:
            self._keep_training_people(features, people)
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
        """Raise ValueError unless ``fit`` learnt a centre of these features."""
        n_learnt = len(getattr(self, "center_", ()))
        if n_learnt != self._n_features_out:
            raise ValueError(
                f"center_by='subject' needs the centre of {self._n_features_out} features, and fit "
                f"learnt that of {n_learnt}: parameters were changed since. Fit again."
            )

    def _restore(self, weights: Weights) -> None:
        super()._restore(weights)
        kept = getattr(self, "subject_centers_", {}).values()
        if self.center_by is not None and {len(own) for own in kept} - {len(self.center_)}:
            raise CheckpointError("The centres of people are of other sizes than that of all.")
