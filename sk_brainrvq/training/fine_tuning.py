"""How encoders with a head are fine-tuned: what is trained, with which loss, for how long."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import cohen_kappa_score, r2_score, roc_auc_score
from skorch.callbacks import Callback, GradientNormClipping
from torch import Tensor, nn

from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.training.batches import Batch, SegmentDataset, ShuffledBatches
from sk_brainrvq.training.engine import Engine
from sk_brainrvq.training.lora import add_adapters, check_peft, merge_adapters
from sk_brainrvq.training.nets import EEGNet, NoCriterion, check_finite

STRATEGIES = ("full", "frozen", "lora")
REGRESSION_LOSSES = ("squared_error", "huber")

# Adam's moments and step of each parameter, by the parameter's name.
OptimizerState = dict[str, dict[str, Any]]


class Recentring(Protocol):
    """Keeps each person's centre in step with a network during training."""

    def before_epoch(self, module: EncoderClassifier) -> None:
        """Update the shifts of the training data."""

    def before_validation(self, module: EncoderClassifier) -> None:
        """Update the shifts of the validation data."""


class FineTuningNet(EEGNet):
    """Net whose loss is the mean over segments of each segment's weight times its loss.

    Weights are normalised once, over the training set, and never within a batch: batches of
    several processes then add up to what one process computes.

    Parameters
    ----------
    module : nn.Module
    criterion : callable
    recentring : Recentring, optional
        Updates the shifts that centre each person's features.
    **kwargs
        Arguments of :class:`~sk_brainrvq.training.nets.EEGNet`.
    """

    def __init__(
        self,
        module: nn.Module,
        criterion: Any = NoCriterion,
        *,
        recentring: Recentring | None = None,
        **kwargs: Any,
    ):
        super().__init__(module, criterion, **kwargs)
        self.recentring = recentring

    def infer(self, x: Batch, **fit_params: Any) -> Any:
        """Run the module on a batch."""
        batch = x.to(self.place)
        shift = () if batch.shift is None else (batch.shift,)
        return self.module_(batch.x, batch.electrodes, *shift)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Update each person's centre to what the network now computes for it."""
        super().on_epoch_begin(net, **kwargs)
        if self.recentring is not None:
            self.recentring.before_epoch(cast(EncoderClassifier, self.bare_module))

    def start_validation(self) -> None:
        """Do the same for the people of the validation data."""
        super().start_validation()
        if self.recentring is not None:
            self.recentring.before_validation(cast(EncoderClassifier, self.bare_module))

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Weighted mean of the losses of the batch's segments."""
        losses = self.loss_of_each(y_pred.float(), y_true.to(y_pred.device))
        weight = None if X is None else X.weight
        return losses.mean() if weight is None else (losses * weight.to(losses.device)).mean()

    def loss_of_each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Losses (B,) of outputs (B, n_outputs)."""
        raise NotImplementedError

    def collect(self, batch: Batch, targets: Tensor, y_pred: Any) -> None:
        """Keep the outputs of a validation batch until all are there."""
        outputs = y_pred.detach().cpu().double().numpy()
        weight = np.full(len(batch), float(batch.x.shape[2]))
        self.collected_.append((batch.epoch.numpy(), weight, outputs, targets.numpy()))

    def validation_scores(self) -> dict[str, float]:
        """Scores over the epochs of all processes; outputs are averaged over segments."""
        parts = [part for parts in self._processes.gather(self.collected_) for part in parts]
        epochs, weights, outputs, targets = (np.concatenate(c) for c in zip(*parts, strict=True))
        _, first, place = np.unique(epochs, return_index=True, return_inverse=True)
        summed = np.zeros((len(first), outputs.shape[1]))
        np.add.at(summed, place, outputs * weights[:, None])
        return self.scores_of(summed / np.bincount(place, weights)[:, None], targets[first])

    def scores_of(self, outputs: NDArray, targets: NDArray) -> dict[str, float]:
        """Scores of outputs (n_epochs, n_outputs)."""
        raise NotImplementedError


class ClassifierNet(FineTuningNet):
    """Trains an ``EncoderClassifier`` by cross-entropy.

    Parameters
    ----------
    module : nn.Module
    criterion : callable
    label_smoothing : float, default=0.0
        Share of each target that is spread evenly over all classes.
    **kwargs
        Arguments of :class:`~sk_brainrvq.training.nets.EEGNet`.
    """

    def __init__(
        self,
        module: nn.Module,
        criterion: Any = NoCriterion,
        *,
        label_smoothing: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(module, criterion, **kwargs)
        self.label_smoothing = label_smoothing

    def loss_of_each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy (B,) of logits (B, n_classes) and class numbers (B,)."""
        smoothing = float(self.label_smoothing)
        return F.cross_entropy(outputs, targets, label_smoothing=smoothing, reduction="none")

    def scores_of(self, outputs: NDArray, targets: NDArray) -> dict[str, float]:
        """Area under the ROC curve (mean of each class against the rest) and Cohen's kappa."""
        probability = softmax(outputs, axis=1)
        present = [c for c in range(outputs.shape[1]) if 0 < np.mean(targets == c) < 1]
        areas = [roc_auc_score(targets == c, probability[:, c]) for c in present]
        kappa = cohen_kappa_score(targets, outputs.argmax(1)) if present else math.nan
        return {"auroc": float(np.mean(areas)) if areas else math.nan, "kappa": float(kappa)}


