"""Description of the machine, and the float32 matrix product used as a yardstick."""

import platform
from collections.abc import Callable
from typing import Any

import psutil
import torch

from speed.measuring import Options, cpu_model, interleaved, n_cores

PRODUCT = "matrix product"
_SIZE = 2048
PRODUCT_GFLOP = 2 * _SIZE**3 / 1e9


def use_threads(options: Options) -> None:
    """Let PyTorch use as many threads as was asked for."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)


def matrix_product() -> Callable[[], Any]:
    """A contestant that multiplies two float32 matrices of 2048 x 2048."""
    left, right, out = torch.randn(3, _SIZE, _SIZE)
    return lambda: torch.mm(left, right, out=out)


def product_speed(seconds: dict[str, float]) -> float:
    """GFLOP/s of the matrix product among timed contestants."""
    return PRODUCT_GFLOP / seconds[PRODUCT]


def describe(options: Options) -> dict[str, Any]:
    """Processor, memory and versions of this machine."""
    use_threads(options)
    seconds = interleaved({PRODUCT: matrix_product()}, options.pick(9, 3))
    cuda = torch.cuda.is_available()
    return {
        "processor": cpu_model(),
        "cores": n_cores(),
        "threads": torch.get_num_threads(),
        "memory (GB)": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "CUDA card": torch.cuda.get_device_name() if cuda else "none",
        "2048³ float32 product (GFLOP/s)": product_speed(seconds),
        "busy before the start (load of a minute)": psutil.getloadavg()[0],
    }
