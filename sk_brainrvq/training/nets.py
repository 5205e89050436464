"""skorch nets: how each network is trained. Estimators hold one and never subclass it."""

import math
from contextlib import nullcontext
from typing import Any

import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.dataset import unpack_data
from torch import Tensor, nn

from sk_brainrvq.exceptions import TrainingDivergedError
from sk_brainrvq.nn.parallel import sharing
from sk_brainrvq.training.batches import (
    Batch,
    BatchesInOrder,
    BatchLoader,
    SegmentDataset,
    ShuffledBatches,
)
from sk_brainrvq.training.engine import Engine
from sk_brainrvq.training.optimisation import parameter_groups
from sk_brainrvq.training.processes import Processes
from sk_brainrvq.user_warnings import warn


class NoCriterion:
    """Criterion of nets that compute their loss themselves; not a module to be distributed."""


class EEGNet(NeuralNet):
    """Net over batches of EEG segments, with AdamW and the paper's parameter groups.

    Parameters
    ----------
    module : nn.Module
        An instance, which is trained in place.
    criterion : callable
        Class of the criterion; networks that return their own loss ignore it.
    weight_decay : float
    layer_decay : float
        See :func:`~sk_brainrvq.training.optimisation.parameter_groups`.
    engine : Engine, optional
    batches : ShuffledBatches, optional
        Order of the training batches; needed only for training.
    validation : SegmentDataset, optional
        Data that are scored after each epoch.
    processes : Processes, optional
        Place of this process among those that train together.
    **kwargs
        Arguments of ``skorch.NeuralNet``.
    """

    reported: tuple[str, ...] = ("train_loss", "valid_loss")

    def __init__(
        self,
        module: nn.Module,
        criterion: Any = NoCriterion,
        *,
        weight_decay: float = 0.05,
        layer_decay: float = 1.0,
        engine: Engine | None = None,
        batches: ShuffledBatches | None = None,
        validation: SegmentDataset | None = None,
        processes: Processes | None = None,
        **kwargs: Any,
    ):
        super().__init__(module, criterion, **kwargs)
        self.weight_decay = weight_decay
        self.layer_decay = layer_decay
        self.engine = engine
        self.batches = batches
        self.validation = validation
        self.processes = processes

    # Building

    def initialize(self) -> Any:
        """Build the optimizer and, for training, what mixed precision needs."""
        super().initialize()
        if self.batches is not None:
            self.prepare_precision()
        return self

    def prepare_precision(self) -> None:
        """Set up mixed precision for the device of the module."""
        dtype = self._engine.dtype(self.place)
        self.amp_dtype_ = dtype
        self.scaler_ = torch.amp.GradScaler(self.place.type, enabled=dtype is torch.float16)

    @property
    def _engine(self) -> Engine:
        return self.engine or Engine()

    @property
    def _processes(self) -> Processes:
        return self.processes or Processes()

    @property
    def place(self) -> torch.device:
        """Device of the module."""
        accelerator = self._processes.accelerator
        return torch.device(self.device) if accelerator is None else accelerator.device

    @property
    def bare_module(self) -> nn.Module:
        """The module without the wrapper of distributed training."""
        module = self.module_
        wrapped = isinstance(module, nn.parallel.DistributedDataParallel)
        return module.module if wrapped else module

    def get_params_for_optimizer(self, prefix: str, named_parameters: Any) -> tuple:
        """Parameter groups of AdamW; none for a net that is not trained."""
        if self.optimizer is NoOptimizer:
            return ([],), {}
        groups = parameter_groups(named_parameters, self.lr, self.weight_decay, self.layer_decay)
        _, kwargs = super().get_params_for_optimizer(prefix, [])
        return (groups,), kwargs

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> tuple:
        """Training and validation data, split beforehand by the estimator."""
        return X, self.validation

    def get_iterator(self, dataset: SegmentDataset, training: bool = False) -> BatchLoader:
        """Loader of batches, of each of which this process gets its share."""
        order = BatchesInOrder(dataset, self.batch_size)
        batches = self.batches if training and self.batches is not None else order
        return BatchLoader(dataset, batches, self._processes.rank, self._processes.n_processes)

    # One step

    def infer(self, x: Batch, **fit_params: Any) -> Any:
        """Run the module on a batch."""
        batch = x.to(self.place)
        return self.module_(batch.x, batch.electrodes)

    def figures(self, y_pred: Any) -> dict[str, Tensor]:
        """Figures, besides the loss, that are averaged over an epoch's batches for the history."""
        return {}

    def _autocast(self) -> Any:
        if self.amp_dtype_ is None:
            return nullcontext()
        return torch.autocast(self.place.type, dtype=self.amp_dtype_)

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss of a batch and its gradient."""
        self._set_training(True)
        inputs, targets = unpack_data(batch)
        with _sharing(inputs):
            with self._autocast():
                y_pred = self.infer(inputs)
                loss = self.get_loss(y_pred, targets, X=inputs, training=True)
            # Gradients are averaged over processes, each weighted by its number of rows.
            scale = _weight_among(inputs, self._processes.n_processes) / self.window_
            self.scaler_.scale(loss * scale).backward()
        return {"loss": loss.detach(), "y_pred": y_pred, "figures": self.figures(y_pred)}

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the gradient of a batch; after the last one of an accumulation, make a step."""
        with nullcontext() if self.steps_ else self._without_exchange():
            step = self.train_step_single(batch, **fit_params)
        self.stepped_ = self.steps_ and self._step(batch)
        return step

    def _step(self, batch: Any) -> bool:
        """Clip, make a step and zero the gradients; False if loss scaling skipped an overflow."""
        self.scaler_.unscale_(self.optimizer_)
        named = list(self.get_all_learnable_params())
        self.notify("on_grad_computed", named_parameters=named, batch=batch, training=True)
        scale = self.scaler_.get_scale()
        self.scaler_.step(self.optimizer_)
        self.scaler_.update()
        self._zero_grad_optimizer()
        return self.scaler_.get_scale() >= scale

    def _without_exchange(self) -> Any:
        """Keep gradients in this process until the accumulation is complete."""
        return self.module_.no_sync() if self._processes.n_processes > 1 else nullcontext()

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss of a batch without learning from it."""
        self._set_training(False)
        inputs, targets = unpack_data(batch)
        with torch.no_grad(), _sharing(inputs), self._autocast():
            y_pred = self.infer(inputs)
            loss = self.get_loss(y_pred, targets, X=inputs, training=False)
        return {"loss": loss, "y_pred": y_pred, "figures": self.figures(y_pred)}

    # One epoch

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Run all batches of an epoch; figures leave the device only once, at its end."""
        if iterator is None:
            return
        if not training:
            self.start_validation()
        rows: list[dict[str, Tensor]] = []
        weights: list[tuple[float, float]] = []
        for number, batch in enumerate(iterator):
            self.notify("on_batch_begin", batch=batch, training=training)
            self._place_in_accumulation(number, len(iterator))
            step = step_fn(batch, **fit_params)
            rows.append({"loss": step["loss"], **step["figures"]})
            weights.append(_weights_of(batch[0], self._processes.n_processes))
            self.history.record_batch(f"{prefix}_batch_size", round(weights[-1][0]))
            if not training:
                self.collect(batch[0], batch[1], step["y_pred"])
            self.notify("on_batch_end", batch=batch, training=training, **step)
        self.history.record(f"{prefix}_batch_count", len(rows))
        self._record(prefix, rows, weights)
        if not training:
            for name, score in self.validation_scores().items():
                self.history.record(f"valid_{name}", score)

    def _place_in_accumulation(self, number: int, n_batches: int) -> None:
        """Set the size of the accumulation a batch belongs to, and whether the batch ends it."""
        size = self._engine.gradient_accumulation
        first = number - number % size
        self.window_ = min(size, n_batches - first)
        self.steps_ = number == first + self.window_ - 1

    def _record(
        self, prefix: str, rows: list[dict[str, Tensor]], weights: list[tuple[float, float]]
    ) -> None:
        """Record averages over the epoch's batches, weighted by their numbers of rows."""
        flat = torch.stack([torch.cat([v.flatten().float() for v in row.values()]) for row in rows])
        n_rows, fractions = torch.tensor(weights, device=flat.device, dtype=flat.dtype).T
        values = self._processes.total(flat.detach() * fractions[:, None]).cpu().double()
        batches = self.history[-1]["batches"][-len(rows) :]
        for batch, value in zip(batches, values[:, 0].tolist(), strict=True):
            batch[f"{prefix}_loss"] = value
        mean = (values * n_rows.cpu().double()[:, None]).sum(0) / n_rows.cpu().double().sum()
        parts = mean.split([value.numel() for value in rows[0].values()])
        for (name, value), part in zip(rows[0].items(), parts, strict=True):
            title = name if prefix == "train" and name != "loss" else f"{prefix}_{name}"
            self.history.record(title, part.reshape(value.shape).tolist())

    def start_validation(self) -> None:
        """Called before each pass over the validation data."""
        self.collected_: list[tuple[NDArray, ...]] = []

    def collect(self, batch: Batch, targets: Tensor, y_pred: Any) -> None:
        """Called with each validation batch."""

    def validation_scores(self) -> dict[str, float]:
        """Scores of the validation data besides the loss."""
        return {}

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Raise TrainingDivergedError if the loss is no longer finite."""
        batches = self.history[-1]["batches"]
        losses = [batch["train_loss"] for batch in batches if "train_loss" in batch]
        if not all(map(math.isfinite, losses)):
            raise TrainingDivergedError(
                f"The loss is not finite in epoch {len(self.history)} of {self.max_epochs}: "
                f"training diverged. Lower lr (now {self.lr}) or check the class weights."
            )
        super().on_epoch_end(net, **kwargs)


def _sharing(batch: Batch) -> Any:
    """Context in which a batch that several processes share is computed."""
    return nullcontext() if batch.share is None else sharing(batch.share)


def check_finite(net: EEGNet) -> None:
    """Raise TrainingDivergedError if the last step left NaN or infinity in the weights."""
    if not all(bool(p.isfinite().all()) for p in net.module_.parameters()):
        raise TrainingDivergedError(
            f"Weights are not finite after epoch {len(net.history)}: training diverged. Lower lr "
            f"(now {net.lr}) or check the class weights."
        )


def _weight_among(batch: Batch, n_processes: int) -> float:
    """Weight of this process's loss in the average over processes."""
    return 1.0 if batch.share is None else n_processes * batch.share.fraction


