"""Rows of the table that are a linear classifier on fixed features."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from table.features import CENTRED
from table.metrics import primary_score
from table.system import Outcome, Settings, System, predict
from table.tasks import Fold, Task

# People are held out in so many folds at most to tune a threshold.
MOST_FOLDS = 7
# Features that are computed with the filters of the weights, without the weights.
RANDOM = {"random", "random-tokens", "random-tokens-region", "random-default"}
FILTERED = {*RANDOM, "summaries", "log-covariance", "no-network"}
# Features of the pretrained embedder.
PRETRAINED = {"default", "embedding", "tokens", "tokens-region"}
CS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def classifier_of_record(C: float = 0.01) -> Any:
    """The protocol's classifier on frozen features."""
    regression = LogisticRegression(C=C, class_weight="balanced", max_iter=5000)
    return make_pipeline(StandardScaler(), regression)


@dataclass(frozen=True)
class Linear(System):
    """Logistic regression on fixed features.

    Attributes
    ----------
    inputs : tuple of str
        Names of features, put side by side; "random" stands for the seed's own encoder.
    choose_c : bool
        Take the C with the best primary figure on validation subjects, instead of 0.01.
    centred : bool
        Take away each person's own centre, which needs no labels.
    """

    inputs: tuple[str, ...] = ()
    choose_c: bool = False
    centred: bool = False

    def features(self, seed: int) -> tuple[str, ...]:
        """Names of the features it takes."""
        names = (f"{name}-{seed}" if name in RANDOM else name for name in self.inputs)
        return tuple(name + CENTRED * self.centred for name in names)

    def needs_weights(self) -> bool:
        """Whether one of its features comes from pretrained weights."""
        return bool(PRETRAINED & set(self.inputs))

    def takes_filters(self) -> bool:
        """Whether one of its features is the embedding's, but for the network."""
        return bool(FILTERED & set(self.inputs))

    def config(self, settings: Settings) -> dict[str, Any]:
        """Features, grid of C, and the encoder's parameters."""
        config: dict[str, Any] = {"inputs": self.inputs, "C": CS if self.choose_c else (0.01,)}
        if self.centred:
            config["centred"] = True
        if (RANDOM | PRETRAINED) & set(self.inputs):
            config["embedder"] = {k: v for k, v in settings.embedder.items() if k != "weights"}
        if RANDOM & set(self.inputs):
            config["architecture"] = settings.architecture
        if self.takes_filters():
            config["filters"] = settings.filters
        if self.needs_weights():
            config["weights"] = settings.weights_digest
        return config

    def run(
        self,
        task: Task,
        fold: Fold,
        seed: int,
        features: Mapping[str, NDArray],
        settings: Settings,
    ) -> Outcome:
        """Fit on training windows alone."""
        rows = fold.train if self.choose_c else fold.fitted
        X = self._inputs(rows, [features[name] for name in self.features(seed)])
        fitted = {}
        for C in CS if self.choose_c else (0.01,):
            fitted[C] = self._fitted(X, rows, task, C)
        C, model = next(iter(fitted.items()))
        if self.choose_c:
            truth = task.y[fold.validation]
            figures = {
                C: primary_score(task.kind, truth, predict(m, X[fold.validation], task))
                for C, m in fitted.items()
            }
            C = max(figures, key=lambda key: figures[key])
            model = fitted[C]
        return Outcome(
            predict(model, X[fold.scored], task),
            predict(model, X[fold.validation], task),
            {"C": C, "n_features": X.shape[1]},
        )

    def _fitted(self, X: NDArray, rows: NDArray, task: Task, C: float) -> Any:
        return classifier_of_record(C).fit(X[rows], task.y[rows])

    def _inputs(self, rows: NDArray, features: list[NDArray]) -> NDArray:
        return np.concatenate(features, axis=1)


@dataclass(frozen=True)
class TunedThreshold(Linear):
    """The same with the threshold of best balanced accuracy on people held out in training."""

    def config(self, settings: Settings) -> dict[str, Any]:
        """That of the row without it, and the rule."""
        return {**super().config(settings), "threshold": "balanced accuracy, people held out"}

    def _fitted(self, X: NDArray, rows: NDArray, task: Task, C: float) -> Any:
        if task.kind != "binary":
            raise ValueError(f"{self.name} has one threshold; {task.dataset} has more classes.")
        people = task.subjects[rows]
        folds = GroupKFold(min(MOST_FOLDS, len(np.unique(people))))
        model = TunedThresholdClassifierCV(
            classifier_of_record(C),
            scoring="balanced_accuracy",
            cv=[*folds.split(X[rows], groups=people)],
        ).fit(X[rows], task.y[rows])
        # With the threshold in the intercept both classes are equally likely at it.
        tuned = model.estimator_
        tuned[-1].intercept_ -= logit(np.clip(model.best_threshold_, 1e-6, 1 - 1e-6))
        return tuned


@dataclass(frozen=True)
class Tangent(Linear):
    """Covariances seen from the tangent space at their mean, which is of training windows."""

    def _inputs(self, rows: NDArray, features: list[NDArray]) -> NDArray:
        from pyriemann.tangentspace import TangentSpace

        return TangentSpace().fit(features[0][rows]).transform(features[0])


@dataclass(frozen=True)
class MiniRocket(Linear):
    """Convolutions with fixed kernels (Dempster et al., 2021), by aeon."""

    def _inputs(self, rows: NDArray, features: list[NDArray]) -> NDArray:
        try:
            from aeon.transformations.collection.convolution_based import MiniRocket as Transform
        except ImportError as error:
            raise ValueError("minirocket needs aeon: pip install aeon.") from error
        signals = features[0]
        transform = Transform(random_state=0, n_jobs=1).fit(signals[rows])
        return np.asarray(transform.transform(signals), np.float64)


@dataclass(frozen=True)
class LargestResponse(System):
    """The stimulus with the largest response, or rest where none is large enough.

    The threshold is the one with the best balanced accuracy on the people it is fitted on; no
    weight is learnt. The field's own way with steady-state potentials.

    Attributes
    ----------
    inputs : tuple of str
        Name of features with a column for each class but the first, which is rest.
    """

    inputs: tuple[str, ...] = ()

    def features(self, seed: int) -> tuple[str, ...]:
        """Names of the features it takes."""
        return self.inputs

    def config(self, settings: Settings) -> dict[str, Any]:
        """The features."""
        return {"inputs": self.inputs, "rule": "largest above a threshold"}

    def run(
        self,
        task: Task,
        fold: Fold,
        seed: int,
        features: Mapping[str, NDArray],
        settings: Settings,
    ) -> Outcome:
        """Fit one number."""
        response = features[self.inputs[0]]
        largest, found = response.max(1), 1 + response.argmax(1)
        tried = np.unique(np.quantile(largest[fold.fitted], np.linspace(0, 1, 101)))
        truth = task.y[fold.fitted]
        threshold = max(
            tried,
            key=lambda t: balanced_accuracy_score(
                truth, np.where(largest[fold.fitted] < t, 0, found[fold.fitted])
            ),
        )
        one_hot = np.eye(len(task.classes))[np.where(largest < threshold, 0, found)]
        info = {"threshold": float(threshold), "n_features": response.shape[1]}
        return Outcome(one_hot[fold.scored], one_hot[fold.validation], info)
