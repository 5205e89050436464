"""Training of all networks, with the epoch chosen on validation subjects."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.utils.class_weight import compute_class_weight
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping, LRScheduler
from skorch.helper import predefined_split
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import TensorDataset

from table.metrics import primary_score


class TimeLimit(EarlyStopping):
    """Start no epoch that would end after a time limit.

    A subclass of ``EarlyStopping``, so that code can tell this stop from Ctrl-C by the class.

    Parameters
    ----------
    seconds : float
    """

    def __init__(self, seconds: float):
        self.seconds = seconds

    def initialize(self) -> "TimeLimit":
        """Reset the count of ``EarlyStopping``."""
        self.misses_, self.patience = 0, 1
        return self

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Note the time."""
        self.began_, self.n_begun_ = time.monotonic(), 0

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Stop if another epoch of the same length would take too long."""
        elapsed = time.monotonic() - self.began_
        if self.n_begun_ and elapsed * (1 + 1 / self.n_begun_) > self.seconds:
            # The net has just opened a history row for an epoch that will not run.
            net.history.pop()
            self.misses_ = self.patience
            raise KeyboardInterrupt
        self.n_begun_ += 1

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Ignore validation."""

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Ignore the best weights."""


class ValidationScore(Callback):
    """Record the primary figure of the validation windows after each epoch.

    Parameters
    ----------
    kind : {"binary", "multiclass"}
    truth : ndarray, shape (n_windows,)
    """

    def __init__(self, kind: str, truth: NDArray):
        self.kind = kind
        self.truth = truth

    def on_epoch_end(self, net: Any, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Score; a network that has diverged scores worst of all."""
        logits = net.forward(dataset_valid, training=False).cpu().numpy()
        finite = np.isfinite(logits).all()
        figure = primary_score(self.kind, self.truth, softmax(logits, axis=1)) if finite else -1.0
        net.history.record("valid_score", figure)


