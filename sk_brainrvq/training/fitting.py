"""Train a module: callbacks, schedule, processes and checkpoints around a net."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from sk_brainrvq.exceptions import LostProcessError, ResumeError
from sk_brainrvq.nn.quantizer import step_over_initialisation
from sk_brainrvq.training.batches import SegmentDataset, ShuffledBatches
from sk_brainrvq.training.callbacks.checkpointing import SaveAndResume, restore_result, result_state
from sk_brainrvq.training.callbacks.progress import StepProgress
from sk_brainrvq.training.engine import Engine
from sk_brainrvq.training.memory.expected_memory import expected_step, largest_batch
from sk_brainrvq.training.memory.free_memory import free_bytes
from sk_brainrvq.training.memory.out_of_memory import (
    explained,
    message_of_training,
    warn_of_large_step,
)
from sk_brainrvq.training.nets import EEGNet, NoCriterion, check_finite
from sk_brainrvq.training.optimisation import StepSchedule, warmup_cosine
from sk_brainrvq.training.processes import Processes, over_processes
from sk_brainrvq.training.random_crops import RandomCrops
from sk_brainrvq.training.runs import TrainingRun, TrainingState, checkpoints_in, read_state
from sk_brainrvq.training.seeds import draw_seed

# Attributes with which a net holds data and other networks while it trains.
_FOR_TRAINING_ALONE = ("batches", "validation", "processes", "encode", "recentring")


@dataclass(frozen=True)
class Stopping:
    """When to stop early.

    Attributes
    ----------
    patience : int
        Number of training epochs without improvement after which training stops.
    monitor : str
        Name of the monitored figure in the history.
    lower_is_better : bool
    """

    patience: int
    monitor: str = "valid_loss"
    lower_is_better: bool = True


@dataclass(frozen=True)
class Session:
    """Seed, processes and run of a training.

    Attributes
    ----------
    seed : int
        Seed of the whole fit; a resumed run keeps the one it began with.
    processes : Processes
    run : TrainingRun, optional
    state : TrainingState, optional
        State to resume from.
    """

    seed: int
    processes: Processes = field(default_factory=Processes)
    run: TrainingRun | None = None
    state: TrainingState | None = None


@contextmanager
def training_session(
    given_seed: int | None, processes: Processes, run: TrainingRun | None
) -> Iterator[Session]:
    """Open a run, if there is one, and find the state to resume from, for all processes alike.

    Parameters
    ----------
    given_seed : int or None
        None draws one; a resumed run keeps the one it began with.
    processes : Processes
    run : TrainingRun or None

    Yields
    ------
    Session
    """
    seed = processes.agree(draw_seed(None) if given_seed is None else given_seed)
    if run is None:
        yield Session(seed, processes)
        return
    path, refused = None, None
    try:
        if processes.is_main:
            try:
                seed = run.open(seed)
                path = run.latest()
            except ResumeError as error:
                refused = error
        seed, path, refused = processes.agree((seed, path, refused))
        if refused is not None:
            raise refused
        state = None if path is None else read_state(path)
        yield Session(seed if state is None else state.header["seed"], processes, run, state)
    finally:
        run.close()


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
    session: Session | None = None,
    validation: SegmentDataset | None = None,
    stopping: Stopping | None = None,
    steps_per_epoch: int | None = None,
    crops: RandomCrops | None = None,
    callbacks: Sequence[Any] = (),
    engine: Engine | None = None,
    **settings: Any,
) -> EEGNet:
    """Train a module and return the fitted net.

    Parameters
    ----------
    net_class : type
    module : nn.Module
    dataset : SegmentDataset
    title : str
        Title of the progress bar.
    max_epochs : int
        0 leaves the module as it is.
    warmup_epochs : float
        Number of warm-up epochs, limited to a fifth of all epochs.
    batch_size : int
        Size of a batch over all processes together.
    device : str
    verbose : int
    session : Session, optional
        By default a single process that saves nothing, with torch's seed.
    validation : SegmentDataset, optional
        Data that are scored after each epoch.
    stopping : Stopping, optional
        When to stop early; the weights of the best epoch are then kept.
    steps_per_epoch : int, optional
        Number of batches per epoch; by default those of one pass over the data.
    crops : RandomCrops, optional
        Random crops to take from each training batch; none by default.
    callbacks : sequence of skorch.callbacks.Callback or (str, Callback)
        The user's own callbacks.
    engine : Engine, optional
    **settings
        Settings of the net: ``lr``, ``weight_decay``, ...

    Returns
    -------
    EEGNet
        In eval mode, on ``device``.
    """
    engine = engine or Engine()
    session = session or Session(torch.initial_seed())
    processes = session.processes
    batches = ShuffledBatches(
        dataset, batch_size, session.seed, steps_per_epoch, crops, engine.batch_of
    )
    if engine.warmup_epochs is not None:
        warmup_epochs = engine.warmup_epochs
    chosen_class, process_settings = over_processes(net_class, processes)
    net = chosen_class(
        module,
        NoCriterion,
        optimizer=torch.optim.AdamW,
        # One pass over the parameters instead of several.
        optimizer__fused=torch.device(device).type in ("cpu", "cuda"),
        max_epochs=max_epochs,
        batch_size=batch_size,
        device=None if processes.accelerator else device,
        train_split=None,
        callbacks=[
            ("clip", GradientNormClipping(engine.gradient_clipping)),
            ("schedule", _schedule(engine, len(batches), max_epochs, warmup_epochs)),
            *callbacks,
            *_own_callbacks(title, max_epochs * len(batches), verbose, stopping, session),
        ],
        callbacks__train_loss=None,
        callbacks__valid_loss=None,
        engine=engine,
        batches=batches,
        validation=validation,
        processes=processes,
        **process_settings,
        **settings,
    )
    _run_or_restore(net, module, dataset, session)
    return _finished(net, net_class, module, device, settings)


def _schedule(
    engine: Engine, n_batches: int, max_epochs: int, warmup_epochs: float
) -> StepSchedule:
    """Warm-up over at most a fifth of all steps, then a cosine."""
    steps_of_epoch = -(-n_batches // engine.gradient_accumulation)
    n_steps = max_epochs * steps_of_epoch
    n_warmup = int(min(warmup_epochs * steps_of_epoch, n_steps / 5))
    return StepSchedule(LambdaLR, lr_lambda=warmup_cosine(n_warmup, n_steps), step_every="batch")


def _run_or_restore(
    net: EEGNet, module: nn.Module, dataset: SegmentDataset, session: Session
) -> None:
    """Train, or restore the result if the run has already ended."""
    if net.engine is not None and net.engine.torch_compile:
        step_over_initialisation()
        module.compile()
    net.initialize()
    if session.state is not None and session.state.header.get("ended"):
        restore_result(net, session.state)
        return
    engine = net.engine or Engine()
    n_processes = session.processes.n_processes
    batch = largest_batch(dataset, -(-net.batch_size // n_processes))
    step = expected_step(module, batch, engine.dtype(net.place), n_processes)
    memory = step, free_bytes(net.place), net.place, engine
    if net.max_epochs and session.processes.is_main:
        warn_of_large_step(*memory)
    with _losing_none(net, session), explained(message_of_training(*memory)):
        _run(net, dataset)
        check_finite(net)
        _save_result(net, session)


def _own_callbacks(
    title: str, n_steps: int, verbose: int, stopping: Stopping | None, session: Session
) -> list[tuple[str, Callback]]:
    """Callbacks that come after the user's; those that end an epoch come last."""
    callbacks: list[tuple[str, Callback]] = []
    if verbose and session.processes.is_main:
        callbacks.append(("progress", StepProgress(title, n_steps)))
    if stopping is not None:
        early = EarlyStopping(
            monitor=stopping.monitor,
            patience=stopping.patience,
            lower_is_better=stopping.lower_is_better,
            threshold=0,
            load_best=True,
            sink=_silent,
        )
        callbacks.append(("early_stopping", early))
    if session.run is not None:
        saving = SaveAndResume(session.run, session.seed, session.processes, session.state)
        callbacks.append(("save", saving))
    return callbacks


