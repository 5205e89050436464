"""Public EEG by protocol, and simulated EEG."""

import importlib
from typing import TYPE_CHECKING, Any

from sk_brainrvq.datasets.catalogue import PROTOCOLS
from sk_brainrvq.datasets.eegmat import EEGMAT, fetch_eegmat, load_eegmat
from sk_brainrvq.datasets.moabb_models import load_moabb_model
from sk_brainrvq.datasets.protocol import Protocol, Recording
from sk_brainrvq.datasets.simulated import make_eeg
from sk_brainrvq.datasets.windows import Windows

if TYPE_CHECKING:
    from sk_brainrvq.datasets.moabb_eegmat import RestAgainstTask, Zyma2019

# What needs MOABB, which is an extra, loads when first used.
_LAZY = {"RestAgainstTask": "moabb_eegmat", "Zyma2019": "moabb_eegmat"}

__all__ = [
    "EEGMAT",
    "PROTOCOLS",
    "Protocol",
    "Recording",
    "RestAgainstTask",
    "Windows",
    "Zyma2019",
    "fetch_eegmat",
    "load_eegmat",
    "load_moabb_model",
    "make_eeg",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return __all__