class MixedPrecisionClassifier(NeuralNetClassifier):
    """A skorch classifier that multiplies in another precision while it trains.

    Weights, loss and predictions are float32: rounded logits would tie windows that differ.

    Parameters
    ----------
    *args
        Arguments of ``NeuralNetClassifier``.
    precision : {"float32", "bfloat16"}, default="float32"
    **kwargs
        Arguments of ``NeuralNetClassifier``.
    """

    def __init__(self, *args: Any, precision: str = "float32", **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.precision = precision

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Compute logits in float32."""
        if self.precision == "float32" or not self.module_.training:
            return super().infer(x, **fit_params)
        with torch.autocast(torch.device(self.device).type, getattr(torch, self.precision)):
            logits = super().infer(x, **fit_params)
        return logits.float()


def warm_up_and_cosine(n_steps: int) -> Callable[[int], float]:
    """Learning-rate factor by step: rises over the first tenth, then a half cosine to 0."""
    n_warm = max(1, n_steps // 10)

    def factor(step: int) -> float:
        if step < n_warm:
            return (step + 1) / n_warm
        return 0.5 * (1 + np.cos(np.pi * (step - n_warm) / max(1, n_steps - n_warm)))

    return factor


def train_network(
    network: nn.Module,
    train: tuple[NDArray, NDArray],
    validation: tuple[NDArray, NDArray],
    *,
    kind: str,
    lr: float,
    weight_decay: float,
    label_smoothing: float,
    head_lr_factor: float = 1.0,
    batch_size: int,
    max_epochs: int,
    seed: int,
    max_seconds: float | None = None,
    precision: str = "float32",
    device: str = "cpu",
) -> tuple[NeuralNetClassifier, list[dict[str, float]]]:
    """Train by AdamW with a class-balanced loss; keep the epoch that validates best.

    Parameters
    ----------
    network : nn.Module
    train, validation : tuple (X, y)
        X scaled for the network.
    kind : {"binary", "multiclass"}
        Epochs are chosen by AUROC or by kappa.
    lr, weight_decay, label_smoothing : float
    head_lr_factor : float, default=1.0
        Factor of ``lr`` for parameters with ``final_layer`` in their name.
    batch_size, max_epochs, seed : int
    max_seconds : float, optional
        No epoch starts that would end later.
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of matrix products in training.
    device : str, default="cpu"

    Returns
    -------
    net : NeuralNetClassifier
        With the weights of the best epoch.
    history : list of dict
        "train_loss" and "valid_score" of each epoch.
    """
    X, y = train
    n_classes = int(max(y.max(), validation[1].max())) + 1
    # Batch normalisation has no variance in a batch of one window.
    drop_last = len(y) > batch_size and len(y) % batch_size == 1
    n_steps = max_epochs * (len(y) // batch_size if drop_last else -(-len(y) // batch_size))
    head = {"lr": head_lr_factor * lr}
    groups = {"optimizer__param_groups": [("*final_layer*", head)]} if head_lr_factor != 1 else {}
    torch.manual_seed(seed)
    net = MixedPrecisionClassifier(
        network,
        criterion=nn.CrossEntropyLoss,
        criterion__weight=torch.from_numpy(balanced_weights(y, n_classes)),
        criterion__label_smoothing=label_smoothing,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=weight_decay,
        # One pass over the parameters instead of several: BENDR has 157 million.
        optimizer__fused=True,
        **groups,
        lr=lr,
        batch_size=batch_size,
        max_epochs=max_epochs,
        iterator_train__shuffle=True,
        iterator_train__drop_last=drop_last,
        train_split=predefined_split(_dataset(*validation)),
        callbacks=_callbacks(kind, validation[1], n_steps, max_epochs, max_seconds),
        callbacks__print_log=None,
        callbacks__valid_acc=None,
        precision=precision,
        device=device,
        verbose=0,
    )
    _fit(net, _dataset(X, y))
    history = [{key: row[key] for key in ("train_loss", "valid_score")} for row in net.history]
    return net, history


def _callbacks(
    kind: str, truth: NDArray, n_steps: int, max_epochs: int, max_seconds: float | None
) -> list[tuple[str, Callback]]:
    """Clip gradients, change the rate, score each epoch, keep the best and stop in time."""
    stopping = EarlyStopping(
        "valid_score",
        patience=max_epochs,
        lower_is_better=False,
        threshold=0,
        load_best=True,
        sink=_silent,
    )
    schedule = LRScheduler(LambdaLR, lr_lambda=warm_up_and_cosine(n_steps), step_every="batch")
    callbacks: list[tuple[str, Callback]] = [
        ("clip", GradientNormClipping(1.0)),
        ("schedule", schedule),
        ("score", ValidationScore(kind, truth)),
        ("best", stopping),
    ]
    if max_seconds is not None:
        callbacks.append(("time", TimeLimit(max_seconds)))
    return callbacks


def probabilities(net: NeuralNetClassifier, X: NDArray) -> NDArray:
    """Class probabilities (n_windows, n_classes) of a network that returns logits."""
    logits = net.forward(torch.from_numpy(X), training=False).cpu().numpy()
    return softmax(logits.astype(float), axis=1)


def balanced_weights(y: NDArray, n_classes: int) -> NDArray:
    """Weight of each class in the loss; zero for a class without windows."""
    found = np.unique(y)
    weights = np.zeros(n_classes, np.float32)
    weights[found] = compute_class_weight("balanced", classes=found, y=y)
    return weights


def best_epoch(scores: Sequence[float]) -> int:
    """Epoch with the best score, counted from 1; the first of equals."""
    return int(np.argmax(scores)) + 1


def _dataset(X: NDArray, y: NDArray) -> TensorDataset:
    return TensorDataset(torch.from_numpy(X), torch.from_numpy(y.astype(np.int64)))


def _silent(*args: Any, **kwargs: Any) -> None:
    """Discard messages that the history holds anyway."""


def _fit(net: NeuralNetClassifier, dataset: TensorDataset) -> None:
    """Train; unlike skorch's ``fit``, let Ctrl-C through, so that no partial training counts."""
    net.initialize()
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        net.fit_loop(dataset, None)
    except KeyboardInterrupt:
        stoppers = [c for _, c in net.callbacks_ if isinstance(c, EarlyStopping)]
        if not any(c.misses_ >= c.patience for c in stoppers):
            raise
    finally:
        net.notify("on_train_end", X=dataset, y=None)
