"""Public EEG with published protocols, and simulated EEG."""

import importlib
from typing import TYPE_CHECKING, Any

from sk_brainrvq.datasets._moabb.moabb_models import load_moabb_model
from sk_brainrvq.datasets._protocols.labelled_windows import Windows
from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets._protocols.recording import Recording
from sk_brainrvq.datasets.bcic_iv_2a import BCICIV2a
from sk_brainrvq.datasets.catalogue import PROTOCOLS
from sk_brainrvq.datasets.chb_mit import CHBMIT
from sk_brainrvq.datasets.eegmat import EEGMAT, fetch_eegmat, load_eegmat
from sk_brainrvq.datasets.guinea_bissau import GuineaBissau
from sk_brainrvq.datasets.leaks import SharedSignals, find_shared_signals
from sk_brainrvq.datasets.physionet_mi import PhysioNetMI
from sk_brainrvq.datasets.seed_v import SEEDV
from sk_brainrvq.datasets.shu_mi import SHUMI
from sk_brainrvq.datasets.simulated import make_eeg, make_montages
from sk_brainrvq.datasets.splits import BENCHMARK_SPLITS, BenchmarkSplit
from sk_brainrvq.datasets.ssvep import SSVEPExoskeleton
from sk_brainrvq.datasets.tuab import TUAB
from sk_brainrvq.datasets.tuev import TUEV

if TYPE_CHECKING:
    from sk_brainrvq.datasets._moabb.moabb_eegmat import RestAgainstTask, Zyma2019

# MOABB is an extra, so classes that need it are imported when first used.
_LAZY = {"RestAgainstTask": "_moabb.moabb_eegmat", "Zyma2019": "_moabb.moabb_eegmat"}

__all__ = [
    "BENCHMARK_SPLITS",
    "CHBMIT",
    "EEGMAT",
    "PROTOCOLS",
    "SEEDV",
    "SHUMI",
    "TUAB",
    "TUEV",
    "BCICIV2a",
    "BenchmarkSplit",
    "GuineaBissau",
    "PhysioNetMI",
    "Protocol",
    "Recording",
    "RestAgainstTask",
    "SSVEPExoskeleton",
    "SharedSignals",
    "Windows",
    "Zyma2019",
    "fetch_eegmat",
    "find_shared_signals",
    "load_eegmat",
    "load_moabb_model",
    "make_eeg",
    "make_montages",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return __all__
