"""skorch nets: how each network is trained. Estimators hold one and never subclass it."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from skorch import NeuralNet
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from sk_brainrvq.nn import curriculum_weight, importance_guided_mask
from sk_brainrvq.training.batches import Batch, SegmentDataset, batch_loader
from sk_brainrvq.training.optimisation import parameter_groups, warmup_cosine
from sk_brainrvq.training.progress import StepProgress

_GRADIENT_NORM = 3.0


class TrainingDivergedError(ValueError):
    """The loss became NaN or infinite."""


class EEGNet(NeuralNet):
    """Net over batches of EEG segments, with AdamW and the paper's parameter groups.

    Parameters
    ----------
    module : nn.Module
        A built module: it is trained in place.
    criterion : callable
        Class of the criterion; networks that return their own loss ignore it.
    weight_decay : float
    layer_decay : float
        See :func:`~sk_brainrvq.training.optimisation.parameter_groups`.
    **kwargs
        Of ``skorch.NeuralNet``.
    """

    reported: tuple[str, ...] = ("train_loss",)

    def __init__(
        self,
        module: nn.Module,
        criterion: Any = nn.Identity,
        *,
        weight_decay: float = 0.05,
        layer_decay: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(module, criterion, **kwargs)
        self.weight_decay = weight_decay
        self.layer_decay = layer_decay

    def get_params_for_optimizer(self, prefix: str, named_parameters: Any) -> tuple:
        """Parameter groups of AdamW."""
        groups = parameter_groups(named_parameters, self.lr, self.weight_decay, self.layer_decay)
        _, kwargs = super().get_params_for_optimizer(prefix, [])
        return (groups,), kwargs

    def get_iterator(self, dataset: SegmentDataset, training: bool = False) -> DataLoader:
        """Loader of whole batches."""
        return batch_loader(dataset, self.batch_size, shuffle=training)

    def infer(self, x: Batch, **fit_params: Any) -> Any:
        """Run the module on a batch."""
        batch = x.to(self.device)
        return self.module_(batch.x, batch.electrodes)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Stop with an error where the loss is no longer a number."""
        losses = [batch["train_loss"] for batch in self.history[-1]["batches"]]
        if not all(map(math.isfinite, losses)):
            raise TrainingDivergedError(
                f"The loss is not finite in epoch {len(self.history)} of {self.max_epochs}: "
                f"training diverged. Lower lr (now {self.lr}) or check the class weights."
            )
        super().on_epoch_end(net, **kwargs)


class TokenizerNet(EEGNet):
    """Trains a ``DualDomainTokenizer``."""

    reported = ("train_loss", "waveform")

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Loss of the output; its parts go into the history."""
        for name, value in y_pred.losses.items():
            self.history.record_batch(name, value.item())
        return y_pred.loss

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Average the parts of the loss over the epoch."""
        batches = self.history[-1]["batches"]
        for name in [key for key in batches[0] if key in _LOSS_PARTS]:
            self.history.record(name, sum(b[name] for b in batches) / len(batches))
        super().on_epoch_end(net, **kwargs)


_LOSS_PARTS = (
    "waveform",
    "amplitude",
    "phase",
    "log_std",
    "commitment_time",
    "commitment_frequency",
)


class PretrainingNet(EEGNet):
    """Trains a ``MaskedCodeModel`` on the codes that come with each batch."""

    reported = ("train_loss", "accuracy")

    def infer(self, x: Batch, **fit_params: Any) -> Any:
        """Hide patches by importance and predict their codes."""
        batch = x.to(self.device)
        weight = curriculum_weight(max(0, len(self.history) - 1), self.max_epochs)
        mask = importance_guided_mask(batch.x, weight)
        return self.module_(batch.x, batch.electrodes, mask, batch.codes, return_logits=False)

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Loss of the output; accuracies per domain and level go into the history."""
        self.history.record_batch("accuracies", y_pred.accuracy.tolist())
        return y_pred.loss

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Average the accuracies over the epoch; ``accuracy`` is level 1, both domains."""
        batches = [batch["accuracies"] for batch in self.history[-1]["batches"]]
        mean = torch.tensor(batches).mean(0)
        self.history.record("accuracies", mean.tolist())
        self.history.record("accuracy", mean[:, 0].mean().item())
        super().on_epoch_end(net, **kwargs)


