"""The processes that train together, as torchrun or ``accelerate launch`` started them."""

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
        """The main process's value, on every process."""
        if self.n_processes == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def gather(self, value: Any) -> list[Any]:
        """The value of every process, on every process."""
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
        "cpu" keeps all on the CPU; otherwise accelerate gives each process a GPU of its own.

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
    # Buffers agree by construction; to send them at every step would hide it if they did not.
    settings = DistributedDataParallelKwargs(broadcast_buffers=False)
    n_threads = torch.get_num_threads()
    accelerator = Accelerator(
        cpu=torch.device(device).type == "cpu", mixed_precision="no", kwargs_handlers=[settings]
    )
    # accelerate sets a number of its own: never more threads than the user allowed.
    torch.set_num_threads(min(n_threads, torch.get_num_threads()))
    return Processes(accelerator.process_index, accelerator.num_processes, accelerator)


class ManyProcessesMixin(AccelerateMixin):
    """skorch's accelerate support, for nets that share out batches and step by themselves."""

    def initialize(self) -> Any:
        """As accelerate's support does it, which passes over the net's own."""
        super().initialize()
        self.prepare_precision()
        return self

    # The order of bases puts AccelerateMixin before the net; these are the net's own verbs.
    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """As the net does it."""
        return super(AccelerateMixin, self).train_step(batch, **fit_params)

    def train_step_single(self, batch: Any, **fit_params: Any) -> Any:
        """As the net does it."""
        return super(AccelerateMixin, self).train_step_single(batch, **fit_params)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> Any:
        """As the net does it: waiting for the others would never end where one is lost."""
        return super(AccelerateMixin, self).on_train_end(net, X=X, y=y, **kwargs)

    def get_iterator(self, *args: Any, **kwargs: Any) -> Any:
        """As the net does it: batches are shared out already."""
        return super(AccelerateMixin, self).get_iterator(*args, **kwargs)


def over_processes(net_class: type, processes: Processes) -> tuple[type, dict[str, Any]]:
    """Class and arguments of a net for these processes; the class itself for a single one."""
    if processes.n_processes == 1:
        return net_class, {"callbacks__print_log": None}
    shared = type(f"Shared{net_class.__name__}", (ManyProcessesMixin, net_class), {})
    return shared, {
        "accelerator": processes.accelerator,
        "unwrap_after_train": False,
        # skorch insists on this callback here; the progress bar says what it would print.
        "callbacks__print_log__sink": _silent,
    }


def _silent(*args: Any, **kwargs: Any) -> None:
    """Print nothing."""
