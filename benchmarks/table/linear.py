"""Rows of the table that fit a linear classifier to fixed features."""

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

# Largest number of folds of people held out to tune a threshold.
MOST_FOLDS = 7
# Features computed with the filters of the weights, but without the weights.
RANDOM = {
    *("random", "random-tokens", "random-tokens-region", "random-class-token", "random-default"),
}
FILTERED = {*RANDOM, "summaries", "log-covariance", "no-network"}
# Features of the pretrained embedder.
PRETRAINED = {"default", "embedding", "tokens", "tokens-region", "class-token"}
CS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def classifier_of_record(C: float = 0.01) -> Any:
    """Make the protocol's classifier for frozen features."""
    regression = LogisticRegression(C=C, class_weight="balanced", max_iter=5000)
    return make_pipeline(StandardScaler(), regression)


@dataclass(frozen=True)
class Linear(System):
    """Logistic regression on fixed features.

    Attributes
    ----------
    inputs : tuple of str
        Names of features to concatenate; "random" stands for the encoder of the seed.
    choose_c : bool
        Use the C with the best primary figure on validation subjects instead of 0.01.
    centred : bool
        Remove each person's own centre, which needs no labels.
    """

    inputs: tuple[str, ...] = ()
    choose_c: bool = False
    centred: bool = False

    def features(self, seed: int) -> tuple[str, ...]:
        """Names of the features that it uses."""
        names = (f"{name}-{seed}" if name in RANDOM else name for name in self.inputs)
        return tuple(name + CENTRED * self.centred for name in names)

    def needs_weights(self) -> bool:
        """Whether one of its features comes from pretrained weights."""
        return bool(PRETRAINED & set(self.inputs))

    def takes_filters(self) -> bool:
        """Whether one of its features is the embedding with another or no network."""
        return bool(FILTERED & set(self.inputs))

    def config(self, settings: Settings) -> dict[str, Any]:
        """Return features, grid of C, and the encoder's parameters."""
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
        """Fit only on training windows."""
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
    """The same, with the threshold of best balanced accuracy on held-out training people."""

    def config(self, settings: Settings) -> dict[str, Any]:
        """Return the configuration without the threshold, plus the rule."""
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
        # With the threshold moved into the intercept, both classes are equally likely there.
        tuned = model.estimator_
        tuned[-1].intercept_ -= logit(np.clip(model.best_threshold_, 1e-6, 1 - 1e-6))
        return tuned


@dataclass(frozen=True)
class Tangent(Linear):
    """Covariances in the tangent space at the mean of the training windows."""

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
    """The stimulus with the largest response, or rest if no response is large enough.

    The threshold is the one with the best balanced accuracy on the people it is fitted on; no
    weights are learnt. This is the usual method for steady-state potentials.

    Attributes
    ----------
    inputs : tuple of str
        Name of features with a column for each class except the first, which is rest.
    """

    inputs: tuple[str, ...] = ()

    def features(self, seed: int) -> tuple[str, ...]:
        """Names of the features that it uses."""
        return self.inputs

    def config(self, settings: Settings) -> dict[str, Any]:
        """Return the features."""
        return {"inputs": self.inputs, "rule": "largest above a threshold"}

    def run(
        self,
        task: Task,
        fold: Fold,
        seed: int,
        features: Mapping[str, NDArray],
        settings: Settings,
    ) -> Outcome:
        """Fit the threshold."""
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
