"""Split one batch over several processes, with the results of a single process.

Training in W processes gives the same numbers as in one: every process makes the random draws of
the whole batch, from generators in the same state, and takes its own rows; what a layer measures
over the batch is summed over the processes. Outside `sharing` every function here is its plain
local counterpart.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Generator, Tensor


@dataclass(frozen=True)
class Share:
    """Rows of a batch that this process holds.

    Attributes
    ----------
    first : int
        Index of its first row in the whole batch.
    n_rows : int
    n_total : int
        Rows of the whole batch.
    copies : int
        How many copies of the rows tensors hold, one after the other.
    """

    first: int
    n_rows: int
    n_total: int
    copies: int = 1

    def times(self, factor: int) -> "Share":
        """The share in smaller units, ``factor`` per row: tokens instead of epochs."""
        return Share(self.first * factor, self.n_rows * factor, self.n_total * factor, self.copies)

    def own(self, whole: Tensor) -> Tensor:
        """Rows of this process from a tensor that holds those of all processes."""
        rows = whole.unflatten(0, (self.copies, self.n_total))
        return rows[:, self.first : self.first + self.n_rows].flatten(0, 1)

    @property
    def fraction(self) -> float:
        """Share of the whole batch, from 0 to 1."""
        return self.n_rows / self.n_total


# A plain variable, not one per thread: fits take turns, and only training reads it.
_current: Share | None = None


def current_share() -> Share | None:
    """The share in force, or None in a single process."""
    return _current


@contextmanager
def sharing(share: Share | None) -> Iterator[None]:
    """Make the functions of this file, and the layers that use them, work on a share."""
    global _current
    before, _current = _current, share
    try:
        yield
    finally:
        _current = before


def share_of(n_rows: int, rank: int, n_processes: int) -> Share | None:
    """Near-equal contiguous share of a batch; None if it has too few rows to be split.

    Every process then works on the whole batch, and all get the same numbers.

    Examples
    --------
    >>> from sk_brainrvq.nn.parallel import share_of
    >>> [(share.first, share.n_rows) for share in (share_of(5, 0, 2), share_of(5, 1, 2))]
    [(0, 3), (3, 2)]
    """
    if n_processes == 1 or n_rows < n_processes:
        return None
    each, extra = divmod(n_rows, n_processes)
    first = rank * each + min(rank, extra)
    return Share(first, each + (rank < extra), n_rows)


def uniform(*shape: int, device: torch.device | str, generator: Generator | None = None) -> Tensor:
    """Draw from [0, 1) with the rows of the batch along axis 0."""
    share = _current
    # torch.compile cannot pass on a generator, not even None, if sizes vary.
    chosen: dict[str, Any] = {} if generator is None else {"generator": generator}
    if share is None:
        return torch.rand(shape, device=device, **chosen)
    n_rows = share.copies * share.n_total
    return share.own(torch.rand((n_rows, *shape[1:]), device=device, **chosen))


def random_integers(low: int, high: int, n_rows: int, device: torch.device | str) -> Tensor:
    """Draw integers from [low, high), one per row of the batch."""
    share = _current
    if share is None:
        return torch.randint(low, high, (n_rows,), device=device)
    return share.own(torch.randint(low, high, (share.copies * share.n_total,), device=device))


def n_in_all(n_rows: int) -> int:
    """Number of rows of the whole batch, of which this process has ``n_rows``."""
    return n_rows if _current is None else _current.n_total


def total(values: Tensor) -> Tensor:
    """Sum over the processes, without gradients."""
    if _current is None:
        return values
    values = values.detach().clone()
    dist.all_reduce(values)
    return values


class _Total(torch.autograd.Function):
    """Sum over the processes whose gradient is the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004
        values = values.clone()
        dist.all_reduce(values)
        return values

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        gradient = gradient.contiguous().clone()
        dist.all_reduce(gradient)
        return gradient


def total_with_gradient(values: Tensor) -> Tensor:
    """Sum over the processes, with gradients to all of them."""
    return values if _current is None else _Total.apply(values)


def rows_of_all(values: Tensor, index: Tensor) -> Tensor:
    """Rows of the whole batch by their index in it, the same on every process.

    Parameters
    ----------
    values : Tensor, shape (n_rows, ...)
        The rows of this process.
    index : Tensor, shape (n,), int64

    Returns
    -------
    Tensor, shape (n, ...)
    """
    share = _current
    if share is None:
        return values[index]
    local = index - share.first
    own = (local >= 0) & (local < share.n_rows)
    # No shape depends on which rows are here, so there is no need to wait for a GPU.
    found = values[local.clamp(0, share.n_rows - 1)]
    found = torch.where(own.view(-1, *[1] * (found.ndim - 1)), found, torch.zeros_like(found))
    dist.all_reduce(found)  # every other process adds zeros
    return found


def held_twice() -> Share | None:
    """The share in force, for tensors that hold the batch twice."""
    return None if _current is None else replace(_current, copies=2 * _current.copies)


def shared_by_vectors(shape: torch.Size | tuple[int, ...]) -> Share | None:
    """The share in force, counted in vectors of a tensor (B, ..., d) instead of epochs."""
    return None if _current is None else _current.times(math.prod(shape[1:-1]))
