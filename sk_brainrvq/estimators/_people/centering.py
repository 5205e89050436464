"""Base of estimators that centre people: they learn, store and apply centres."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.estimators._inputs.number_checks import check_whole
from sk_brainrvq.estimators._people.centers import Centers, Matrices
from sk_brainrvq.estimators._people.guards import (
    check_known,
    warn_of_few_windows,
    warn_of_one_class_each,
)
from sk_brainrvq.estimators._people.naming import HOW_TO_NAME, check_named
from sk_brainrvq.estimators.fitted_check import check_fitted


class PeopleCenteringMixin:
    """Centres of people as fitted attributes, and features relative to them."""

    min_windows: int
    # Centre of the training people, shape (n_features,).
    center_: NDArray
    # Centres from calibration, by person, that replace those of the windows passed.
    subject_centers_: dict[Any, NDArray]
    # Whether only these people can be centred.
    _calibrated: bool

    def calibrate(self, X: Any, *, subjects: Any = None) -> Self:
        """Compute the centres of people from these epochs, and keep them for their later epochs.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            For example a minute of rest of each person; labels are not needed.
        subjects : array-like, shape (n_epochs,), optional
            Subject of each epoch; overrides what the container says.

        Returns
        -------
        self
            From now on only people with calibration can be centred; others raise an error.

        Raises
        ------
        ValueError
            Without ``center_by``.
        InvalidEEGError
            If X cannot be used as EEG, or the subject of an epoch is unknown.

        Warns
        -----
        EEGWarning
            If a person has fewer than 10 windows, or than ``min_windows`` if that is a parameter.
        """
        check_fitted(self)
        if not self._centres_people():
            raise ValueError(
                f"calibrate keeps the centres of people, but this {type(self).__name__} does not "
                "centre people. Pass center_by='subject' and fit again."
            )
        self._keep_people(*self._features_of_people(X, subjects))
        return self

    def _centres_people(self) -> bool:
        """Whether people are centred; raise ValueError if this differs from fit."""
        raise NotImplementedError

    def _features_of_people(self, X: Any, subjects: Any) -> tuple[Any, ...]:
        """Features before centring, the subject of each window, and whatever else is kept."""
        raise NotImplementedError

    def _check_people(self) -> None:
        """Raise ValueError for invalid parameters."""
        check_whole("min_windows", self.min_windows, 1)

    @property
    def _matrices(self) -> Matrices:
        """Slices of columns, each of which holds a log-covariance."""
        return ()

    @property
    def _centers(self) -> Centers:
        return Centers(self._matrices, self.min_windows, self.center_, self.subject_centers_)

    def _learn_people(self, features: NDArray, subjects: NDArray, y: Any = None) -> None:
        """Learn the centre of the training people; (n_windows, n_features), (n_windows,)."""
        check_named(subjects, type(self).__name__)
        warn_of_one_class_each(subjects, y)
        warn_of_few_windows(subjects, self.min_windows, ())
        centers = Centers.learn(features, subjects, self._matrices, self.min_windows)
        self.center_, self.subject_centers_, self._calibrated = centers.overall, {}, False

    def _keep_people(
        self, features: NDArray, subjects: NDArray, *more: Any, how_to_name: str = HOW_TO_NAME
    ) -> None:
        """Keep the centres of these people; from then on nobody else can be centred.

        ``more`` is what subclasses keep in addition.
        """
        check_named(subjects, type(self).__name__, how_to_name)
        warn_of_few_windows(subjects, self.min_windows, ())
        centers = self._centers
        centers.keep(features, subjects)
        self.subject_centers_, self._calibrated = centers.kept, True

    def _keep_training_people(self, features: NDArray, subjects: NDArray, *more: Any) -> None:
        """Also keep the training people who have no calibration windows."""
        rows = np.array([person not in self.subject_centers_ for person in subjects], dtype=bool)
        if rows.any():
            self._keep_people(features[rows], subjects[rows], *more)

    def _centred(self, features: NDArray, subjects: NDArray) -> NDArray:
        """Features (n_windows, n_features) relative to the centre of each person."""
        name = type(self).__name__
        check_named(subjects, name)
        if self._calibrated:
            check_known(subjects, self.subject_centers_, name)
        warn_of_few_windows(subjects, self.min_windows, self.subject_centers_)
        return self._centers.centred(features, subjects).astype(features.dtype, copy=False)
