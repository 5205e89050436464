"""A fitted estimator or pipeline for a stream: without filters, and for one person."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline

from sk_brainrvq.estimators import (
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    BrainRVQRegressor,
    DDRVQTransformer,
    SubjectCentering,
)
from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals import Filters
from sk_brainrvq.signals.filters.settings import FilterSettings, checked_filters
from sk_brainrvq.streaming.stream_windows import StreamWindows

# Estimators that read EEG; all others read features.
_READERS = (
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    BrainRVQRegressor,
    DDRVQTransformer,
)
# Methods to call on a window, in this order of preference.
_METHODS = ("predict_proba", "decision_function", "predict", "transform")


class StreamModel:
    """Steps of a fitted estimator; steps that would change are copied.

    Parameters
    ----------
    estimator : estimator of this package or Pipeline
        Fitted.
    method : "auto" or name of a method
        Method that gives the result of a window; "auto" is the first available of
        ``predict_proba``, ``decision_function``, ``predict`` and ``transform``.
    subject : object
        Person whose centre the steps keep; None if it is still to be learnt.

    Attributes
    ----------
    reader : estimator
        The first step, as fitted by the user.
    filters : FilterSettings
        Filters of the first step.
    method : str
    """

    def __init__(self, estimator: Any, method: str, subject: Any):
        steps = list(_steps_of(estimator))
        if not steps or not isinstance(steps[0], _READERS):
            first = type(steps[0] if steps else estimator).__name__
            raise ValueError(
                f"{first} was given to read a stream; expected a fitted BrainRVQEmbedder, "
                "BrainRVQClassifier or another estimator of sk_brainrvq that reads EEG, or a "
                "Pipeline that starts with one."
            )
        for step in steps:
            check_fitted(step)
        self.reader = steps[0]
        trained = self.reader.weights_.info.get("filters", {})
        self.filters: FilterSettings = checked_filters(self.reader.filters).resolve(trained)
        self.method = _checked_method(steps[-1], method)
        self._steps = [copy.copy(step) if _reads_or_centres(step) else step for step in steps]
        # The stream filters; the estimator still applies the reference, which needs no past
        # samples.
        left = Filters(l_freq=None, h_freq=None, notch=None, reference=self.filters.reference)
        self._steps[0].set_params(filters=left)
        self._subject = subject
        self._is_calibrated = False
        if subject is not None:
            self._check_subject()

    @property
    def subject(self) -> Any:
        """Name of the current person, for steps that centre people."""
        return "the person at hand" if self._subject is None else self._subject

    @property
    def is_ready(self) -> bool:
        """Whether every step that centres people has a centre of the current person."""
        centred = any(map(_centres_people, self._steps))
        return not centred or self._is_calibrated or self._subject is not None

    @property
    def classes(self) -> NDArray | None:
        """Classes of the last step, if it has any."""
        return getattr(self._steps[-1], "classes_", None)

    def calibrate(self, windows: StreamWindows) -> None:
        """Learn the centre of the current person, in every step that centres people."""
        if not any(map(_centres_people, self._steps)):
            raise ValueError(
                "calibrate learns the centre of the current person, but this estimator does not "
                "centre people. Fit with center_by='subject', or with SubjectCentering in the "
                "pipeline."
            )
        values: Any = windows
        # All or none: if a step fails, the others must not stay calibrated.
        steps = [copy.copy(step) if _centres_people(step) else step for step in self._steps]
        last = max(number for number, step in enumerate(steps) if _centres_people(step))
        for number, step in enumerate(steps[: last + 1]):
            if _centres_people(step):
                step.calibrate(values, **self._people(step, len(windows)))
            if number < last:
                values = step.transform(values, **self._people(step, len(windows)))
        self._steps, self._is_calibrated = steps, True

    def results(self, windows: StreamWindows) -> NDArray:
        """Results of the estimator for windows, shape (n_windows, ...)."""
        self.check_ready()
        values: Any = windows
        for step in self._steps[:-1]:
            values = step.transform(values, **self._people(step, len(windows)))
        last = self._steps[-1]
        values = getattr(last, self.method)(values, **self._people(last, len(windows)))
        return values.toarray() if issparse(values) else np.asarray(values)

    def check_ready(self) -> None:
        """Raise InvalidEEGError if the current person has no centre yet."""
        if not self.is_ready:
            name = next(type(step).__name__ for step in self._steps if _centres_people(step))
            raise InvalidEEGError(
                f"{name} centres each person, but a single window has no centre. First call "
                "calibrate(X) with a few minutes of EEG of the current person, or pass "
                "subject=..., the name of a person whose centre the fitted estimator keeps."
            )

    def _people(self, step: Any, n_windows: int) -> dict[str, Any]:
        """Arguments that give the subject of features; windows of a stream hold it themselves."""
        if isinstance(step, SubjectCentering):
            return {"subjects": [self.subject] * n_windows}
        return {}

    def _check_subject(self) -> None:
        for step in filter(_centres_people, self._steps):
            if self._subject not in step.subject_centers_:
                raise InvalidEEGError(
                    f"subject={self._subject!r} was given, but {type(step).__name__} keeps the "
                    f"centres of {sorted(map(str, step.subject_centers_)) or 'nobody'}. Calibrate "
                    "the estimator for this person, or leave subject out and call calibrate(X) of "
                    "the stream."
                )


def _steps_of(estimator: Any) -> Iterator[Any]:
    """Steps of a pipeline and of pipelines within it; an estimator is a single step."""
    if not isinstance(estimator, Pipeline):
        yield estimator
        return
    for _, step in estimator.steps:
        if step is not None and not isinstance(step, str):
            yield from _steps_of(step)


def _centres_people(step: Any) -> bool:
    return isinstance(step, SubjectCentering) or getattr(step, "center_by", None) is not None


def _reads_or_centres(step: Any) -> bool:
    return isinstance(step, _READERS) or _centres_people(step)


def _checked_method(last: Any, method: Any) -> str:
    """Name of the method that returns results."""
    known = [name for name in _METHODS if hasattr(last, name)]
    if method == "auto" and known:
        return known[0]
    if method not in known:
        raise ValueError(
            f"method={method!r} was given; {type(last).__name__}, the last step, has "
            f"{', '.join(known) or 'none of ' + ', '.join(_METHODS)}. Expected 'auto' or one of "
            "them."
        )
    return str(method)