class ClassifierNet(EEGNet):
    """Trains an ``EncoderClassifier`` by cross-entropy.

    Parameters
    ----------
    label_smoothing : float
    class_weights : Tensor, shape (n_classes,), optional
    **kwargs
        Of :class:`EEGNet`.
    """

    def __init__(
        self,
        module: nn.Module,
        criterion: Any = nn.CrossEntropyLoss,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
        **kwargs: Any,
    ):
        super().__init__(module, criterion, **kwargs)
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Cross-entropy of the logits."""
        weights = self.class_weights
        return F.cross_entropy(
            y_pred.float(),
            y_true.to(y_pred.device),
            weight=None if weights is None else weights.to(y_pred.device),
            label_smoothing=self.label_smoothing,
        )


def training_callbacks(
    title: str, n_steps: int, n_warmup: int, verbose: int
) -> list[tuple[str, Callback]]:
    """Schedule by step, gradient clipping and, if asked, a progress bar."""
    callbacks: list[tuple[str, Callback]] = [
        ("clip", GradientNormClipping(_GRADIENT_NORM)),
        (
            "schedule",
            LRScheduler(LambdaLR, lr_lambda=warmup_cosine(n_warmup, n_steps), step_every="batch"),
        ),
    ]
    if verbose:
        callbacks.append(("progress", StepProgress(title, n_steps)))
    return callbacks


def train(
    net_class: type[EEGNet],
    module: nn.Module,
    dataset: SegmentDataset,
    *,
    title: str,
    max_epochs: int,
    warmup_epochs: float,
    batch_size: int,
    device: torch.device | str,
    verbose: int,
    **settings: Any,
) -> EEGNet:
    """Train a module and return the fitted net.

    Parameters
    ----------
    net_class : type
    module : nn.Module
    dataset : SegmentDataset
    title : str
        Shown at the progress bar.
    max_epochs : int
        0 leaves the module as it is.
    warmup_epochs : float
        At most a fifth of all epochs are warm-up.
    batch_size : int
    device : str
    verbose : int
    **settings
        Of the net: ``lr``, ``weight_decay``, ...

    Returns
    -------
    EEGNet
    """
    steps = len(batch_loader(dataset, batch_size, shuffle=True))
    n_steps = max_epochs * steps
    n_warmup = int(min(warmup_epochs * steps, n_steps / 5))
    net = net_class(
        module,
        optimizer=torch.optim.AdamW,
        max_epochs=max_epochs,
        batch_size=batch_size,
        device=device,
        train_split=None,
        callbacks=training_callbacks(title, n_steps, n_warmup, verbose),
        callbacks__print_log=None,
        **settings,
    )
    net.initialize()
    _run(net, dataset)
    net.module_.eval()
    # Twice the size of the weights, and of no use once training has ended.
    net.optimizer_.state.clear()
    net.module_.zero_grad(set_to_none=True)
    return net


def _run(net: EEGNet, dataset: SegmentDataset) -> None:
    """All epochs. skorch's own ``fit`` would swallow Ctrl-C and hand back a half-trained net."""
    if not net.max_epochs:
        return
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        net.fit_loop(dataset, None)
    finally:
        net.notify("on_train_end", X=dataset, y=None)


def wrap(net_class: type[EEGNet], module: nn.Module, device: str, batch_size: int) -> EEGNet:
    """A net around a module that needs no training."""
    net = net_class(module, device=device, batch_size=batch_size, train_split=None)
    net.set_params(callbacks__print_log=None)
    net.initialize()
    net.module_.eval()
    return net


def plain_history(net: EEGNet) -> list[dict[str, Any]]:
    """The figures of each training epoch, without those of single batches."""
    left_out = ("batches", "event_lr")
    return [
        {key: value for key, value in row.items() if key not in left_out and "best" not in key}
        for row in net.history
    ]
