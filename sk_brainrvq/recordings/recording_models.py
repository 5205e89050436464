"""Models with one label per recording, learnt and predicted from its windows."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.recordings.aggregation import aggregated, check_aggregate, means_of
from sk_brainrvq.recordings.item_checks import labels_of, one_each
from sk_brainrvq.recordings.recordings import Recordings
from sk_brainrvq.user_warnings import warn

_MOST_NAMES = 8


class _RecordingModel(MetaEstimatorMixin, BaseEstimator):
    """Base of both models: windows with the labels of their recordings."""

    estimator: Any
    window: float
    overlap: float

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Fit the estimator on all windows, with the same total weight for each recording.

        Parameters
        ----------
        X : Recordings without ``window``, or a list of mne.io.Raw and paths
        y : array-like, shape (n_recordings,), optional
            Labels; by default those that the recordings hold.
        sample_weight : array-like, shape (n_recordings,), optional

        Returns
        -------
        self

        Raises
        ------
        InvalidEEGError
            For other X, and unless there is one label and one weight per recording.

        Warns
        -----
        EEGWarning
            If recordings give no window, or if the estimator takes no ``sample_weight``, so that
            longer recordings count more.
        """
        self._check()
        recordings = _whole_recordings(X)
        labels = recordings.y if y is None else labels_of(recordings.sources.tolist(), y)
        if labels is None:
            raise InvalidEEGError("No labels were given: pass y, one per recording.")
        parts, number = self._cut(recordings)
        weights = parts.weights()
        own = one_each("sample_weight", sample_weight, len(recordings))
        if own is not None:
            weights = weights * np.asarray(own, dtype=float)[number]
        estimator = clone(self.estimator)
        self.estimator_ = estimator.fit(parts, labels[number], **_weighting(estimator, weights))
        return self

    def _check(self) -> None:
        """Raise InvalidEEGError for invalid parameters."""

    def _cut(self, recordings: Recordings) -> tuple[Recordings, NDArray]:
        """The windows, and the row of each window's recording."""
        parts = recordings.windows(self.window, self.overlap)
        if not len(parts):
            raise InvalidEEGError(
                f"No recording gives a window of {self.window} s; pass a shorter window=..."
            )
        return parts, parts.recording_of

    def _scored(self, X: Any, y: Any) -> tuple[Recordings, NDArray, NDArray]:
        """Recordings that give a window, their labels, and their positions in X."""
        recordings = _whole_recordings(X)
        labels = recordings.y if y is None else labels_of(recordings.sources.tolist(), y)
        if labels is None:
            raise InvalidEEGError("No labels were given: pass y, one per recording.")
        has_window = recordings.count_windows(self.window, self.overlap) > 0
        if not has_window.all():
            lost = _listed(recordings.sources[~has_window])
            warn(
                f"Recordings without a window of {self.window} s are left out of the score: {lost}."
            )
        kept = np.flatnonzero(has_window)
        return recordings[kept], labels[kept], kept


