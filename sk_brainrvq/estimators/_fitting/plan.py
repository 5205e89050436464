"""Plan of a fine-tuning, and the state that it leaves for the next pass."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from sk_brainrvq.estimators._fitting.head_start import place_summaries
from sk_brainrvq.estimators._inputs.labels import LabelledEEG
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.signals import PatchGroup, PreparedEEG, rematch
from sk_brainrvq.signals.patches import with_every_channel
from sk_brainrvq.training import checked_engine
from sk_brainrvq.training.fine_tuning import OptimizerState
from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.modules import build_module


@dataclass(frozen=True)
class StartingPoint:
    """Where training starts.

    Attributes
    ----------
    encoder : dict
        Arguments of the ``EEGEncoder``.
    weights : Weights or None
        Weights to start from; None trains from scratch.
    info : dict
        What is known of earlier training.
    continues : bool
        Whether the weights are the estimator's own, including head and targets.
    """

    encoder: dict[str, Any]
    weights: Weights | None
    info: dict[str, Any]
    continues: bool


@dataclass(frozen=True)
class FineTuningPlan:
    """Everything that training needs to know before it starts.

    Attributes
    ----------
    start : StartingPoint
    data : LabelledEEG
    config : dict
        Arguments of the network.
    info : dict
        What will be known of the network's training.
    """

    start: StartingPoint
    data: LabelledEEG
    config: dict[str, Any]
    info: dict[str, Any]

    def module(self, drop_path: float) -> EncoderClassifier:
        """The network to train, with the weights to start from."""
        weights = self.start.weights
        if weights is not None and self.start.continues:
            return cast(EncoderClassifier, weights.module(self.config))
        module = cast(EncoderClassifier, build_module("classifier", self.config))
        if weights is not None:
            module.encoder = weights.encoder(drop_path)
        place_summaries(module.head)
        return module


def head_config(head: str, n_outputs: int, prepared: PreparedEEG, aligned: bool) -> dict[str, Any]:
    """Arguments of the ``EncoderClassifier`` except those of its encoder.

    Parameters
    ----------
    head : str
    n_outputs : int
    prepared : PreparedEEG
        Training data; the flattened head is built for their channels and length.
    aligned : bool
        Whether signals are whitened by person.

    Returns
    -------
    dict

    Raises
    ------
    InvalidEEGError
        If the head is flattened and epochs differ in channels or length.
    """
    config: dict[str, Any] = {"n_outputs": n_outputs, "head": head}
    if head == "embedding":
        return {**config, "bands": True, "aligned": aligned}
    if head != "flatten":
        return config
    sizes = sorted({group.patches.shape[1:3] for group in prepared.groups})
    if len(sizes) > 1:
        raise InvalidEEGError(
            "head='flatten' needs epochs with the same number of channels and the same length of "
            f"at most 30 s; found (channels, patches of 1 s) {[tuple(size) for size in sizes]}. "
            "Cut the epochs to one length, or use head='mean' or head='attention'."
        )
    n_channels, n_patches = map(int, sizes[0])
    return {**config, "n_channels": n_channels, "n_patches": n_patches}


def as_head_reads(groups: Iterable[PatchGroup], head: str) -> Iterator[PatchGroup]:
    """Groups with the channels that a head reads; the flattened head has weights for all."""
    return with_every_channel(groups) if head == "flatten" else iter(groups)


def matched_for_head(prepared: PreparedEEG, info: Mapping[str, Any], head: str) -> PreparedEEG:
    """The same patches, with electrodes matched for a head as they will be after training.

    Parameters
    ----------
    prepared : PreparedEEG
    info : mapping
        What will be known of the network's training.
    head : str

    Returns
    -------
    PreparedEEG
    """
    matched = rematch(prepared, info["trained_rows"], info["official"])
    return replace(matched, groups=list(as_head_reads(matched.groups, head)))


def check_same_head(head: str, weights: Weights) -> None:
    """Raise ValueError if training is to go on with a different head."""
    fitted = weights.config.get("head", "mean")
    if head != fitted:
        raise ValueError(
            f"head={head!r} was given, but {weights!r} has head={fitted!r}, and training goes on "
            "from it. For another head, fit again with warm_start=False."
        )


@dataclass(frozen=True)
class PassState:
    """State in memory that one call of ``partial_fit`` leaves for the next.

    Attributes
    ----------
    settings : tuple
        Settings of the estimator that this state belongs to.
    optimizer : dict
        Adam's moments and steps by parameter name.
    adapted : EncoderClassifier or None
        The network with adapters that are not merged yet.
    """

    settings: tuple
    optimizer: OptimizerState
    adapted: EncoderClassifier | None


# Options of an engine that apply only to a whole fit, and their defaults.
_OF_WHOLE_FITS = ("torch_compile", "warmup_epochs", "steps_per_epoch", "callbacks", "resume_from")


def refuse_for_passes(estimator: Any) -> None:
    """Raise ValueError for parameters that ``partial_fit`` does not support.

    Parameters
    ----------
    estimator : FineTunedEstimator
        Estimator to check; precision, accumulation and clipping of its engine are supported.
    """
    names = ("validation", "early_stopping", "checkpoint_dir")
    given = {name: getattr(estimator, name) for name in names}
    engine = checked_engine(estimator.engine)
    given |= {f"engine.{name}": getattr(engine, name) for name in _OF_WHOLE_FITS}
    asked = [name for name, value in given.items() if value not in (None, False)]
    if asked:
        raise ValueError(
            f"partial_fit, which trains for a single pass, does not support {', '.join(asked)}. "
            "Set them to None (torch_compile to False), or use fit."
        )
