"""The rows of the table: what each system is, what it depends on, how it is trained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import BrainRVQClassifier
from table.metrics import PROTOCOLS, primary_score
from table.rivals import RIVALS, build_network, count_parameters, load_published
from table.tasks import SFREQ, Fold, Task
from table.training import TimeLimit, best_epoch, probabilities, train_network

CS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class Settings:
    """What the command line says about systems.

    Attributes
    ----------
    weights : str or path
        "default" or a path.
    weights_digest : str
    architecture : {"tiny", "small", "base"}
        Of BrainRVQ from scratch and of the random encoder.
    embedder, fine_tuning : dict
        Parameters of the frozen embedder, and of BrainRVQ's classifier.
    epochs : dict of str to int
        Epochs by system in place of its own; "" stands for all.
    max_seconds : float, optional
        Of one training.
    pretrained : bool
        Rivals start from published weights where there are some.
    device : str
    """

    weights: Any = "default"
    weights_digest: str = ""
    architecture: str = "small"
    embedder: dict[str, Any] = field(default_factory=dict)
    fine_tuning: dict[str, Any] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    max_seconds: float | None = None
    pretrained: bool = False
    device: str = "cpu"

    def epochs_of(self, name: str, default: int) -> int:
        """Training epochs of a system."""
        return self.epochs.get(name, self.epochs.get("", default))


@dataclass(frozen=True)
class Outcome:
    """Predictions of one training.

    Attributes
    ----------
    probability, validation : ndarray, shape (n_windows, n_classes)
        Of the fold's test and validation windows.
    info : dict
        What was chosen, how training went.
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
        On the command line and in the table.
    family : {"baseline", "rival", "brainrvq"}
    seeded : bool
        Whether another seed gives another result.
    """

    name: str
    label: str
    family: str
    seeded: bool = False

    def features(self, seed: int) -> tuple[str, ...]:
        """Names of the features it takes, of ``table.features``."""
        return ()

    def needs_weights(self) -> bool:
        """Whether it starts from BrainRVQ's pretrained weights."""
        return False

    def config(self, settings: Settings) -> dict[str, Any]:
        """All that its results depend on beside data, fold and seed."""
        raise NotImplementedError

    def run(
        self,
        task: Task,
        fold: Fold,
        seed: int,
        features: Mapping[str, NDArray],
        settings: Settings,
    ) -> Outcome:
        """Train on the fold's training windows, choose on validation, predict."""
        raise NotImplementedError


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
    """

    inputs: tuple[str, ...] = ()
    choose_c: bool = False

    def features(self, seed: int) -> tuple[str, ...]:
        """Names of the features it takes."""
        return tuple(f"random-{seed}" if name == "random" else name for name in self.inputs)

    def needs_weights(self) -> bool:
        """Whether one of its features comes from pretrained weights."""
        return "embedding" in self.inputs

    def config(self, settings: Settings) -> dict[str, Any]:
        """Features, grid of C, and the encoder's parameters."""
        config: dict[str, Any] = {"inputs": self.inputs, "C": CS if self.choose_c else (0.01,)}
        if {"random", "embedding"} & set(self.inputs):
            config["embedder"] = {k: v for k, v in settings.embedder.items() if k != "weights"}
        if "random" in self.inputs:
            config["architecture"] = settings.architecture
        if "embedding" in self.inputs:
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
        X = self._inputs(fold, [features[name] for name in self.features(seed)])
        fitted = {}
        for C in CS if self.choose_c else (0.01,):
            fitted[C] = classifier_of_record(C).fit(X[fold.train], task.y[fold.train])
        C, model = next(iter(fitted.items()))
        if self.choose_c:
            truth = task.y[fold.validation]
            figures = {
                C: primary_score(task.kind, truth, _predict(m, X[fold.validation], task))
                for C, m in fitted.items()
            }
            C = max(figures, key=lambda key: figures[key])
            model = fitted[C]
        return Outcome(
            _predict(model, X[fold.scored], task),
            _predict(model, X[fold.validation], task),
            {"C": C, "n_features": X.shape[1]},
        )

    def _inputs(self, fold: Fold, features: list[NDArray]) -> NDArray:
        return np.concatenate(features, axis=1)


@dataclass(frozen=True)
class Tangent(Linear):
    """Covariances seen from the tangent space at their mean, which is of training windows."""

    def _inputs(self, fold: Fold, features: list[NDArray]) -> NDArray:
        from pyriemann.tangentspace import TangentSpace

        return TangentSpace().fit(features[0][fold.train]).transform(features[0])


def _predict(model: Any, X: NDArray, task: Task) -> NDArray:
    """Probabilities with a column for every class of the task, seen in training or not."""
    probability = np.zeros((len(X), len(task.classes)))
    probability[:, model.classes_] = model.predict_proba(X)
    return probability


