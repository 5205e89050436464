"""Versions and hardware, for bug reports."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from sk_brainrvq._version import __version__

_NEEDED = (
    *("numpy", "scipy", "scikit-learn", "torch", "skorch", "mne"),
    *("joblib", "safetensors", "matplotlib", "pooch", "filelock", "click"),
)
_OPTIONAL = (
    *("accelerate", "braindecode", "dask", "fsspec", "mne-lsl", "moabb", "onnx", "onnxruntime"),
    *("pandas", "peft", "pyarrow", "pyriemann", "zarr"),
)


def show_versions() -> None:
    """Print the versions and the hardware that a bug report should name.

    ``sk-brainrvq --show-versions`` prints the same in a shell. Packages are looked up without
    importing them, except PyTorch, which reports its devices.

    Examples
    --------
    >>> import sk_brainrvq
    >>> sk_brainrvq.show_versions()
    System
      sk_brainrvq    ...
      python         3...
    """
    for title, facts in (
        ("System", _system()),
        ("Packages", {name: _version_of(name) for name in _NEEDED}),
        ("PyTorch", _pytorch()),
        ("Optional packages", {name: _version_of(name) for name in _OPTIONAL}),
    ):
        print(title)
        for name, value in facts.items():
            print(f"  {name:<14} {value}")


def _system() -> dict[str, str]:
    return {
        "sk_brainrvq": __version__,
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "platform": platform.platform(),
        "CPUs": str(os.cpu_count()),
    }


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _pytorch() -> dict[str, str]:
    try:
        import torch
    except Exception as error:  # a bug report about this needs the rest all the more
        return {"import": f"failed, {type(error).__name__}: {error}"}
    mps = torch.backends.mps.is_available()
    return {
        "built for CUDA": torch.version.cuda or "no",
        "CUDA devices": ", ".join(map(torch.cuda.get_device_name, range(torch.cuda.device_count())))
        or "none",
        "MPS": "available" if mps else "not available",
        "threads": f"{torch.get_num_threads()} within, {torch.get_num_interop_threads()} between",
    }
