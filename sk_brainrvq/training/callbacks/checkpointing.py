"""Save the state of training at the end of each epoch, and restore it to resume."""

from typing import Any

import torch
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from skorch.history import History
from torch import Tensor

from sk_brainrvq.training.callbacks.restoring import (
    BEST,
    MODULE,
    OPTIMIZER,
    RANDOM,
    check_result,
    check_training,
    under,
)
from sk_brainrvq.training.nets import plain_history
from sk_brainrvq.training.processes import Processes
from sk_brainrvq.training.runs import TrainingRun, TrainingState

# Counts of a schedule; the rest follows from parameters.
_OF_SCHEDULE = ("last_epoch", "_step_count", "_last_lr")


class SaveAndResume(Callback):
    """Save the state of training after each epoch; at the beginning, resume from a saved state.

    Must come last, when the other callbacks have done their part of an epoch.

    Parameters
    ----------
    run : TrainingRun
    seed : int
        Seed of the whole fit.
    processes : Processes
        The main process writes; all processes read.
    state : TrainingState, optional
        State to resume from.
    """

    def __init__(
        self, run: TrainingRun, seed: int, processes: Processes, state: TrainingState | None
    ):
        self.run = run
        self.seed = seed
        self.processes = processes
        self.state = state

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Restore the saved state, once every other callback has begun."""
        if self.state is not None:
            restore_training(net, self.state)
            self.state = None  # as large as the training itself, and no longer needed

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Save the state."""
        state = training_state(net, self.seed)
        refused = None
        if self.processes.is_main:
            try:
                self.run.save(state)
            except Exception as error:  # the other processes must learn of it, and stop too
                refused = error
        refused = self.processes.agree(refused)
        if refused is not None:
            raise refused


def training_state(net: Any, seed: int) -> TrainingState:
    """Everything that the next epochs depend on.

    Parameters
    ----------
    net : EEGNet
    seed : int

    Returns
    -------
    TrainingState
    """
    optimizer = net.optimizer_.state_dict()
    tensors = {MODULE + name: value for name, value in net.bare_module.state_dict().items()}
    for number, values in optimizer["state"].items():
        tensors |= {f"{OPTIMIZER}{number}/{name}": value for name, value in values.items()}
    tensors |= {RANDOM + name: value for name, value in _random_states(net).items()}
    header = {
        "epoch": len(net.history),
        "seed": seed,
        "history": plain_history(net),
        "batches_given": net.batches.position,
        "optimizer": optimizer["param_groups"],
        "scaler": net.scaler_.state_dict(),
    }
    for callback in _callbacks(net, LRScheduler):
        header["scheduler"] = callback.lr_scheduler_.state_dict()
    for callback in _callbacks(net, EarlyStopping):
        header["early_stopping"] = {
            "misses_": callback.misses_,
            "dynamic_threshold_": float(callback.dynamic_threshold_),
            "best_epoch_": callback.best_epoch_,
        }
        best, wrapper = callback.best_model_weights_ or {}, _wrapper(net)
        tensors |= {BEST + name.removeprefix(wrapper): value for name, value in best.items()}
    return TrainingState(header, tensors)


def restore_training(net: Any, state: TrainingState) -> None:
    """Set a net that has just begun to train to a saved state.

    Everything that follows from the parameters of the training is taken from these, never from
    the file.
    """
    check_training(net, state)
    header = state.header
    net.bare_module.load_state_dict(under(MODULE, state.tensors))
    values: dict[int, dict[str, Tensor]] = {}
    for key, value in under(OPTIMIZER, state.tensors).items():
        number, name = key.split("/")
        values.setdefault(int(number), {})[name] = value
    groups = net.optimizer_.state_dict()["param_groups"]
    for group, saved in zip(groups, header["optimizer"], strict=True):
        group["lr"] = saved["lr"]
    net.optimizer_.load_state_dict({"state": values, "param_groups": groups})
    if header["scaler"] and net.scaler_.is_enabled():  # a CPU does not scale losses
        net.scaler_.load_state_dict(header["scaler"])
    net.batches.position = header["batches_given"]
    net.history = _history(header["history"])
    for callback in _callbacks(net, LRScheduler):
        own = callback.lr_scheduler_.state_dict()
        saved = {name: header["scheduler"][name] for name in _OF_SCHEDULE}
        callback.lr_scheduler_.load_state_dict({**own, **saved})
    for callback in _callbacks(net, EarlyStopping):
        for name, value in header["early_stopping"].items():
            setattr(callback, name, value)
        best = {_wrapper(net) + k: v for k, v in under(BEST, state.tensors).items()}
        callback.best_model_weights_ = best or None
    _restore_random_states(net, under(RANDOM, state.tensors))


def _history(rows: list[dict[str, Any]]) -> History:
    history = History()
    for row in rows:
        history.new_epoch()
        for name, value in row.items():
            history.record(name, value)
    return history


def _callbacks(net: Any, kind: type) -> list[Any]:
    """The package's own callbacks of a kind: the state of the user's callbacks is not saved."""
    own = ("schedule", "early_stopping")
    return [c for name, c in net.callbacks_ if name in own and isinstance(c, kind)]


def _wrapper(net: Any) -> str:
    """Prefix that distributed training adds to names of weights; checkpoints omit it."""
    return "" if net.module_ is net.bare_module else "module."


def _random_states(net: Any) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if net.place.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(net.place)
    return states


def _restore_random_states(net: Any, states: dict[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and net.place.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], net.place)


def result_state(net: Any, seed: int) -> TrainingState:
    """Result of a finished training: weights and history."""
    tensors = {MODULE + name: value for name, value in net.bare_module.state_dict().items()}
    header = {"epoch": len(net.history), "seed": seed, "history": plain_history(net), "ended": True}
    return TrainingState(header, tensors)


def restore_result(net: Any, state: TrainingState) -> None:
    """Restore the result of a finished training."""
    check_result(net, state)
    net.bare_module.load_state_dict(under(MODULE, state.tensors))
    net.history = _history(state.header["history"])
