"""Models to explain: what they decide by, in which unit, and which step takes EEG."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn import config_context
from sklearn.base import is_classifier, is_regressor
from sklearn.pipeline import Pipeline

from sk_brainrvq.estimators import SubjectCentering
from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.recordings import RecordingClassifier, RecordingRegressor
from sk_brainrvq.signals.sources.subjects import as_subjects

# Attributes that all estimators of this package that take EEG have.
_READS_BY = ("sfreq", "ch_names", "unit", "window", "overlap", "filters", "reading")
# Attributes of scikit-learn's meta-estimators that hold one or several fitted models.
_HOLDERS = ("best_estimator_", "estimator_", "estimators_", "calibrated_classifiers_", "estimator")
# Probabilities are clipped to this distance from 0 and 1 before the logarithm.
_SMALLEST = 1e-12


class Decision:
    """One number per window that a model decides by.

    Parameters
    ----------
    model : object
        Model that :func:`check_model` accepts.
    target : object
        Class of a classifier, or number of a target of a regressor with several.

    Attributes
    ----------
    model : object
        The given model, or a copy of it that keeps the centres of people.
    unit : str
        Unit of the numbers; empty before the first call.
    """

    def __init__(self, model: Any, target: Any):
        self.model, self.target = model, target
        self.unit = ""

    def __call__(self, X: Any, subjects: Any = None) -> NDArray:
        """Compute decisions (n_windows,) on X; ``subjects`` are for models that centre people."""
        params = {} if subjects is None else {"subjects": subjects}
        with config_context(enable_metadata_routing=True) if params else config_context():
            return np.asarray(self._decide(X, params), dtype=float)

    def _decide(self, X: Any, params: dict[str, Any]) -> NDArray:
        if _is_regressor(self.model):
            self.unit = "predicted value"
            return self._column(np.asarray(self.model.predict(X, **params)))
        if not hasattr(self.model, "decision_function"):
            self.unit = f"log-odds of {self._target()}"
            return self._log_odds(np.asarray(self.model.predict_proba(X, **params)))
        scores = np.asarray(self.model.decision_function(X, **params))
        if scores.ndim == 1:
            own = scores if self._number() == 1 else -scores
            self.unit = self.unit or self._unit_of(own, X, params)
            return own
        if hasattr(self.model, "predict_proba"):
            self.unit = f"log-odds of {self._target()}"
            return self._log_odds(np.asarray(self.model.predict_proba(X, **params)))
        self.unit = f"decision function of {self._target()}"
        return scores[:, self._number()]

    def _unit_of(self, scores: NDArray, X: Any, params: dict[str, Any]) -> str:
        """Return log-odds as the unit if the logistic function turns scores into probabilities."""
        if hasattr(self.model, "predict_proba"):
            probability = self.model.predict_proba(X, **params)[:, self._number()]
            if np.allclose(expit(scores), probability, atol=1e-5):
                return f"log-odds of {self._target()}"
        return f"decision function of {self._target()}"

    def _log_odds(self, probability: NDArray) -> NDArray:
        own = np.clip(probability[:, self._number()], _SMALLEST, 1 - _SMALLEST)
        return np.log(own) - np.log1p(-own)

    def _target(self) -> str:
        if not hasattr(self.model, "classes_"):
            return "the model"
        return repr(np.asarray(self.model.classes_)[self._number()].item())

    def _number(self) -> int:
        """Return the column of the target among the classes."""
        if not hasattr(self.model, "classes_"):
            return class_number([0, 1], self.target)
        return class_number(self.model.classes_, self.target)

    def _column(self, predicted: NDArray) -> NDArray:
        return (
            predicted
            if predicted.ndim == 1
            else predicted[:, target_number(predicted.shape[1], self.target)]
        )


def class_number(classes: Any, target: Any) -> int:
    """Return the number of the class to explain, by default the second of two.

    Raises
    ------
    ValueError
        If the class does not exist, or if none is given and there are more than two.
    """
    known = np.asarray(classes).tolist()
    if target is None and len(known) == 2:
        return 1
    target = target.item() if isinstance(target, np.generic) else target
    if target not in known:
        raise ValueError(
            f"target={target!r} was given; expected a class to explain, one of {known}."
        )
    return known.index(target)


def target_number(n_targets: int, target: Any) -> int:
    """Return the number of the target of a regressor to explain, by default the only one.

    Raises
    ------
    ValueError
        If the number does not exist, or if none is given and there are several.
    """
    if target is None and n_targets == 1:
        return 0
    if not isinstance(target, (int, np.integer)) or not 0 <= target < n_targets:
        raise ValueError(
            f"target={target!r} was given; the model predicts {n_targets} values: expected the "
            f"number of one, from 0 to {n_targets - 1}."
        )
    return int(target)


def check_model(model: Any) -> None:
    """Raise an error unless a model is fitted and makes decisions.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If it is a class, a transformer, or a model of whole recordings.
    """
    if isinstance(model, type):
        raise ValueError(
            f"The class {model.__name__} was given; expected a fitted model, such as "
            f"{model.__name__}(...).fit(X, y)."
        )
    name = type(model).__name__
    if isinstance(model, (RecordingClassifier, RecordingRegressor)):
        raise ValueError(
            f"A {name} was given, which decides once per recording. Pass its estimator_, which "
            "decides on windows, and windows of the recordings."
        )
    decides = any(hasattr(model, method) for method in ("decision_function", "predict_proba"))
    if not decides and not _is_classifier(model) and not _is_regressor(model):
        raise ValueError(
            f"A {name} was given, which makes no decision that could be explained. Expected a "
            "classifier or regressor, such as make_pipeline(BrainRVQEmbedder(...), "
            "LogisticRegression()).fit(X, y)."
        )
    if hasattr(model, "fit"):
        check_fitted(model)
    if not decides and _is_classifier(model):
        raise ValueError(
            f"A {name} was given, which only predicts labels; expected decision_function or "
            "predict_proba, which show how far a decision moved. Use another classifier, or add "
            "them with CalibratedClassifierCV."
        )


def held_by(model: Any) -> Iterator[Any]:
    """Yield a model and the fitted ones inside it, from outside to inside and first to last."""
    yield model
    inner = [step for _, step in model.steps] if isinstance(model, Pipeline) else []
    for name in () if inner else _HOLDERS:
        held = getattr(model, name, None)
        if held is not None:
            inner = list(held) if isinstance(held, (list, tuple, np.ndarray)) else [held]
            break
    for part in inner:
        yield from held_by(part)


def reader_of(model: Any) -> Any:
    """Return the first estimator of this package in a model that takes EEG, or None."""
    reads = (part for part in held_by(model) if all(hasattr(part, name) for name in _READS_BY))
    return next(reads, None)


def with_kept_centres(model: Any, X: Any, subjects: Any) -> Any:
    """Return a model that keeps the people's centres of X when it is applied to other EEG.

    Parameters
    ----------
    model : estimator
    X : EEG with known subjects
    subjects : array-like, shape (n_windows,), or None

    Returns
    -------
    estimator
        A copy, or the model itself if it does not centre people.
    """
    if not any(_centres(part) for part in held_by(model)):
        return model
    model = copy.deepcopy(model)
    outermost = [part for part in held_by(model) if isinstance(part, Pipeline)]
    inside = {id(step) for pipeline in outermost for _, step in pipeline.steps}
    for pipeline in outermost:
        if id(pipeline) not in inside:
            _keep_centres(pipeline, X, subjects)
    for part in held_by(model):
        if id(part) not in inside and _centres(part):
            part.calibrate(X, subjects=subjects)
    return model


def routes_subjects(model: Any) -> bool:
    """Whether a model passes subjects to a step that takes features, which have no subjects."""
    return any(isinstance(part, SubjectCentering) for part in held_by(model))


def checked_subjects(subjects: Any, n_windows: int) -> NDArray | None:
    """Check subjects and convert them to an array of objects.

    Raises
    ------
    InvalidEEGError
        If there is not one per window, or if some are unknown.
    """
    if subjects is None:
        return None
    if isinstance(subjects, str) or np.ndim(subjects) != 1 or len(subjects) != n_windows:
        raise InvalidEEGError(
            f"subjects of shape {np.shape(subjects)} were given for {n_windows} windows; expected "
            "one name or number per window."
        )
    people = as_subjects(subjects)
    if any(person is None for person in people):
        raise InvalidEEGError("Some of the subjects are missing; expected a name for each window.")
    return people


def _is_regressor(model: Any) -> bool:
    return hasattr(model, "__sklearn_tags__") and is_regressor(model)


def _is_classifier(model: Any) -> bool:
    return hasattr(model, "__sklearn_tags__") and is_classifier(model)


def centres_people(model: Any) -> bool:
    """Whether some part of a model centres people."""
    return any(_has_centres(part) for part in held_by(model))


def _has_centres(part: Any) -> bool:
    return hasattr(part, "center_") and hasattr(part, "calibrate")


def _centres(part: Any) -> bool:
    """Whether a part of a model subtracts centres computed from the current windows."""
    return _has_centres(part) and not part._calibrated


def _keep_centres(pipeline: Pipeline, X: Any, subjects: Any) -> None:
    for _, step in pipeline.steps:
        if _centres(step):
            step.calibrate(X, subjects=subjects)
        if not hasattr(step, "transform"):
            break
        takes: Callable[..., Any] = step.transform
        named = isinstance(step, SubjectCentering) or getattr(step, "center_by", None) is not None
        X = takes(X, subjects=subjects) if named else takes(X)
