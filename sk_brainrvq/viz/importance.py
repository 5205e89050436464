"""Which patches are important, and which of them a mask hides."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Darkened and hatched: visible without colour, and the signal below stays legible.
_HIDDEN: dict[str, Any] = {
    "facecolor": (0, 0, 0, 0.55),
    "edgecolor": (1, 1, 1, 0.35),
    "hatch": "//",
    "linewidth": 0,
}


def plot_importance(
    X: NDArray,
    *,
    sfreq: float = 200.0,
    ch_names: Sequence[str] | None = None,
    epoch: int = 0,
    info_weight: float = 0.5,
    random_state: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the importance of each second of each channel, a mask over it, and the signals.

    Parameters
    ----------
    X : ndarray, shape (n_epochs, n_channels, n_times)
        EEG in microvolts.
    sfreq : float, default=200.0
        Sampling rate in Hz.
    ch_names : sequence of str, optional
    epoch : int, default=0
    info_weight : float, default=0.5
        Weight of importance against chance in the mask, from 0 to 1.
    random_state : int, default=0
        Seed of the mask.
    ax : Axes, optional
        A new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If X is not 3-D, ``epoch`` is not in it, or names do not match channels.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch, Rectangle

    X = np.asarray(X)
    if X.ndim != 3 or not 0 <= epoch < len(X):
        raise ValueError(
            f"epoch={epoch} was given for X of shape {X.shape}; expected X (n_epochs, n_channels, "
            "n_times) and an epoch within it."
        )
    patches = _patches(X[epoch : epoch + 1], sfreq)
    scores, hidden = _scores_and_mask(patches, info_weight, random_state)
    n_channels, n_patches = scores.shape
    names = list(ch_names) if ch_names is not None else [str(i) for i in range(n_channels)]
    if len(names) != n_channels:
        raise ValueError(f"{len(names)} ch_names were given for {n_channels} channels.")
    if ax is None:
        _, ax = plt.subplots(figsize=(10, 0.32 * n_channels + 1.5), layout="constrained")
    image = ax.imshow(
        scores,
        cmap="viridis",
        aspect="auto",
        extent=(0, n_patches, n_channels - 0.5, -0.5),
    )
    for channel, patch in np.argwhere(hidden):
        corner = (patch, channel - 0.5)
        ax.add_patch(Rectangle(corner, 1, 1, **_HIDDEN))
    _draw_signals(ax, patches[0].reshape(n_channels, -1))
    ax.set_yticks(range(n_channels), names, fontsize=8)
    ax.set_xlabel("Time (s)")
    ax.set_title(f"Importance of each second; {hidden.mean():.0%} hidden", loc="left", fontsize=10)
    ax.figure.colorbar(image, ax=ax, label="Importance")
    ax.legend(
        handles=[Patch(label="hidden", **_HIDDEN)],
        loc="lower right",
        bbox_to_anchor=(1, 1),
        frameon=False,
        fontsize=8,
    )
    return ax


def _patches(X: NDArray, sfreq: float) -> NDArray:
    """Patches (1, n_channels, n_patches, 200) in 100 microvolts."""
    from sk_brainrvq.signals import blocks_from_array, stream

    groups = list(stream(blocks_from_array(X, sfreq, None, "uV"), warn=False))
    groups.sort(key=lambda group: group.segment[0])
    return np.concatenate([group.patches for group in groups], axis=2)


def _scores_and_mask(
    patches: NDArray, info_weight: float, random_state: int
) -> tuple[NDArray, NDArray]:
    """Scores and mask, each (n_channels, n_patches)."""
    import torch

    from sk_brainrvq.nn import importance_guided_mask, importance_scores

    x = torch.from_numpy(patches)
    generator = torch.Generator().manual_seed(random_state)
    mask = importance_guided_mask(x, info_weight, generator=generator)
    return importance_scores(x)[0].numpy(), mask[0].numpy()


def _draw_signals(ax: Any, signals: NDArray) -> None:
    """Each channel as a line within its row."""
    centred = signals - signals.mean(1, keepdims=True)
    height = np.percentile(np.abs(centred), 99) or 1.0
    times = np.arange(signals.shape[1]) / 200
    for channel, line in enumerate(centred):
        shown = channel - 0.45 * np.clip(line / height, -1, 1)
        ax.plot(times, shown, color="white", linewidth=0.6)
