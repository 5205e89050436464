"""Networks of other groups, with the input scaling and training of their authors.

Network, input scaling, learning rate, weight decay and label smoothing are taken from the published
code or paper. For BENDR, LaBraM and CBraMod the last three are those of fine-tuning, since no
others are published. Schedule, loss weights, clipping and the choice of the epoch are the same for
all. Nothing here was tuned on any subject of the table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from table.scaling import (
    as_bendr_was_trained,
    by_percentile,
    by_range_with_scale,
    hundred_microvolts,
    labram_names,
)
from table.st_transformer import STTransformer

PATCH = 200


@dataclass(frozen=True)
class Shape:
    """Data that a network is built for.

    Attributes
    ----------
    n_channels, n_times, n_classes : int
        Channels and samples of scaled windows.
    ch_names : tuple of str
        Channels of the windows before scaling, which may add a channel.
    """

    n_channels: int
    n_times: int
    n_classes: int
    ch_names: tuple[str, ...]

    def for_braindecode(self, whole_seconds: bool = False) -> dict[str, Any]:
        """Sizes by the parameter names of braindecode's networks."""
        n_times = self.n_times + (-self.n_times % PATCH if whole_seconds else 0)
        sizes = {"n_chans": self.n_channels, "n_times": n_times, "n_outputs": self.n_classes}
        return {**sizes, "sfreq": 200}


class WholePatches(nn.Module):
    """A network for whole seconds: the last second is padded with zeros.

    Parameters
    ----------
    network : nn.Module
    **arguments
        Arguments of its ``forward``.
    """

    def __init__(self, network: nn.Module, **arguments: Any):
        super().__init__()
        self.network = network
        self.arguments = arguments

    def forward(self, x: Tensor) -> Tensor:
        """Map signals (B, C, T) to logits."""
        return self.network(F.pad(x, (0, -x.shape[-1] % PATCH)), **self.arguments)