def _weights_of(batch: Batch, n_processes: int) -> tuple[float, float]:
    """Rows of the whole batch, and the share of its figures that this process contributes."""
    if batch.share is None:
        return float(len(batch)), 1 / n_processes
    return float(batch.share.n_total), batch.share.fraction


def plain_history(net: EEGNet) -> list[dict[str, Any]]:
    """Figures of each training epoch, and the learning rate of its last batch."""
    left_out = ("batches", "event_lr")
    rows = []
    for row in net.history:
        kept = {k: v for k, v in row.items() if k not in left_out and "best" not in k}
        rates = [batch["event_lr"] for batch in row["batches"] if "event_lr" in batch]
        rows.append(kept | {"lr": float(rates[-1])} if rates else kept)
    return rows


def resolve_device(device: str) -> str:
    """Resolve a ``device`` parameter; "auto" chooses CUDA, MPS or the CPU, in this order."""
    if device != "auto":
        try:
            kind = torch.device(device).type
        except (RuntimeError, TypeError) as error:
            raise ValueError(
                f"device={device!r} was given; expected 'auto', 'cpu', 'cuda', 'cuda:1', 'mps'."
            ) from error
        if kind == "cuda" and not torch.cuda.is_available():
            raise ValueError(
                f"device={device!r} was given, but torch finds no CUDA device; use device='auto'."
            )
        if kind not in ("cpu", "cuda") and not _holds_tensors(device):
            raise ValueError(
                f"device={device!r} was given, which torch cannot use here; use device='auto'."
            )
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _holds_tensors(device: str) -> bool:
    try:
        return torch.zeros((), device=device).item() == 0
    except (RuntimeError, AssertionError, ImportError):
        return False


def available_device(device: str) -> str:
    """Resolve a ``device`` parameter; give the CPU with a warning if it is not available."""
    try:
        return resolve_device(device)
    except ValueError as error:
        warn(f"{error} Loaded on the CPU.", UserWarning)
        return "cpu"


class NoOptimizer:
    """Optimizer of a net that is not trained: building the first of torch's takes a second."""

    def __init__(self, *args: Any, **kwargs: Any):
        self.state: dict = {}


def wrap(net_class: type[EEGNet], module: nn.Module, device: str, batch_size: int) -> EEGNet:
    """Wrap a module that needs no training in a net."""
    net = net_class(
        module, optimizer=NoOptimizer, device=device, batch_size=batch_size, train_split=None
    )
    net.set_params(callbacks__print_log=None)
    net.initialize()
    net.module_.eval()
    return net
