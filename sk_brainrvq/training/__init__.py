"""How modules are trained and run: skorch nets, batches, seeds."""

from sk_brainrvq.training.batches import Batch, SegmentDataset
from sk_brainrvq.training.inference import available_device, resolve_device, run_batches
from sk_brainrvq.training.nets import (
    ClassifierNet,
    EEGNet,
    PretrainingNet,
    TokenizerNet,
    TrainingDivergedError,
    plain_history,
    train,
    wrap,
)
from sk_brainrvq.training.seeds import draw_seed, seeded

__all__ = [
    "Batch",
    "ClassifierNet",
    "EEGNet",
    "PretrainingNet",
    "SegmentDataset",
    "TokenizerNet",
    "TrainingDivergedError",
    "available_device",
    "draw_seed",
    "plain_history",
    "resolve_device",
    "run_batches",
    "seeded",
    "train",
    "wrap",
]