class MeanHead(nn.Module):
    """A linear map of CBraMod's mean token instead of three layers on all tokens."""

    def __init__(self, width: int, n_classes: int):
        super().__init__()
        self.linear = nn.Linear(width, n_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (B, C, P, D) to logits."""
        return self.linear(tokens.mean((1, 2)))


def _eegnet(shape: Shape) -> nn.Module:
    from braindecode.models import EEGNet

    # Half a second of temporal filter, as its authors recommend. With the default momentum of 0.01
    # the running statistics would lag behind in a training of a few hundred steps, and the
    # decision threshold of 0.5 would be arbitrary.
    return EEGNet(**shape.for_braindecode(), kernel_length=100, batch_norm_momentum=0.1)


def _st_transformer(shape: Shape) -> nn.Module:
    return STTransformer(shape.n_channels, shape.n_times, shape.n_classes)


def _bendr(shape: Shape) -> nn.Module:
    from braindecode.models import BENDR

    return BENDR(**shape.for_braindecode())


def _biot(shape: Shape) -> nn.Module:
    from braindecode.models import BIOT

    return BIOT(**shape.for_braindecode())


def _labram(shape: Shape) -> nn.Module:
    from braindecode.models import Labram

    sizes = shape.for_braindecode(whole_seconds=True)
    network = Labram(**sizes, drop_path_prob=0.1, use_mean_pooling=True)
    return WholePatches(network, ch_names=labram_names(shape.ch_names))


def _cbramod(shape: Shape) -> WholePatches:
    n_patches = -(-shape.n_times // PATCH)
    n_tokens, width = shape.n_channels * n_patches, n_patches * PATCH
    return _cbramod_with(
        shape,
        nn.Sequential(
            nn.Flatten(),
            *(nn.Linear(n_tokens * PATCH, width), nn.ELU(), nn.Dropout(0.1)),
            *(nn.Linear(width, PATCH), nn.ELU(), nn.Dropout(0.1)),
            nn.Linear(PATCH, shape.n_classes),
        ),
    )


def _cbramod_mean(shape: Shape) -> WholePatches:
    return _cbramod_with(shape, MeanHead(PATCH, shape.n_classes))


def _cbramod_with(shape: Shape, head: nn.Module) -> WholePatches:
    """CBraMod with one of its authors' heads; its projection is only for pretraining."""
    from braindecode.models import CBraMod

    network = CBraMod(**shape.for_braindecode(whole_seconds=True), return_encoder_output=True)
    network.proj_out, network.final_layer = nn.Identity(), head
    return WholePatches(network)


@dataclass(frozen=True)
class Rival:
    """A network with its authors' settings.

    Attributes
    ----------
    label : str
    build : callable
        Builds the network for a :class:`Shape`.
    scale : callable
        Converts microvolts to the network's input.
    lr, weight_decay : float
    batch_size, max_epochs : int
        ``max_epochs`` is a budget for two CPU cores: the published ones are several times that.
    label_smoothing : float
        Used with more than two classes.
    head_lr_factor : float
        Factor of ``lr`` for the parameters called ``final_layer``.
    hub : str, optional
        Published weights.
    input_of_weights : callable, optional
        Converts windows and channel names to those that the published weights need.
    """

    label: str
    build: Callable[[Shape], nn.Module]
    scale: Callable[[NDArray], NDArray]
    lr: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    label_smoothing: float = 0.0
    head_lr_factor: float = 1.0
    hub: str | None = None
    input_of_weights: Callable[[NDArray, Sequence[str]], tuple[NDArray, list[str]]] | None = None


RIVALS = {
    # Lawhern et al. (2018): Adam, 1e-3.
    "eegnet": Rival("EEGNet", _eegnet, hundred_microvolts, 1e-3, 0.0, 32, 30),
    # Song et al. (2021): Adam, 2e-4, batches of 50.
    "st-transformer": Rival(
        "ST-Transformer", _st_transformer, hundred_microvolts, 2e-4, 0.0, 50, 12
    ),
    # Kostas et al. (2021), downstream settings: 1e-5 to 5e-5, weight decay 0.01, 7 to 40 epochs.
    "bendr": Rival(
        "BENDR",
        _bendr,
        by_range_with_scale,
        5e-5,
        0.01,
        32,
        4,
        hub="braindecode/braindecode-bendr",
        input_of_weights=as_bendr_was_trained,
    ),
    # Yang et al. (2023), supervised runs: 1e-3, weight decay 1e-5.
    "biot": Rival(
        "BIOT",
        _biot,
        by_percentile,
        1e-3,
        1e-5,
        32,
        8,
        hub="braindecode/biot-pretrained-prest-16chs",
    ),
    # Jiang et al. (2024), fine-tuning: 5e-4, weight decay 0.05, 50 epochs; all blocks have one rate
    # here, since rates that fall towards the input are for pretrained blocks.
    "labram": Rival(
        "LaBraM",
        _labram,
        hundred_microvolts,
        5e-4,
        0.05,
        64,
        8,
        hub="braindecode/labram-pretrained",
    ),
    # Wang et al. (2025), fine-tuning: 1e-4, five times that for the head of three layers on all
    # tokens, weight decay 0.05, smoothing 0.1 for several classes, 50 epochs.
    "cbramod": Rival(
        "CBraMod",
        _cbramod,
        hundred_microvolts,
        1e-4,
        0.05,
        64,
        8,
        0.1,
        5.0,
        hub="braindecode/cbramod-pretrained",
    ),
    "cbramod-mean": Rival(
        "CBraMod, mean head",
        _cbramod_mean,
        hundred_microvolts,
        1e-4,
        0.05,
        64,
        8,
        0.1,
        5.0,
        hub="braindecode/cbramod-pretrained",
    ),
}


def count_parameters(network: nn.Module) -> int:
    """Count the parameters of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def build_network(name: str, shape: Shape, seed: int) -> nn.Module:
    """Build a rival's network, initialised from a seed.

    Parameters
    ----------
    name : str
    shape : Shape
    seed : int

    Returns
    -------
    nn.Module
    """
    torch.manual_seed(seed)
    return RIVALS[name].build(shape)