@dataclass(frozen=True)
class RivalSystem(System):
    """A network of ``table.rivals``, trained end to end."""

    def config(self, settings: Settings) -> dict[str, Any]:
        """The authors' settings, and the budget."""
        rival = RIVALS[self.name]
        return {
            "lr": rival.lr,
            "weight_decay": rival.weight_decay,
            "label_smoothing": rival.label_smoothing,
            "batch_size": rival.batch_size,
            "epochs": settings.epochs_of(self.name, rival.max_epochs),
            "max_seconds": settings.max_seconds,
            "pretrained": rival.hub if settings.pretrained else None,
        }

    def run(
        self,
        task: Task,
        fold: Fold,
        seed: int,
        features: Mapping[str, NDArray],
        settings: Settings,
    ) -> Outcome:
        """Train, keep the best epoch on validation windows, predict."""
        rival = RIVALS[self.name]
        published = settings.pretrained and rival.hub is not None
        ch_names = task.ch_names

        def scaled(rows: NDArray) -> NDArray:
            X = task.X[rows]
            if published and rival.input_of_weights is not None:
                X, _ = rival.input_of_weights(X, ch_names)
            return rival.scale(X)

        train, validation = scaled(fold.train), scaled(fold.validation)
        network = build_network(self.name, train.shape, len(task.classes), ch_names, seed)
        copied = load_published(network, self.name) if published else "from scratch"
        config = self.config(settings)
        net, history = train_network(
            network,
            (train, task.y[fold.train]),
            (validation, task.y[fold.validation]),
            kind=task.kind,
            lr=rival.lr,
            weight_decay=rival.weight_decay,
            label_smoothing=rival.label_smoothing,
            batch_size=rival.batch_size,
            max_epochs=config["epochs"],
            seed=seed,
            max_seconds=settings.max_seconds,
            device=settings.device,
        )
        test = scaled(fold.test) if len(fold.test) else validation
        return Outcome(
            probabilities(net, test),
            probabilities(net, validation),
            {
                "start": copied,
                "n_parameters": count_parameters(network),
                "epoch": best_epoch([row["valid_score"] for row in history]),
                "n_epochs": len(history),
                "history": history,
            },
        )


@dataclass(frozen=True)
class BrainRVQSystem(System):
    """BrainRVQClassifier, from pretrained weights or from scratch."""

    pretrained: bool = True

    def needs_weights(self) -> bool:
        """Whether it starts from pretrained weights."""
        return self.pretrained

    def config(self, settings: Settings) -> dict[str, Any]:
        """The classifier's parameters."""
        params = {
            "batch_size": 32,
            "class_weight": "balanced",
            **settings.fine_tuning,
            "max_epochs": settings.epochs_of(self.name, 12),
        }
        start = (
            {"weights": settings.weights_digest}
            if self.pretrained
            else {"architecture": settings.architecture}
        )
        return {"params": params, "max_seconds": settings.max_seconds, **start}

    def run(
        self,
        task: Task,
        fold: Fold,
        seed: int,
        features: Mapping[str, NDArray],
        settings: Settings,
    ) -> Outcome:
        """Fine-tune, keep the best epoch on validation windows, predict."""
        params = self.config(settings)["params"]
        start = (
            {"weights": settings.weights}
            if self.pretrained
            else {"weights": None, "architecture": settings.architecture}
        )
        limit = settings.max_seconds
        criterion = PROTOCOLS[task.kind].primary
        model = BrainRVQClassifier(
            **start,
            **params,
            early_stopping=params["max_epochs"],
            validation=(task.X[fold.validation], task.y[fold.validation]),
            criterion=criterion,
            callbacks=None if limit is None else [("time", TimeLimit(limit))],
            sfreq=SFREQ,
            ch_names=task.ch_names,
            device=settings.device,
            random_state=seed,
        ).fit(task.X[fold.train], task.y[fold.train])
        scores = [row[f"valid_{criterion}"] for row in model.history_]
        return Outcome(
            _predict(model, task.X[fold.scored], task),
            _predict(model, task.X[fold.validation], task),
            {
                "n_parameters": model.n_trained_parameters_,
                "epoch": best_epoch(scores),
                "n_epochs": len(scores),
                "history": [{"valid_score": float(score)} for score in scores],
            },
        )


def _all_systems() -> dict[str, System]:
    systems: list[System] = [
        Linear("bands7", "7-band log power, LR", "baseline", inputs=("bands7",)),
        Linear("bands5", "5-band log power, LR", "baseline", inputs=("bands5",)),
        Linear("bands7-c", "7-band log power, LR, C chosen", "baseline", False, ("bands7",), True),
        Linear("bands5-c", "5-band log power, LR, C chosen", "baseline", False, ("bands5",), True),
        Tangent("tangent", "tangent space, LR", "baseline", inputs=("covariances",)),
        *(RivalSystem(name, rival.label, "rival", True) for name, rival in RIVALS.items()),
        Linear("random", "random encoder, frozen, LR", "brainrvq", True, ("random",)),
        BrainRVQSystem("scratch", "BrainRVQ, from scratch", "brainrvq", True, pretrained=False),
        Linear("frozen", "BrainRVQ, pretrained, frozen, LR", "brainrvq", inputs=("embedding",)),
        Linear(
            "frozen+bands",
            "BrainRVQ, frozen, and 7-band log power, LR",
            "brainrvq",
            inputs=("embedding", "bands7"),
        ),
        BrainRVQSystem("fine-tuned", "BrainRVQ, pretrained, fine-tuned", "brainrvq", True),
    ]
    return {system.name: system for system in systems}


SYSTEMS = _all_systems()
# The mean head of CBraMod is a second try at one rival: by name only.
DEFAULT_SYSTEMS = tuple(name for name in SYSTEMS if name != "cbramod-mean")
BAND_POWER = tuple(name for name in SYSTEMS if name.startswith("bands"))


def systems_named(text: str) -> list[str]:
    """Names of systems in a comma-separated list.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        For an unknown one.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown or not names:
        raise ValueError(f"--systems {unknown or text!r} is unknown; choose from {[*SYSTEMS]}.")
    return names


def as_json(settings: Settings) -> dict[str, Any]:
    """Settings as plain values, for the record."""
    return {key: str(v) if key == "weights" else v for key, v in asdict(settings).items()}
