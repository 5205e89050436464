"""Rows of the table that are networks, trained end to end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mne
import pandas as pd
from numpy.typing import NDArray

from sk_brainrvq import BrainRVQClassifier, Engine
from table.metrics import PROTOCOLS
from table.published import load_published
from table.rivals import RIVALS, Rival, Shape, build_network, count_parameters
from table.system import Outcome, Settings, System, estimator_params, predict
from table.tasks import SFREQ, Fold, Task
from table.training import TimeLimit, best_epoch, probabilities, train_network


@dataclass(frozen=True)
class RivalSystem(System):
    """A network of ``table.rivals``, trained end to end."""

    @property
    def default_epochs(self) -> int:
        """Return the rival's budget."""
        return RIVALS[self.name].max_epochs

    def config(self, settings: Settings) -> dict[str, Any]:
        """Return the authors' settings and the budget."""
        rival = RIVALS[self.name]
        return {
            "lr": rival.lr,
            "weight_decay": rival.weight_decay,
            **_smoothing(rival),
            **({} if rival.head_lr_factor == 1 else {"head_lr_factor": rival.head_lr_factor}),
            "batch_size": rival.batch_size,
            "epochs": settings.epochs_of(self.name, self.default_epochs),
            "max_seconds": settings.max_seconds,
            "pretrained": rival.hub if settings.pretrained else None,
            **_mixed_precision(self.name, settings),
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
        train, validation = (
            _scaled(task, rows, rival, published) for rows in (fold.train, fold.validation)
        )
        shape = Shape(*train.shape[1:], len(task.classes), tuple(task.ch_names))
        network = build_network(self.name, shape, seed)
        copied = load_published(network, self.name) if published else "from scratch"
        config = self.config(settings)
        net, history = train_network(
            network,
            (train, task.y[fold.train]),
            (validation, task.y[fold.validation]),
            kind=task.kind,
            lr=rival.lr,
            weight_decay=rival.weight_decay,
            label_smoothing=rival.label_smoothing if len(task.classes) > 2 else 0.0,
            head_lr_factor=rival.head_lr_factor,
            batch_size=rival.batch_size,
            max_epochs=config["epochs"],
            seed=seed,
            max_seconds=settings.max_seconds,
            precision=settings.precision_of(self.name),
            device=settings.device,
        )
        test = _scaled(task, fold.test, rival, published) if len(fold.test) else validation
        return Outcome(
            probabilities(net, test),
            probabilities(net, validation),
            {
                "start": copied,
                "n_parameters": count_parameters(network),
                "epoch": best_epoch([row["valid_score"] for row in history]),
                "n_epochs": len(history),
                "budget": config["epochs"],
                "history": history,
            },
        )


@dataclass(frozen=True)
class BrainRVQSystem(System):
    """BrainRVQClassifier, from pretrained weights or from scratch.

    Attributes
    ----------
    pretrained : bool
    head : str
        Head, unless ``--fine-tuning`` sets another.
    centred : bool
        Remove each person's own centre from the input of the embedding head.
    """

    pretrained: bool = True
    head: str = "mean"
    centred: bool = False

    def needs_weights(self) -> bool:
        """Whether it starts from pretrained weights."""
        return self.pretrained

    def takes_filters(self) -> bool:
        """Whether it is the counterpart of a fine-tuned row without pretraining."""
        return not self.pretrained and self.head == "embedding"

    @property
    def default_epochs(self) -> int:
        """Return enough epochs for the validation figure to peak at the default rate."""
        return 12

    def config(self, settings: Settings) -> dict[str, Any]:
        """Return the classifier's parameters."""
        head = {} if self.head == "mean" else {"head": self.head}
        params = {
            "batch_size": 32,
            "class_weight": "balanced",
            **head,
            **({"center_by": "subject"} if self.centred else {}),
            **(settings.filters if self.takes_filters() else {}),
            **settings.fine_tuning,
            "max_epochs": settings.epochs_of(self.name, self.default_epochs),
        }
        start = (
            {"weights": settings.weights_digest}
            if self.pretrained
            else {"architecture": settings.architecture}
        )
        mixed = _mixed_precision(self.name, settings)
        return {"params": params, "max_seconds": settings.max_seconds, **mixed, **start}

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
        engine = Engine(
            precision=settings.precision_of(self.name),
            callbacks=None if limit is None else [("time", TimeLimit(limit))],
        )
        model = BrainRVQClassifier(
            **{"head": self.head, "engine": engine} | start | estimator_params(params),
            early_stopping=params["max_epochs"],
            validation=(self._windows(task, fold.validation), task.y[fold.validation]),
            criterion=criterion,
            sfreq=SFREQ,
            ch_names=task.ch_names,
            device=settings.device,
            random_state=seed,
        ).fit(self._windows(task, fold.train), task.y[fold.train])
        scores = [row[f"valid_{criterion}"] for row in model.history_]
        return Outcome(
            predict(model, self._windows(task, fold.scored), task),
            predict(model, self._windows(task, fold.validation), task),
            {
                "n_parameters": model.n_trained_parameters_,
                "epoch": best_epoch(scores),
                "n_epochs": len(scores),
                "budget": params["max_epochs"],
                "history": [{"valid_score": float(score)} for score in scores],
            },
        )

    def _windows(self, task: Task, rows: NDArray) -> Any:
        """Windows as an array, or as Epochs with the person of each."""
        if not self.centred:
            return task.X[rows]
        people = pd.DataFrame({"subject": task.subjects[rows]})
        info = mne.create_info(list(task.ch_names), SFREQ, "eeg")
        return mne.EpochsArray(1e-6 * task.X[rows], info, metadata=people, verbose="error")


def _scaled(task: Task, rows: NDArray, rival: Rival, published: bool) -> NDArray:
    """Windows as a rival takes them; published weights may expect channels of their own."""
    X = task.X[rows]
    if published and rival.input_of_weights is not None:
        X, _ = rival.input_of_weights(X, task.ch_names)
    return rival.scale(X)


def _smoothing(rival: Rival) -> dict[str, float]:
    """Label smoothing, under a name that says that it does not apply to two classes."""
    if rival.label_smoothing:
        return {"label_smoothing_of_several_classes": rival.label_smoothing}
    return {"label_smoothing": 0.0}


def _mixed_precision(name: str, settings: Settings) -> dict[str, str]:
    """Return nothing for float32, so that existing results stay valid."""
    precision = settings.precision_of(name)
    return {} if precision == "float32" else {"precision": precision}
