"""Memory that this process can still use on a device."""

import math
from pathlib import Path

import psutil
import torch

_CGROUPS = Path("/sys/fs/cgroup")


def free_bytes(device: torch.device | str) -> int:
    """Bytes that this process can still allocate on a device.

    Parameters
    ----------
    device : torch.device or str

    Returns
    -------
    int
        On the CPU, the least of what the machine has available and what the limits of the
        process (``ulimit -v``) and of its container or batch job leave.
    """
    device = torch.device(device)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + cached)
    if device.type == "mps":
        most = torch.mps.recommended_max_memory()
        return max(0, int(most - torch.mps.current_allocated_memory()))
    left = min(_left_of_process(), _left_of_container())
    return int(max(0, min(psutil.virtual_memory().available, left)))


def _left_of_process() -> float:
    """What the limit on this process's address space leaves."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return math.inf
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return math.inf
    return limit - psutil.Process().memory_info().vms


def _left_of_container() -> float:
    """What control groups (version 2), as used by Docker and Slurm, leave."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        own = next(line[3:] for line in lines if line.startswith("0::"))
    except (OSError, StopIteration):
        return math.inf
    folder = _CGROUPS / own.lstrip("/")
    return min(map(_left_of_group, (folder, *folder.parents)), default=math.inf)


def _left_of_group(folder: Path) -> float:
    try:
        most = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
        stated = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return math.inf
    # Cached files count as used, but are given up when memory is needed.
    return math.inf if most == "max" else int(most) - used + int(stated.get("inactive_file", 0))
