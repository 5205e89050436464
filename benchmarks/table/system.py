"""Base of every row of the table: a name, a configuration, and a way to run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq import Filters
from table.tasks import Fold, Task

# Fields of Filters, which configurations and the command line list with other parameters.
FILTERS = ("l_freq", "h_freq", "notch", "reference")


@dataclass(frozen=True)
class Settings:
    """Settings of systems from the command line.

    Attributes
    ----------
    weights : str or path
        "default" or a path.
    weights_digest : str
    architecture : {"tiny", "small", "base"}
        Size of BrainRVQ from scratch and of the random encoder.
    embedder, fine_tuning : dict
        Parameters of the frozen embedder, and of BrainRVQ's classifier.
    filters : dict
        Filters of the frozen embedder, also used for random encoders and for its parts beside
        tokens, so that rows differ only by the network.
    epochs : dict of str to int
        Epochs by system instead of its own; "" stands for all.
    precision : dict of str to {"float32", "bfloat16"}
        Precision of matrix products in training, by system; "" stands for all.
    max_seconds : float, optional
        Time limit of one training.
    pretrained : bool
        Whether rivals start from published weights, where available.
    device : str
    frozen_rivals : Path, optional
        Folder with features of published models, computed by others.
    """

    weights: Any = "default"
    weights_digest: str = ""
    architecture: str = "small"
    embedder: dict[str, Any] = field(default_factory=dict)
    fine_tuning: dict[str, Any] = field(default_factory=dict)
    filters: dict[str, Any] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    precision: dict[str, str] = field(default_factory=dict)
    max_seconds: float | None = None
    pretrained: bool = False
    device: str = "cpu"
    frozen_rivals: Path | None = None

    def epochs_of(self, name: str, default: int) -> int:
        """Return the training epochs of a system."""
        return self.epochs.get(name, self.epochs.get("", default))

    def precision_of(self, name: str) -> str:
        """Return the precision in which a system's network is trained."""
        return self.precision.get(name, self.precision.get("", "float32"))


@dataclass(frozen=True)
class Outcome:
    """Predictions of one training.

    Attributes
    ----------
    probability, validation : ndarray, shape (n_windows, n_classes)
        Probabilities for the fold's test and validation windows.
    info : dict
        What was chosen, and how training went.
    """

    probability: NDArray
    validation: NDArray
    info: dict[str, Any]


@dataclass(frozen=True)
class System:
    """A row of the table.

    Attributes
    ----------
    name, label : str
        Names on the command line and in the table.
    family : {"baseline", "rival", "brainrvq"}
    seeded : bool
        Whether another seed gives another result.
    """

    name: str
    label: str
    family: str
    seeded: bool = False

    def features(self, seed: int) -> tuple[str, ...]:
        """Names of the features of ``table.features`` that it uses."""
        return ()

    def needs_weights(self) -> bool:
        """Whether it starts from BrainRVQ's pretrained weights."""
        return False

    def takes_filters(self) -> bool:
        """Whether it has no pretrained weights but is filtered like a row that has."""
        return False

    @property
    def default_epochs(self) -> int:
        """Budget of training epochs; 0 if nothing is trained by epochs."""
        return 0

    def config(self, settings: Settings) -> dict[str, Any]:
        """Return all that its results depend on beside data, fold and seed."""
        raise NotImplementedError

    def run(
        self,
        task: Task,
        fold: Fold,
        seed: int,
        features: Mapping[str, NDArray],
        settings: Settings,
    ) -> Outcome:
        """Train on the fold's training windows, choose on validation windows, and predict."""
        raise NotImplementedError


def estimator_params(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Convert parameters of a configuration to those of an estimator.

    Parameters
    ----------
    plain : mapping
        Filters are plain fields in it. Kept results are identified by configurations, so renaming
        an estimator's parameters must not change these.

    Returns
    -------
    dict
    """
    params = {name: value for name, value in plain.items() if name not in FILTERS}
    filters = {name: plain[name] for name in FILTERS if name in plain}
    return {**params, "filters": Filters(**filters)} if filters else params


def predict(model: Any, X: NDArray, task: Task) -> NDArray:
    """Probabilities with a column for every class of the task, seen in training or not."""
    probability = np.zeros((len(X), len(task.classes)))
    probability[:, model.classes_] = model.predict_proba(X)
    return probability