class RegressionNet(FineTuningNet):
    """Trains an ``EncoderClassifier`` to predict standardised numbers.

    Parameters
    ----------
    module : nn.Module
    criterion : callable
    loss : {"squared_error", "huber"}, default="squared_error"
        "huber" becomes linear at an error of one standard deviation of the target.
    **kwargs
        Arguments of :class:`~sk_brainrvq.training.nets.EEGNet`.
    """

    def __init__(
        self,
        module: nn.Module,
        criterion: Any = NoCriterion,
        *,
        loss: str = "squared_error",
        **kwargs: Any,
    ):
        super().__init__(module, criterion, **kwargs)
        self.loss = loss

    def loss_of_each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss (B,) of outputs and targets (B, n_targets), averaged over the targets."""
        function = F.huber_loss if self.loss == "huber" else F.mse_loss
        return function(outputs, targets, reduction="none").mean(1)

    def scores_of(self, outputs: NDArray, targets: NDArray) -> dict[str, float]:
        """R² and Pearson's correlation, averaged over targets."""
        spread = (targets.std(0) > 0) & (outputs.std(0) > 0)
        correlations = [
            np.corrcoef(outputs[:, i], targets[:, i])[0, 1] if spread[i] else 0.0
            for i in range(targets.shape[1])
        ]
        r2 = r2_score(targets, outputs) if len(targets) > 1 else math.nan
        return {"r2": float(r2), "correlation": float(np.mean(correlations))}


def check_strategy(strategy: str) -> None:
    """Raise ValueError for an unknown strategy, ImportError if it needs peft, which is missing."""
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy={strategy!r} was given; expected one of {STRATEGIES}.")
    if strategy == "lora":
        check_peft()


def limit_training(module: EncoderClassifier, strategy: str, lora_rank: int) -> int:
    """Require gradients only of what a strategy trains, in place.

    Parameters
    ----------
    module : EncoderClassifier
    strategy : {"full", "frozen", "lora"}
        Train everything, only the head, or the head and adapters in the encoder's blocks.
    lora_rank : int
        Rank of the LoRA adapters.

    Returns
    -------
    int
        Number of parameters that are trained.
    """
    if strategy == "frozen":
        module.encoder.requires_grad_(False)
    elif strategy == "lora":
        add_adapters(module.encoder, lora_rank)
    return count_trained(module)


def count_trained(module: nn.Module) -> int:
    """Number of parameters that are trained."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def lift_limits(module: EncoderClassifier, strategy: str) -> None:
    """Undo :func:`limit_training` after training: merge adapters and unfreeze all weights."""
    if strategy == "lora":
        merge_adapters(module.encoder)
    module.requires_grad_(True)


def train_pass(
    net_class: type[EEGNet],
    module: nn.Module,
    dataset: SegmentDataset,
    *,
    batch_size: int,
    device: torch.device | str,
    optimizer_state: OptimizerState | None = None,
    engine: Engine | None = None,
    **settings: Any,
) -> EEGNet:
    """Train a module for one pass over the data at a constant learning rate.

    Parameters
    ----------
    net_class : type
    module : nn.Module
        Trained in place.
    dataset : SegmentDataset
    batch_size : int
    device : str
    optimizer_state : dict, optional
        Result of :func:`optimizer_state_of` after the previous pass; not changed.
    engine : Engine, optional
        Only its precision, gradient accumulation, gradient clipping and ``batch_of`` are used.
    **settings
        Settings of the net: ``lr``, ``weight_decay``, ...

    Returns
    -------
    EEGNet
    """
    engine = engine or Engine()
    clip = GradientNormClipping(engine.gradient_clipping)
    callbacks: list[tuple[str, Callback]] = [("clip", clip)]
    net = net_class(
        module,
        optimizer=torch.optim.AdamW,
        max_epochs=1,
        batch_size=batch_size,
        device=device,
        train_split=None,
        callbacks=callbacks,
        callbacks__print_log=None,
        callbacks__train_loss=None,
        callbacks__valid_loss=None,
        batches=ShuffledBatches(
            dataset, batch_size, torch.initial_seed(), batch_of=engine.batch_of
        ),
        engine=engine,
        **settings,
    )
    net.initialize()
    _restore_optimizer(net, optimizer_state or {})
    with _training(net, dataset):
        # skorch's own partial_fit would swallow Ctrl-C and return a half-trained net.
        net.fit_loop(dataset, None)
    check_finite(net)
    net.module_.eval()
    net.module_.zero_grad(set_to_none=True)
    return net


@contextmanager
def _training(net: EEGNet, dataset: SegmentDataset) -> Iterator[None]:
    """Notify the callbacks that training begins and, in any case, that it has ended."""
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        yield
    finally:
        net.notify("on_train_end", X=dataset, y=None)


def optimizer_state_of(net: EEGNet) -> OptimizerState:
    """Adam's moments and steps by parameter name, for the next pass."""
    state = net.optimizer_.state
    return {name: state[p] for name, p in net.module_.named_parameters() if p in state}


def _restore_optimizer(net: EEGNet, kept: Mapping[str, Mapping[str, Any]]) -> None:
    # By name rather than position: parameter groups depend on settings that may change.
    for name, parameter in net.module_.named_parameters():
        if name in kept:
            net.optimizer_.state[parameter] = {
                key: value.to(parameter.device, copy=True) if value.ndim else value.clone()
                for key, value in kept[name].items()
            }
