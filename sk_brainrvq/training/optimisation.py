"""Parameter groups and the learning-rate schedule of the paper."""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from skorch.callbacks import LRScheduler
from torch import nn


class StepSchedule(LRScheduler):
    """skorch's per-batch schedule, which waits if the optimizer made no step."""

    def on_batch_end(self, net: Any, training: bool, **kwargs: Any) -> None:
        """Move on to the next learning rate after a step."""
        if training and net.stepped_:
            super().on_batch_end(net, training, **kwargs)


_UNDECAYED = re.compile(r"(cls_token|mask_token|pos_embed|time_embed|gamma_\d)$")
_BLOCK = re.compile(r"encoder\.blocks\.(\d+)\.")
_EMBEDDINGS = re.compile(r"encoder\.(patch_embed|cls_token|pos_embed|time_embed)")


def parameter_groups(
    named_parameters: Iterable[tuple[str, nn.Parameter]],
    lr: float,
    weight_decay: float,
    layer_decay: float = 1.0,
) -> list[dict]:
    """Groups for AdamW: no decay of biases, norms, tokens and tables; deep layers learn faster.

    Parameters
    ----------
    named_parameters : iterable of (str, Parameter)
    lr : float
        Learning rate of the head.
    weight_decay : float
    layer_decay : float, default=1.0
        Block l of L (from 1) learns at ``lr * layer_decay ** (L + 1 - l)``; embeddings count
        as layer 0.

    Returns
    -------
    list of dict
    """
    named = [(name, p) for name, p in named_parameters if p.requires_grad]
    depth = 1 + max((int(m[1]) for name, _ in named if (m := _BLOCK.match(name))), default=-1)
    groups: dict[tuple[float, float], dict] = {}
    for name, parameter in named:
        decay = 0.0 if parameter.ndim < 2 or _UNDECAYED.search(name) else weight_decay
        rate = lr * layer_decay ** (depth + 1 - _layer_of(name, depth))
        group = groups.setdefault((rate, decay), {"params": [], "lr": rate, "weight_decay": decay})
        group["params"].append(parameter)
    return list(groups.values())


def _layer_of(name: str, depth: int) -> int:
    if match := _BLOCK.match(name):
        return int(match[1]) + 1
    return 0 if _EMBEDDINGS.match(name) else depth + 1


def warmup_cosine(n_warmup: int, n_steps: int, floor: float = 0.01) -> Callable[[int], float]:
    """Learning-rate factor of each step: linear warm-up, then a cosine down to ``floor``.

    Parameters
    ----------
    n_warmup : int
        Number of warm-up steps.
    n_steps : int
        Total number of steps.
    floor : float, default=0.01

    Returns
    -------
    callable, int -> float
    """

    def factor(step: int) -> float:
        if step < n_warmup:
            return (step + 1) / n_warmup
        progress = (step - n_warmup) / max(1, n_steps - n_warmup)
        return floor + (1 - floor) * (1 + math.cos(math.pi * min(1.0, progress))) / 2

    return factor
