"""How modules are trained and run: skorch nets, batches, checkpoints, processes, seeds."""

from sk_brainrvq.exceptions import LostProcessError, ResumeError, TrainingDivergedError
from sk_brainrvq.training.batches import Batch, SegmentDataset
from sk_brainrvq.training.engine import Engine, checked_engine
from sk_brainrvq.training.fine_tuning import ClassifierNet, RegressionNet
from sk_brainrvq.training.fitting import (
    Session,
    Stopping,
    train,
    training_session,
)
from sk_brainrvq.training.inference import run_batches
from sk_brainrvq.training.nets import (
    EEGNet,
    available_device,
    plain_history,
    resolve_device,
    wrap,
)
from sk_brainrvq.training.processes import Processes, started_processes
from sk_brainrvq.training.random_crops import RandomCrops, checked_crops
from sk_brainrvq.training.runs import TrainingRun, run_of
from sk_brainrvq.training.seeds import draw_seed, seeded
from sk_brainrvq.training.unlabelled_nets import PretrainingNet, TokenizerNet

__all__ = [
    "Batch",
    "ClassifierNet",
    "EEGNet",
    "Engine",
    "LostProcessError",
    "PretrainingNet",
    "Processes",
    "RandomCrops",
    "RegressionNet",
    "ResumeError",
    "SegmentDataset",
    "Session",
    "Stopping",
    "TokenizerNet",
    "TrainingDivergedError",
    "TrainingRun",
    "available_device",
    "checked_crops",
    "checked_engine",
    "draw_seed",
    "plain_history",
    "resolve_device",
    "run_batches",
    "run_of",
    "seeded",
    "started_processes",
    "train",
    "training_session",
    "wrap",
]
