"""The networks of other groups: what each is, how its authors feed and train it.

Network and input scaling are their authors'; so are learning rate, weight decay and label
smoothing, from the published code or paper. Schedule, loss weights, clipping and the choice of
the epoch are the same for all. Nothing here was tuned on any subject of the table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly
from torch import Tensor, nn
from torch.nn import functional as F

from table.st_transformer import STTransformer

PATCH = 200
_LATER_NAMES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
Build = Callable[..., nn.Module]


def hundred_microvolts(X: NDArray) -> NDArray:
    """Microvolts in units of 100: the protocol's input, and that of LaBraM and CBraMod."""
    return (X / 100).astype(np.float32)


def by_percentile(X: NDArray) -> NDArray:
    """Each channel of a window over the 95th percentile of its size, as BIOT's authors do."""
    size = np.quantile(np.abs(X), 0.95, axis=-1, keepdims=True)
    return (X / (size + 1e-8)).astype(np.float32)


def by_range_with_scale(X: NDArray) -> NDArray:
    """Windows stretched to -1 to 1, and a channel that holds how large they were: BENDR.

    The authors set the size in relation to a data set's largest value; here it is 1 mV, so that
    nothing is learnt from other windows.
    """
    low, high = X.min((1, 2), keepdims=True), X.max((1, 2), keepdims=True)
    stretched = 2 * (X - low) / np.maximum(high - low, 1e-8) - 1
    scale = 2 * np.clip((high - low) / 1000, 0, 1) - 1
    scale = np.broadcast_to(scale, (len(X), 1, X.shape[-1]))
    return np.concatenate([stretched, scale], axis=1).astype(np.float32)


def as_bendr_was_trained(X: NDArray, ch_names: Sequence[str]) -> tuple[NDArray, list[str]]:
    """The 19 channels of BENDR's published weights, in their order, at their 256 Hz.

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_channels, n_times)
        At 200 Hz.
    ch_names : sequence of str

    Returns
    -------
    tuple of ndarray and list of str

    Raises
    ------
    ValueError
        If one of the 19 is missing: the first convolution is tied to them.
    """
    from braindecode.models.bendr import BENDR_CHANNEL_ORDER

    row = {_LATER_NAMES.get(name.upper(), name.upper()): i for i, name in enumerate(ch_names)}
    wanted = [_LATER_NAMES.get(name, name) for name in BENDR_CHANNEL_ORDER if name != "SCALE"]
    missing = [name for name in wanted if name not in row]
    if missing:
        raise ValueError(f"--pretrained: BENDR's weights need the channels {missing} too.")
    chosen = X[:, [row[name] for name in wanted]]
    return resample_poly(chosen, 32, 25, axis=-1).astype(np.float32), wanted


class WholePatches(nn.Module):
    """A network that takes whole seconds: shorter rests are filled with zeros.

    Parameters
    ----------
    network : nn.Module
    **arguments
        Of its ``forward``.
    """

    def __init__(self, network: nn.Module, **arguments: Any):
        super().__init__()
        self.network = network
        self.arguments = arguments

    def forward(self, x: Tensor) -> Tensor:
        """Signals (B, C, T) to logits."""
        return self.network(F.pad(x, (0, -x.shape[-1] % PATCH)), **self.arguments)


