"""Plot the attention of the class token."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.nn.encoder import HEAD_WIDTH, Attention
from sk_brainrvq.signals import PatchGroup
from sk_brainrvq.signals.electrodes import ElectrodeMatch
from sk_brainrvq.viz._shared import style
from sk_brainrvq.viz._shared.plot_inputs import check_epoch, encoder_of, read_patches
from sk_brainrvq.viz._shared.topography import draw_topography, has_place

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_attention(
    estimator: Any,
    X: Any,
    *,
    epoch: int | None = None,
    layer: int | Sequence[int] = -1,
    ax: "Axes | Sequence[Axes] | NDArray | None" = None,
) -> NDArray:
    """Draw how the class token distributes its attention over the channels.

    The attention of the class token to the patches of a channel is summed over time, divided by
    its attention to all patches, and averaged over heads and epochs. If it were uniform, each of
    19 channels would get 5.3 %.

    Parameters
    ----------
    estimator : fitted estimator with an encoder
        A pretrainer, embedder, classifier, regressor or tokenizer.
    X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
        EEG, as in the methods of the estimator.
    epoch : int, optional
        Number of one epoch, from 0; by default the mean over all epochs is drawn.
    layer : int or sequence of int, default=-1
        Blocks of the encoder, numbered as in a Python list, with one panel each.
    ax : Axes or sequence of Axes, optional
        One per layer; a new figure by default.

    Returns
    -------
    ndarray of Axes, shape (n_layers,)

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If the epoch or a layer does not exist, if the number of axes is wrong, if the estimator
        has no encoder, or if fewer than 4 channels have a position on the head.

    Examples
    --------
    .. plot::

       >>> from sk_brainrvq import BrainRVQEmbedder
       >>> from sk_brainrvq.datasets import make_eeg
       >>> from sk_brainrvq.viz import plot_attention
       >>> eeg = make_eeg(n_subjects=2, n_windows=8, random_state=0)
       >>> embedder = BrainRVQEmbedder(weights=None, architecture="tiny", sfreq=eeg.sfreq,
       ...                             ch_names=eeg.ch_names, random_state=0).fit(eeg.X)
       >>> axes = plot_attention(embedder, eeg.X, layer=[0, -1])
       >>> axes.shape
       (2,)
    """
    encoder = encoder_of(estimator)
    layers = _layers(layer, encoder.depth)
    groups = read_patches(estimator, X)
    if epoch is not None:
        check_epoch(epoch, 1 + max(int(group.epoch.max()) for group in groups))
    shares, matches = _shares(encoder, groups, epoch, layers, estimator.batch_size)
    axes = style.take_axes(
        ax, len(layers), "one for each layer", lambda: style.grid_axes(len(layers), 3, 3.0)
    )
    shown = 100 * shares[:, has_place(matches)]
    limits = (shown.min(initial=100.0), shown.max(initial=0.0))
    for axis, number, share in zip(axes, layers, shares, strict=True):
        image = draw_topography(axis, 100 * share, matches, limits)
        style.dress(axis, f"Block {number + 1} of {encoder.depth}")
    label = "Attention of the class token (%)"
    style.colour_bar(image, list(axes), label, shrink=0.85)
    return axes


def _layers(layer: int | Sequence[int], depth: int) -> list[int]:
    """Convert layers to numbers of blocks, from 0."""
    given = [layer] if isinstance(layer, (int, np.integer)) else list(layer)
    if not given or not all(
        isinstance(n, (int, np.integer)) and -depth <= n < depth for n in given
    ):
        raise ValueError(
            f"layer={layer!r} was given, but the encoder has {depth} blocks; expected -{depth} to "
            f"{depth - 1}."
        )
    return [int(number) % depth for number in given]


def _shares(
    encoder: EEGEncoder,
    groups: Sequence[PatchGroup],
    epoch: int | None,
    layers: Sequence[int],
    batch_size: int,
) -> tuple[NDArray, list[ElectrodeMatch]]:
    """Compute the mean share of attention to each channel, (n_layers, n_channels)."""
    sums: dict[str, NDArray] = {}
    weights: dict[str, float] = {}
    matches: dict[str, ElectrodeMatch] = {}
    device = encoder.cls_token.device
    for group in groups:
        rows = slice(None) if epoch is None else np.flatnonzero(group.epoch == epoch)
        read = slice(None) if group.channels is None else group.channels
        patches = group.patches[rows][:, read]
        electrodes = torch.from_numpy(group.electrodes[read]).to(device)
        for start in range(0, len(patches), batch_size):
            x = torch.from_numpy(patches[start : start + batch_size]).to(device)
            to_patches = class_attention(encoder, x, electrodes, layers)[..., 1:]
            by_channel = to_patches.unflatten(-1, x.shape[1:3]).sum(-1)
            share = by_channel / by_channel.sum(-1, keepdim=True)
            # Segments of a long epoch, and epochs of different lengths, are weighted by seconds.
            totals = x.shape[2] * share.double().sum(1).cpu().numpy()
            for channel, match in enumerate(np.array(group.matches, dtype=object)[read]):
                name = match.channel
                matches.setdefault(name, match)
                sums[name] = sums.get(name, 0) + totals[:, channel]
                weights[name] = weights.get(name, 0) + len(x) * x.shape[2]
    return np.stack([sums[name] / weights[name] for name in sums], axis=1), list(matches.values())


def class_attention(
    encoder: EEGEncoder, x: Tensor, electrodes: Tensor, layers: Sequence[int]
) -> Tensor:
    """Compute the attention of the class token to all tokens, averaged over heads.

    Parameters
    ----------
    encoder : EEGEncoder
    x : Tensor, shape (B, C, P, 200)
        Patches in units of 100 microvolts.
    electrodes : Tensor, shape (C,) int64 or (C, 129) float
    layers : sequence of int
        Numbers of blocks, from 0.

    Returns
    -------
    Tensor, shape (n_layers, B, 1 + C * P)
        Weights that sum to 1 over the tokens, the class token first.
    """
    found: dict[int, Tensor] = {}

    def keep(number: int) -> Any:
        def hook(module: Attention, arguments: tuple[Tensor]) -> None:
            found[number] = _class_weights(module, arguments[0])

        return hook

    # The blocks use a fused kernel that does not return its weights. They are computed again from
    # the block's input, for one query only.
    blocks: Any = encoder.blocks
    hooks = [blocks[n].attn.register_forward_pre_hook(keep(n)) for n in set(layers)]
    try:
        with torch.inference_mode():
            encoder(x, electrodes)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack([found[number] for number in layers])


def _class_weights(attention: Attention, tokens: Tensor) -> Tensor:
    """Compute the weights (B, N) of the first token's query, averaged over heads."""
    width = tokens.shape[-1]
    query, key = attention.qkv(tokens)[..., : 2 * width].split(width, -1)
    query = query[:, :1]
    if attention.q_bias is not None:
        query = query + attention.q_bias
    heads = (attention.n_heads, HEAD_WIDTH)
    query, key = (
        attention.q_norm(query.unflatten(-1, heads)),
        attention.k_norm(key.unflatten(-1, heads)),
    )
    logits = torch.einsum("bqhd,bnhd->bhn", query, key) / HEAD_WIDTH**0.5
    return logits.softmax(-1).mean(1)
