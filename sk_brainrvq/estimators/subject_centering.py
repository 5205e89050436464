"""SubjectCentering: subtracts each person's mean from features of any kind."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import FLOAT_DTYPES, check_array, validate_data

from sk_brainrvq.estimators._people.centering import PeopleCenteringMixin
from sk_brainrvq.estimators._people.naming import Names, check_named
from sk_brainrvq.estimators.fitted_check import check_fitted

_HOW_TO_NAME = (
    "Pass subjects=..., one per window, to fit and to transform; in a pipeline under "
    "sklearn.config_context(enable_metadata_routing=True), to the pipeline's fit, predict and "
    "score. Scorers given by name do not pass subjects on: with these, use "
    "BrainRVQEmbedder(center_by='subject') on a container that holds subjects."
)


class _Everybody:
    """Stands for the one person that all windows without a subject belong to."""

    def __repr__(self) -> str:
        return "everybody without a name"

    def __reduce__(self) -> Any:
        return "EVERYBODY"  # the same object after unpickling, as a key must be


EVERYBODY = _Everybody()


class SubjectCentering(OneToOneFeatureMixin, PeopleCenteringMixin, TransformerMixin, BaseEstimator):
    """Subtract each person's mean, so that one threshold fits everyone.

    People differ from each other more than their states do. Subtracting each person's mean leaves
    only what varies within a person, so never use this for diagnosis, age or sex. It uses the
    unlabelled windows of the people to predict for, all that one call gets: pass all windows of a
    person together, or calibrate.

    Parameters
    ----------
    min_windows : int, default=10
        The centre of a person with n windows, fewer than this, is shrunk towards that of the
        training people, with weight n / (n + 1) on the person's own. A warning names such people.
    missing : {"error", "one"}, default="error"
        What to do about windows without a subject. "one" takes them as windows of one person, whose
        mean is that of ``fit``; "error" raises an error that says how to pass subjects.

    Attributes
    ----------
    center_ : ndarray, shape (n_features,)
        Mean of the training people's means.
    subject_centers_ : dict
        Means from calibration, by person.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, where X had any.

    See Also
    --------
    BrainRVQEmbedder : ``center_by="subject"`` takes subjects from the container, and
        recentres covariances, too.

    Notes
    -----
    scikit-learn's metadata routing requests ``subjects`` by default.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn import config_context
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_brainrvq import SubjectCentering
    >>> rng = np.random.default_rng(0)
    >>> subjects, y = np.repeat(["ada", "bob", "eve"], 20), np.tile([0, 1], 30)
    >>> people = {"ada": 0.0, "bob": 8.0, "eve": -5.0}
    >>> offsets = np.array([people[name] for name in subjects])
    >>> X = rng.normal(scale=0.2, size=(60, 1)) + (y + offsets)[:, None]
    >>> with config_context(enable_metadata_routing=True):
    ...     model = make_pipeline(SubjectCentering(), LogisticRegression())
    ...     model = model.fit(X[:40], y[:40], subjects=subjects[:40])
    ...     float(np.mean(model.predict(X[40:], subjects=subjects[40:]) == y[40:]))
    1.0
    """

    # Requested without set_fit_request and set_transform_request.
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"subjects": True}
    __metadata_request__transform: ClassVar[dict[str, bool]] = {"subjects": True}

    def __init__(self, *, min_windows: int = 10, missing: str = "error"):
        self.min_windows = min_windows
        self.missing = missing

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None, *, subjects: Any = None, calibration: Any = None) -> Self:
        """Learn the mean of the training people.

        Parameters
        ----------
        X : array-like, shape (n_windows, n_features)
        y : array-like, shape (n_windows,), optional
            Classes, used only to warn if each person has windows of one class.
        subjects : array-like, shape (n_windows,), optional
            Name or number of the person that each window comes from.
        calibration : tuple of array-like, optional
            Features and subjects of further windows, as in :meth:`calibrate`. The means of the
            training people are then kept, too.

        Returns
        -------
        self

        Raises
        ------
        InvalidEEGError
            If subjects are missing, or their number differs from that of windows.

        Warns
        -----
        EEGWarning
            If each person has windows of one class only.
        """
        self._check_people()
        if self.missing not in ("error", "one"):
            raise ValueError(f"missing={self.missing!r} was given; expected 'error' or 'one'.")
        X = validate_data(self, X, dtype=FLOAT_DTYPES)
        people = self._named(subjects, len(X))
        self._learn_people(X, people, y)
        nameless = np.array([person is EVERYBODY for person in people])
        if nameless.any():
            self.subject_centers_ = {EVERYBODY: X[nameless].mean(axis=0, dtype=float)}
        if calibration is not None:
            further, their_people = _pair(calibration)
            self.calibrate(further, subjects=their_people)
            self._keep_training_people(X, people)
        return self

    def fit_transform(
        self, X: Any, y: Any = None, *, subjects: Any = None, calibration: Any = None
    ) -> NDArray:
        """Fit to X, and subtract each person's mean from their windows.

        Parameters
        ----------
        X, y, subjects, calibration
            As in :meth:`fit`.

        Returns
        -------
        ndarray, shape (n_windows, n_features)
        """
        fitted = self.fit(X, y, subjects=subjects, calibration=calibration)
        return fitted.transform(X, subjects=subjects)

    def calibrate(self, X: Any, *, subjects: Any = None) -> Self:
        """Compute the means of people from these windows, and keep them for their later windows.

        Parameters
        ----------
        X : array-like, shape (n_windows, n_features)
            Features of, for example, a minute of rest of each person.
        subjects : array-like, shape (n_windows,), optional
            As in :meth:`fit`.

        Returns
        -------
        self
            From now on only people with calibration can be centred.

        Warns
        -----
        EEGWarning
            If a person has fewer than ``min_windows`` windows.
        """
        check_fitted(self)
        X = validate_data(self, X, dtype=FLOAT_DTYPES, reset=False)
        self._keep_people(X, self._named(subjects, len(X)))
        return self

    def transform(self, X: Any, *, subjects: Any = None) -> NDArray:
        """Subtract each person's mean from their windows.

        Parameters
        ----------
        X : array-like, shape (n_windows, n_features)
        subjects : array-like, shape (n_windows,), optional
            As in :meth:`fit`.

        Returns
        -------
        ndarray, shape (n_windows, n_features)

        Raises
        ------
        InvalidEEGError
            If subjects are missing, if their number differs from that of windows, or if some people
            have calibration and one of these has none.

        Warns
        -----
        EEGWarning
            If a person has fewer than ``min_windows`` windows.
        """
        check_fitted(self)
        X = validate_data(self, X, dtype=FLOAT_DTYPES, reset=False)
        return self._centred(X, self._named(subjects, len(X)))

    def _named(self, subjects: Any, n_windows: int) -> NDArray:
        """Subjects of the windows, with a stand-in for missing ones if ``missing="one"``."""
        people = Names(subjects).of(n_windows)
        if self.missing == "error":
            check_named(people, type(self).__name__, _HOW_TO_NAME)
        people[[person is None for person in people]] = EVERYBODY
        return people


def _pair(calibration: Any) -> tuple[NDArray, Any]:
    if not isinstance(calibration, (tuple, list)) or len(calibration) != 2:
        raise ValueError(
            f"calibration of type {type(calibration).__name__} was given; expected a tuple of "
            "features (n_windows, n_features) and subjects (n_windows,)."
        )
    return check_array(calibration[0], dtype=FLOAT_DTYPES), calibration[1]
