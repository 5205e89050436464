"""scikit-learn estimators for BrainRVQ, a foundation model of EEG.

Names load when first used: importing the package imports neither torch nor MNE.
"""

import importlib
from typing import TYPE_CHECKING, Any

from sk_brainrvq._version import __version__

if TYPE_CHECKING:
    from sk_brainrvq.braindecode import BrainRVQModule
    from sk_brainrvq.corpus import EEGCorpus, build_corpus
    from sk_brainrvq.estimators import (
        BrainRVQClassifier,
        BrainRVQEmbedder,
        BrainRVQPretrainer,
        BrainRVQRegressor,
        CodeHistogram,
        DDRVQTransformer,
        SubjectCentering,
    )
    from sk_brainrvq.inspection import inspect_recording
    from sk_brainrvq.recordings import (
        RecordingClassifier,
        RecordingRegressor,
        Recordings,
        aggregate_by,
        window_table,
    )
    from sk_brainrvq.signals import Filters, Reading
    from sk_brainrvq.streaming import StreamingEmbedder
    from sk_brainrvq.system_info import show_versions
    from sk_brainrvq.training import Engine, RandomCrops
    from sk_brainrvq.weights import Architecture, Weights

_HOMES = {
    "Architecture": "weights",
    "BrainRVQClassifier": "estimators",
    "BrainRVQEmbedder": "estimators",
    "BrainRVQModule": "braindecode",
    "BrainRVQPretrainer": "estimators",
    "BrainRVQRegressor": "estimators",
    "CodeHistogram": "estimators",
    "DDRVQTransformer": "estimators",
    "EEGCorpus": "corpus",
    "Engine": "training",
    "Filters": "signals",
    "RandomCrops": "training",
    "Reading": "signals",
    "RecordingClassifier": "recordings",
    "RecordingRegressor": "recordings",
    "Recordings": "recordings",
    "StreamingEmbedder": "streaming",
    "SubjectCentering": "estimators",
    "Weights": "weights",
    "aggregate_by": "recordings",
    "build_corpus": "corpus",
    "inspect_recording": "inspection",
    "show_versions": "system_info",
    "window_table": "recordings",
}

__all__ = [
    "Architecture",
    "BrainRVQClassifier",
    "BrainRVQEmbedder",
    "BrainRVQModule",
    "BrainRVQPretrainer",
    "BrainRVQRegressor",
    "CodeHistogram",
    "DDRVQTransformer",
    "EEGCorpus",
    "Engine",
    "Filters",
    "RandomCrops",
    "Reading",
    "RecordingClassifier",
    "RecordingRegressor",
    "Recordings",
    "StreamingEmbedder",
    "SubjectCentering",
    "Weights",
    "__version__",
    "aggregate_by",
    "build_corpus",
    "inspect_recording",
    "show_versions",
    "window_table",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