def _silent(*args: Any, **kwargs: Any) -> None:
    """Discard skorch's messages, whose content is in the history anyway."""


def _run(net: EEGNet, dataset: SegmentDataset) -> None:
    """Train the remaining epochs; skorch's own ``fit`` would swallow Ctrl-C."""
    if not net.max_epochs:
        return
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        net.fit_loop(dataset, None, epochs=net.max_epochs - len(net.history))
    except KeyboardInterrupt:
        if not _stopped_early(net):
            raise
    finally:
        net.notify("on_train_end", X=dataset, y=None)


@contextmanager
def _losing_none(net: EEGNet, session: Session) -> Iterator[None]:
    """Raise LostProcessError if another process was lost."""
    try:
        yield
    except RuntimeError as error:
        if session.processes.n_processes == 1 or not _is_of_exchange(error):
            raise
        raise LostProcessError(_lost_message(net, session)) from error


def _stopped_early(net: EEGNet) -> bool:
    """Whether a callback asked to stop: skorch's do so by raising KeyboardInterrupt."""
    stoppers = [c for _, c in net.callbacks_ if isinstance(c, EarlyStopping)]
    return any(callback.misses_ >= callback.patience for callback in stoppers)


def _is_of_exchange(error: RuntimeError) -> bool:
    """Whether an error comes from communication between processes."""
    words = ("gloo", "nccl", "connection", "peer", "process group", "timed out", "store")
    is_backend_error = isinstance(error, torch.distributed.DistBackendError)
    return is_backend_error or any(word in str(error).lower() for word in words)


def _lost_message(net: EEGNet, session: Session) -> str:
    """Say what happened and how to go on."""
    start = (
        f"One of {session.processes.n_processes} processes was lost in epoch {len(net.history)} "
        f"of {net.max_epochs}. "
    )
    if session.run is None:
        return start + "Nothing was saved: pass checkpoint_dir=... to be able to resume training."
    saved = checkpoints_in(session.run.folder)
    if not saved:
        return start + f"No epoch had been saved in {session.run.folder} yet."
    return start + (
        f"The last checkpoint is {saved[0]}: run the same fit again, with any number of processes, "
        "and training resumes from there."
    )


def _save_result(net: EEGNet, session: Session) -> None:
    if session.run is None:
        return
    refused = None
    if session.processes.is_main:
        try:
            session.run.save_result(result_state(net, session.seed))
        except ResumeError as error:
            refused = error
    refused = session.processes.agree(refused)
    if refused is not None:
        raise refused


def _finished(
    net: EEGNet, net_class: type[EEGNet], module: nn.Module, device: Any, settings: dict[str, Any]
) -> EEGNet:
    """The net without what only training needs."""
    module._compiled_call_impl = None
    # Twice the size of the weights, and not needed once training has ended.
    net.optimizer_.state.clear()
    module.zero_grad(set_to_none=True)
    if net.processes is not None and net.processes.accelerator is not None:
        history = net.history
        net = net_class(module, device=device, batch_size=net.batch_size, **settings)
        net.set_params(train_split=None, callbacks__print_log=None)
        net.initialize()
        net.history = history
    for _, callback in net.callbacks_:
        if isinstance(callback, EarlyStopping):
            callback.best_model_weights_ = None  # in the module already
    for name in _FOR_TRAINING_ALONE:
        setattr(net, name, None)
    net.module_.eval()
    return net