class RecordingClassifier(ClassifierMixin, _RecordingModel):
    """Classify recordings by classifying their windows and combining the probabilities.

    Parameters
    ----------
    estimator : classifier
        :class:`~sk_brainrvq.BrainRVQClassifier`, or a pipeline that starts with
        :class:`~sk_brainrvq.BrainRVQEmbedder`.
    window, overlap : float, default=10.0 and 0.0
        Length and overlap of windows in seconds. Those of the estimator need not be set.
    aggregate : {"mean_log_proba", "mean_proba", "vote"}, default="mean_log_proba"
        How to combine the windows of a recording: the mean logarithm of their probabilities, the
        mean of their probabilities, or the share of windows that vote for a class, which needs only
        ``predict``.

    Attributes
    ----------
    estimator_ : estimator
        Fitted on all windows.
    classes_ : ndarray
        Classes of the fitted estimator.

    See Also
    --------
    aggregate_by : Aggregates recordings to subjects.

    Examples
    --------
    >>> import mne, numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_brainrvq import BrainRVQEmbedder, RecordingClassifier, Recordings
    >>> info = mne.create_info(["C3", "C4"], 200, "eeg")
    >>> raws = [mne.io.RawArray(np.random.default_rng(i).normal(scale=(1 + i % 2) * 1e-5,
    ...                         size=(2, 4000)), info, verbose=False) for i in range(6)]
    >>> recordings = Recordings(raws, ["calm", "loud"] * 3)
    >>> embedder = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=0)
    >>> pipeline = make_pipeline(embedder, LogisticRegression())
    >>> model = RecordingClassifier(pipeline, window=5).fit(recordings[:4])
    >>> model.predict(recordings[4:]).tolist()
    ['calm', 'loud']
    """

    def __init__(
        self,
        estimator: Any,
        *,
        window: float = 10.0,
        overlap: float = 0.0,
        aggregate: str = "mean_log_proba",
    ):
        self.estimator = estimator
        self.window = window
        self.overlap = overlap
        self.aggregate = aggregate

    def _check(self) -> None:
        check_aggregate(self.aggregate)
        if self.aggregate != "vote" and not hasattr(self.estimator, "predict_proba"):
            raise InvalidEEGError(
                f"aggregate={self.aggregate!r} needs probabilities, which this "
                f"{type(self.estimator).__name__} does not predict. Pass aggregate='vote', or wrap "
                "it in CalibratedClassifierCV."
            )

    @property
    def classes_(self) -> NDArray:
        """Classes of the fitted estimator."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.classes_

    def predict_proba(self, X: Any) -> NDArray:
        """Predict class probabilities for each recording.

        Parameters
        ----------
        X : Recordings without ``window``, or a list of mne.io.Raw and paths

        Returns
        -------
        ndarray, shape (n_recordings, n_classes)
            Probabilities, or shares of windows with ``aggregate="vote"``; NaN for recordings
            without a window.
        """
        check_is_fitted(self, "estimator_")
        self._check()
        recordings = _whole_recordings(X)
        parts, number = self._cut(recordings)
        if self.aggregate == "vote":
            found = np.searchsorted(self.classes_, self.estimator_.predict(parts))
            proba = np.eye(len(self.classes_))[found]
        else:
            proba = self.estimator_.predict_proba(parts)
        return aggregated(proba, number, len(recordings), self.aggregate)

    def predict(self, X: Any) -> NDArray:
        """Predict the class of each recording.

        Parameters
        ----------
        X : Recordings without ``window``, or a list of mne.io.Raw and paths

        Returns
        -------
        ndarray, shape (n_recordings,)

        Raises
        ------
        InvalidEEGError
            If a recording gives no window.
        """
        proba = self.predict_proba(X)
        _refuse_unknown(_whole_recordings(X), np.isnan(proba).any(axis=1), self.window)
        return self.classes_[proba.argmax(axis=1)]

    def score(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> float:
        """Compute the accuracy; recordings without a window are left out, with a warning.

        Parameters
        ----------
        X : Recordings without ``window``, or a list of mne.io.Raw and paths
        y : array-like, shape (n_recordings,), optional
            Labels; by default those that the recordings hold.
        sample_weight : array-like, shape (n_recordings,), optional

        Returns
        -------
        float
        """
        recordings, labels, kept = self._scored(X, y)
        weights = None if sample_weight is None else np.asarray(sample_weight)[kept]
        return super().score(recordings, labels, weights)


class RecordingRegressor(RegressorMixin, _RecordingModel):
    """Predict numbers for recordings as the mean of the predictions for their windows.

    Parameters
    ----------
    estimator : regressor
        :class:`~sk_brainrvq.BrainRVQRegressor`, or a pipeline that starts with
        :class:`~sk_brainrvq.BrainRVQEmbedder`.
    window, overlap : float, default=10.0 and 0.0
        Length and overlap of windows in seconds. Those of the estimator need not be set.

    Attributes
    ----------
    estimator_ : estimator
        Fitted on all windows.

    Examples
    --------
    >>> import mne, numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_brainrvq import BrainRVQEmbedder, RecordingRegressor, Recordings
    >>> info = mne.create_info(["C3", "C4"], 200, "eeg")
    >>> raws = [mne.io.RawArray(np.random.default_rng(i).normal(scale=2e-5, size=(2, 4000)), info,
    ...                         verbose=False) for i in range(4)]
    >>> embedder = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=0)
    >>> model = RecordingRegressor(make_pipeline(embedder, Ridge()), window=5)
    >>> model.fit(Recordings(raws, [31.0, 45.5, 62.0, 58.0])).predict(raws).shape
    (4,)
    """

    def __init__(self, estimator: Any, *, window: float = 10.0, overlap: float = 0.0):
        self.estimator = estimator
        self.window = window
        self.overlap = overlap

    def predict(self, X: Any) -> NDArray:
        """Predict the number, or numbers, of each recording.

        Parameters
        ----------
        X : Recordings without ``window``, or a list of mne.io.Raw and paths

        Returns
        -------
        ndarray, shape (n_recordings,) or (n_recordings, n_targets)

        Raises
        ------
        InvalidEEGError
            If a recording gives no window.
        """
        check_is_fitted(self, "estimator_")
        recordings = _whole_recordings(X)
        parts, number = self._cut(recordings)
        means = means_of(np.asarray(self.estimator_.predict(parts)), number, len(recordings))
        unknown = np.isnan(means).reshape(len(means), -1).any(axis=1)
        _refuse_unknown(recordings, unknown, self.window)
        return means

    def score(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> float:
        """Compute R²; recordings without a window are left out, with a warning.

        Parameters
        ----------
        X : Recordings without ``window``, or a list of mne.io.Raw and paths
        y : array-like, shape (n_recordings,), optional
            Labels; by default those that the recordings hold.
        sample_weight : array-like, shape (n_recordings,), optional

        Returns
        -------
        float
        """
        recordings, labels, kept = self._scored(X, y)
        weights = None if sample_weight is None else np.asarray(sample_weight)[kept]
        return super().score(recordings, labels, weights)


def _whole_recordings(X: Any) -> Recordings:
    """X as whole recordings."""
    recordings = X if isinstance(X, Recordings) else Recordings(X)
    if recordings.window is not None:
        raise InvalidEEGError(
            f"The recordings are cut into windows of {recordings.window} s, but this model needs "
            "one row per recording. Pass Recordings without window=..., and pass the window to "
            "the model, which cuts them itself."
        )
    return recordings


def _weighting(estimator: Any, weights: NDArray) -> dict[str, NDArray]:
    """Weights of windows as keywords for the estimator; in a pipeline for its last step."""
    name, last = "", estimator
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        name += f"{step}__"
    if has_fit_parameter(last, "sample_weight"):
        return {f"{name}sample_weight": weights}
    if len(set(weights.tolist())) > 1:
        warn(
            f"{type(last).__name__} takes no sample_weight, so recordings with more windows count "
            "more."
        )
    return {}


def _refuse_unknown(recordings: Recordings, unknown: NDArray, window: float) -> None:
    if unknown.any():
        raise InvalidEEGError(
            f"There is no window of {window} s in {_listed(recordings.sources[unknown])}, so "
            "nothing can be predicted. Leave them out: "
            "recordings[recordings.count_windows(window) > 0]; or pass a shorter window."
        )


def _listed(names: NDArray) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(map(str, names[:_MOST_NAMES])) + more
