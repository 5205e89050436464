"""The processes that train together, as started by torchrun or ``accelerate launch``."""

import os
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from skorch.hf import AccelerateMixin

from sk_brainrvq.extras import how_to_install


@dataclass(frozen=True)
class Processes:
    """The place of a process among those that train together.

    Attributes
    ----------
    rank : int
    n_processes : int
    accelerator : accelerate.Accelerator, or None for a single process
    """

    rank: int = 0
    n_processes: int = 1
    accelerator: Any = None

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.rank == 0

    def agree(self, value: Any) -> Any:
        """Return the main process's value on every process."""
        if self.n_processes == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes on every process."""
        if self.n_processes == 1:
            return [value]
        values: list[Any] = [None] * self.n_processes
        dist.all_gather_object(values, value)
        return values

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over the processes."""
        if self.n_processes > 1:
            dist.all_reduce(values)
        return values


def started_processes(device: str) -> Processes:
    """Join the other processes, if a launcher started any.

    Parameters
    ----------
    device : str
        "cpu" keeps all processes on the CPU; otherwise accelerate gives each its own GPU.

    Returns
    -------
    Processes
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Processes()
    try:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs
    except ImportError as error:
        raise ImportError(
            "Training in several processes needs accelerate: "
            + how_to_install("distributed", "accelerate")
        ) from error
    # Buffers agree by construction; sending them at every step would hide it if they did not.
    settings = DistributedDataParallelKwargs(broadcast_buffers=False)
    n_threads = torch.get_num_threads()
    accelerator = Accelerator(
        cpu=torch.device(device).type == "cpu", mixed_precision="no", kwargs_handlers=[settings]
    )
    # accelerate sets its own number of threads: never use more than the user allowed.
    torch.set_num_threads(min(n_threads, torch.get_num_threads()))
    return Processes(accelerator.process_index, accelerator.num_processes, accelerator)


class ManyProcessesMixin(AccelerateMixin):
    """skorch's accelerate support, for nets that split batches and make steps themselves."""

    def initialize(self) -> Any:
        """Initialise as skorch does with accelerate, then set up the precision, which it skips."""
        super().initialize()
        self.prepare_precision()
        return self

    # AccelerateMixin comes before the net in the order of bases; these call the net's methods.
    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """Do as the net does."""
        return super(AccelerateMixin, self).train_step(batch, **fit_params)

    def train_step_single(self, batch: Any, **fit_params: Any) -> Any:
        """Do as the net does."""
        return super(AccelerateMixin, self).train_step_single(batch, **fit_params)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> Any:
        """Do as the net does: waiting for the others would never end if one is lost."""
        return super(AccelerateMixin, self).on_train_end(net, X=X, y=y, **kwargs)

    def get_iterator(self, *args: Any, **kwargs: Any) -> Any:
        """Do as the net does: batches are already split."""
        return super(AccelerateMixin, self).get_iterator(*args, **kwargs)


def over_processes(net_class: type, processes: Processes) -> tuple[type, dict[str, Any]]:
    """Class and arguments of a net for these processes; the same class for a single process."""
    if processes.n_processes == 1:
        return net_class, {"callbacks__print_log": None}
    shared = type(f"Shared{net_class.__name__}", (ManyProcessesMixin, net_class), {})
    return shared, {
        "accelerator": processes.accelerator,
        "unwrap_after_train": False,
        # skorch insists on this callback here; the progress bar shows what it would print.
        "callbacks__print_log__sink": _silent,
    }


def _silent(*args: Any, **kwargs: Any) -> None:
    """Print nothing."""