class MeanHead(nn.Module):
    """A linear map of the mean token of CBraMod, in place of one of all tokens."""

    def __init__(self, width: int, n_classes: int):
        super().__init__()
        self.linear = nn.Linear(width, n_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, C, P, D) to logits."""
        return self.linear(tokens.mean((1, 2)))


def labram_names(ch_names: Sequence[str]) -> list[str]:
    """Names from LaBraM's table of positions for these channels.

    Parameters
    ----------
    ch_names : sequence of str
        A pair that the table lacks takes the place of its first electrode.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        For a channel that is in no way in the table.
    """
    from braindecode.models.labram import LABRAM_CHANNEL_ORDER

    known = {name.upper() for name in LABRAM_CHANNEL_ORDER}
    names = []
    for name in ch_names:
        electrodes = name.upper().split("-")
        pair = "-".join(_LATER_NAMES.get(electrode, electrode) for electrode in electrodes)
        fitting = [n for n in (name.upper(), pair, electrodes[0]) if n in known]
        if not fitting:
            raise ValueError(f"LaBraM has no position for channel {name!r}.")
        names.append(fitting[0])
    return names


def _sizes(n_channels: int, n_times: int, n_classes: int) -> dict[str, Any]:
    return {"n_chans": n_channels, "n_times": n_times, "n_outputs": n_classes, "sfreq": 200}


def _eegnet(n_channels: int, n_times: int, n_classes: int, ch_names: Sequence[str]) -> nn.Module:
    from braindecode.models import EEGNet

    # Half a second of temporal filter, as the authors ask for.
    return EEGNet(**_sizes(n_channels, n_times, n_classes), kernel_length=100)


def _st_transformer(
    n_channels: int, n_times: int, n_classes: int, ch_names: Sequence[str]
) -> nn.Module:
    return STTransformer(n_channels, n_times, n_classes)


def _bendr(n_channels: int, n_times: int, n_classes: int, ch_names: Sequence[str]) -> nn.Module:
    from braindecode.models import BENDR

    return BENDR(**_sizes(n_channels, n_times, n_classes))


def _biot(n_channels: int, n_times: int, n_classes: int, ch_names: Sequence[str]) -> nn.Module:
    from braindecode.models import BIOT

    return BIOT(**_sizes(n_channels, n_times, n_classes))


def _labram(n_channels: int, n_times: int, n_classes: int, ch_names: Sequence[str]) -> nn.Module:
    from braindecode.models import Labram

    padded = n_times + -n_times % PATCH
    network = Labram(
        **_sizes(n_channels, padded, n_classes), drop_path_prob=0.1, use_mean_pooling=True
    )
    return WholePatches(network, ch_names=labram_names(ch_names))


def _cbramod(n_channels: int, n_times: int, n_classes: int, ch_names: Sequence[str]) -> nn.Module:
    from braindecode.models import CBraMod

    return WholePatches(CBraMod(**_sizes(n_channels, n_times + -n_times % PATCH, n_classes)))


def _cbramod_mean(
    n_channels: int, n_times: int, n_classes: int, ch_names: Sequence[str]
) -> nn.Module:
    network = _cbramod(n_channels, n_times, n_classes, ch_names)
    network.network.final_layer = MeanHead(200, n_classes)
    return network


@dataclass(frozen=True)
class Rival:
    """A network with its authors' habits.

    Attributes
    ----------
    label : str
    build : callable
        Takes n_channels, n_times, n_classes and ch_names.
    scale : callable
        Microvolts to the network's input.
    lr, weight_decay, label_smoothing : float
    batch_size, max_epochs : int
        ``max_epochs`` is a budget for two CPU cores: the published ones are several times that.
    hub : str, optional
        Published weights.
    input_of_weights : callable, optional
        Takes windows and channel names to those that the published weights need.
    """

    label: str
    build: Build
    scale: Callable[[NDArray], NDArray]
    lr: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    label_smoothing: float = 0.0
    hub: str | None = None
    input_of_weights: Callable[[NDArray, Sequence[str]], tuple[NDArray, list[str]]] | None = None


RIVALS = {
    # Lawhern et al. (2018): Adam, 1e-3.
    "eegnet": Rival("EEGNet", _eegnet, hundred_microvolts, 1e-3, 0.0, 32, 50),
    # Song et al. (2021): Adam, 2e-4, batches of 50.
    "st-transformer": Rival(
        "ST-Transformer", _st_transformer, hundred_microvolts, 2e-4, 0.0, 50, 30
    ),
    # Kostas et al. (2021), downstream settings: 1e-5 to 5e-5, weight decay 0.01, 7 to 40 epochs.
    "bendr": Rival(
        "BENDR",
        _bendr,
        by_range_with_scale,
        5e-5,
        0.01,
        32,
        6,
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
        15,
        hub="braindecode/biot-pretrained-prest-16chs",
    ),
    # Jiang et al. (2024), fine-tuning: 5e-4, weight decay 0.05, 50 epochs; one rate for all blocks
    # here, since rates that fall towards the input are for pretrained blocks.
    "labram": Rival(
        "LaBraM",
        _labram,
        hundred_microvolts,
        5e-4,
        0.05,
        64,
        15,
        hub="braindecode/labram-pretrained",
    ),
    # Wang et al. (2025), fine-tuning: 1e-4, weight decay 0.05, smoothing 0.1, 50 epochs.
    "cbramod": Rival(
        "CBraMod",
        _cbramod,
        hundred_microvolts,
        1e-4,
        0.05,
        64,
        15,
        0.1,
        hub="braindecode/cbramod-pretrained",
    ),
    "cbramod-mean": Rival(
        "CBraMod, mean head",
        _cbramod_mean,
        hundred_microvolts,
        1e-4,
        0.05,
        64,
        15,
        0.1,
        hub="braindecode/cbramod-pretrained",
    ),
}


def load_published(network: nn.Module, name: str) -> str:
    """Copy a rival's published weights from the hub into a network, as far as they fit.

    Parameters
    ----------
    network : nn.Module
        As built by ``RIVALS[name].build``.
    name : str

    Returns
    -------
    str
        What was copied, in words.

    Raises
    ------
    ValueError
        If the rival has no published weights, or fewer than half of them fit.
    """
    hub = RIVALS[name].hub
    if hub is None:
        raise ValueError(f"--pretrained: {RIVALS[name].label} has no published weights.")
    from huggingface_hub import hf_hub_download
    from safetensors.torch import load_file

    published = load_file(hf_hub_download(hub, "model.safetensors"))
    return copy_weights(network, published, hub)


def copy_weights(network: nn.Module, published: dict[str, Tensor], source: str) -> str:
    """Copy tensors of equal names and shapes, the output layer left out.

    Parameters
    ----------
    network : nn.Module
    published : dict of str to Tensor
    source : str
        For messages.

    Returns
    -------
    str
        How much was copied, and which tensors were not.

    Raises
    ------
    ValueError
        If they are fewer than half of the network's parameters.
    """
    inner = network.network if isinstance(network, WholePatches) else network
    own = inner.state_dict()
    fitting = {
        key: _first_rows(published[key], value)
        for key, value in own.items()
        if key in published and not key.startswith("final_layer")
    }
    fitting = {key: value for key, value in fitting.items() if value.shape == own[key].shape}
    inner.load_state_dict({**own, **fitting})
    share = sum(v.numel() for v in fitting.values()) / sum(v.numel() for v in own.values())
    if share < 0.5:
        raise ValueError(
            f"--pretrained: only {share:.0%} of the network's parameters are in {source}; its "
            "channels or lengths do not fit this dataset."
        )
    left = ", ".join(sorted(own.keys() - fitting.keys()))
    return f"{share:.0%} of the network's parameters from {source}; not from there: {left}"


def _first_rows(published: Tensor, own: Tensor) -> Tensor:
    """Position tables longer than needed, cut to the first rows."""
    longer = published.ndim == own.ndim == 3 and published.shape[1] > own.shape[1]
    return published[:, : own.shape[1]] if longer else published


def count_parameters(network: nn.Module) -> int:
    """Parameters of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def build_network(
    name: str, shape: tuple[int, ...], n_classes: int, ch_names: Sequence[str], seed: int
) -> nn.Module:
    """A rival's network, initialised from a seed.

    Parameters
    ----------
    name : str
    shape : tuple
        Of the scaled windows, (n_windows, n_channels, n_times).
    n_classes : int
    ch_names : sequence of str
    seed : int

    Returns
    -------
    nn.Module
    """
    torch.manual_seed(seed)
    return RIVALS[name].build(shape[1], shape[2], n_classes, ch_names)
