"""Check that a checkpoint fits the training to be resumed; a file may contain anything."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sk_brainrvq.exceptions import ResumeError
from sk_brainrvq.training.runs import TrainingState, is_whole

# Parts of a checkpoint's tensors, by the prefix of their names.
MODULE, BEST, OPTIMIZER, RANDOM = "module/", "best/", "optimizer/", "random/"
# State that AdamW keeps per parameter.
_OF_PARAMETER = ("exp_avg", "exp_avg_sq", "step")


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of one part, by their names without its prefix."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def check_result(net: Any, state: TrainingState) -> None:
    """Raise ResumeError unless a state holds the weights and the history of a finished net.

    Parameters
    ----------
    net : EEGNet
        Initialised.
    state : TrainingState
    """
    weights = net.bare_module.state_dict()
    _refuse(state, _differences("weights", weights, under(MODULE, state.tensors)))
    n_epochs = len(state.header["history"])
    if n_epochs > net.max_epochs:
        _refuse(state, f"it says that {n_epochs} of {net.max_epochs} epochs were trained")


def check_training(net: Any, state: TrainingState) -> None:
    """Raise ResumeError unless everything a net takes over from a state matches its own.

    Parameters
    ----------
    net : EEGNet
        About to train.
    state : TrainingState
    """
    check_result(net, state)
    best = under(BEST, state.tensors)
    if best:
        weights = net.bare_module.state_dict()
        _refuse(state, _differences("best weights", weights, best))
    _refuse(state, _wrong_moments(net, under(OPTIMIZER, state.tensors)))
    random, place = under(RANDOM, state.tensors), net.place
    whole = _is_generator(random.get("cpu"), torch.Generator())
    if place.type == "cuda" and "cuda" in random:
        whole = whole and _is_generator(random["cuda"], torch.Generator(place))
    if not whole:
        _refuse(state, "its state of the random numbers is invalid")
    try:
        _refuse(state, _wrong_header(net, state.header))
    except (KeyError, TypeError, AttributeError) as error:
        _refuse(state, f"its header lacks something ({error!r:.80})")


def _refuse(state: TrainingState, fault: str) -> None:
    if fault:
        raise ResumeError(
            f"The checkpoint {state.path} does not fit this training: {fault}. It is damaged, or "
            "was changed or moved here: delete it, and training resumes from the previous one, or "
            "starts over if there is none."
        )


def _differences(what: str, own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """First difference in names, shapes or types, or first tensor with NaN or infinity."""
    for name in sorted(own.keys() ^ given.keys()):
        return f"its {what} {'lack' if name in own else 'have an additional'} {name!r:.80}"
    for name, tensor in given.items():
        if not _is_like(tensor, own[name]):
            return (
                f"its {what} have {name!r} of {_described(tensor)}, instead of "
                f"{_described(own[name])}"
            )
        if not _has_numbers(tensor):
            return f"its {what} have NaN or infinity in {name!r}"
    return ""


def _described(tensor: Tensor) -> str:
    return f"shape {tuple(tensor.shape)} and type {str(tensor.dtype).removeprefix('torch.')}"


def _is_like(tensor: Tensor, own: Tensor) -> bool:
    return tensor.shape == own.shape and tensor.dtype == own.dtype


def _has_numbers(tensor: Tensor) -> bool:
    """Whether no value is NaN or infinite; minus infinity may be the logarithm of zero."""
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    return bool(tensor.amax() < torch.inf)


def _wrong_moments(net: Any, given: Mapping[str, Tensor]) -> str:
    """What is wrong with the optimizer's state of each parameter."""
    parameters = [p for group in net.optimizer_.param_groups for p in group["params"]]
    for name, tensor in given.items():
        number, _, part = name.partition("/")
        if not number.isdecimal() or len(number) > 9 or part not in _OF_PARAMETER:
            return f"its optimizer has an unknown {name!r:.80}"
        if int(number) >= len(parameters):
            return f"its optimizer has parameter {int(number)}, but only {len(parameters)} exist"
        wanted = torch.zeros(()) if part == "step" else parameters[int(number)]
        if not _is_like(tensor, wanted) or not _has_numbers(tensor):
            return f"its optimizer has {name!r} of {_described(tensor)}, or NaN or infinity"
        absent = [other for other in _OF_PARAMETER if f"{number}/{other}" not in given]
        if absent:
            return f"its optimizer has {name!r} without {absent[0]!r}"
    return ""


def _is_generator(given: Tensor | None, generator: torch.Generator) -> bool:
    """Whether a generator can resume from a state."""
    if given is None or not _is_like(given, generator.get_state()):
        return False
    try:
        generator.set_state(given)
    except RuntimeError:
        return False
    return True


def _wrong_header(net: Any, header: Mapping[str, Any]) -> str:
    """What is wrong with the numbers of optimizer, loss scaling, schedule and early stopping."""
    rates = [group["lr"] for group in header["optimizer"]]
    if len(rates) != len(net.optimizer_.param_groups) or not all(map(_is_rate, rates)):
        return f"its learning rates are {rates!r:.80}"
    own_scale = net.scaler_.state_dict()
    if header["scaler"] and own_scale and not _is_scaling(header["scaler"], own_scale):
        return f"its loss scaling is {header['scaler']!r:.120}"
    if not is_whole(header["batches_given"]):
        return f"its number of batches is {header['batches_given']!r:.80}"
    for name, callback in net.callbacks_:
        if name == "schedule":
            schedule = header["scheduler"]
            last = schedule["_last_lr"]
            counts = is_whole(schedule["last_epoch"]) and is_whole(schedule["_step_count"])
            if not counts or len(last) != len(rates) or not all(map(_is_rate, last)):
                return f"its schedule is {schedule!r:.120}"
        if name == "early_stopping" and not _is_stopping(header["early_stopping"], callback):
            return f"its early stopping is {header['early_stopping']!r:.120}"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or is_whole(value)


def _is_rate(value: Any) -> bool:
    return _is_number(value) and 0 <= value < 1e9


def _is_scaling(given: Any, own: Mapping[str, Any]) -> bool:
    return given.keys() == own.keys() and all(
        _is_number(value) and 0 <= value < math.inf for value in given.values()
    )


def _is_stopping(given: Any, callback: Any) -> bool:
    return (
        given.keys() == {"misses_", "dynamic_threshold_", "best_epoch_"}
        and is_whole(given["misses_"])
        and given["misses_"] <= callback.patience
        and is_whole(given["best_epoch_"])
        and _is_number(given["dynamic_threshold_"])
        and not math.isnan(given["dynamic_threshold_"])
    )
