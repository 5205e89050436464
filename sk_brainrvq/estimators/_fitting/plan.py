"""What a fine-tuning knows before it starts, and leaves for the next pass."""

from dataclasses import dataclass
from typing import Any

from sk_brainrvq.estimators._inputs.labels import LabelledEEG
from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.training.fine_tuning import OptimizerState
from sk_brainrvq.weights import Weights


@dataclass(frozen=True)
class StartingPoint:
    """Where training starts from.

    Attributes
    ----------
    encoder : dict
        Arguments of the ``EEGEncoder``.
    weights : Weights or None
        None is from scratch.
    continues : bool
        Whether the weights are the estimator's own, head and targets included.
    """

    encoder: dict[str, Any]
    weights: Weights | None
    continues: bool


@dataclass(frozen=True)
class FineTuningPlan:
    """All that a training needs to know before it starts.

    Attributes
    ----------
    start : StartingPoint
    data : LabelledEEG
    config : dict
        Arguments of the network.
    info : dict
        What will be known of its training.
    """

    start: StartingPoint
    data: LabelledEEG
    config: dict[str, Any]
    info: dict[str, Any]


@dataclass(frozen=True)
class PassState:
    """What one call of ``partial_fit`` leaves for the next, in memory.

    Attributes
    ----------
    settings : tuple
        Settings of the estimator under which it can be used.
    optimizer : dict
        Adam's moments and steps by parameter name.
    adapted : EncoderClassifier or None
        The network with its adapters not merged yet.
    """

    settings: tuple
    optimizer: OptimizerState
    adapted: EncoderClassifier | None
