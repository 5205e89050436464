"""Plot which patches are important, and which of them a mask hides."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals import ReadSettings, stream
from sk_brainrvq.viz._shared import style
from sk_brainrvq.viz._shared.plot_inputs import epoch_of, names_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Darkened and hatched, which is visible without colour and leaves the signal below legible.
_HIDDEN: dict[str, Any] = {
    "facecolor": (0, 0, 0, 0.6),
    "edgecolor": (1, 1, 1, 0.35),
    "hatch": "//",
    "linewidth": 0,
}


def plot_importance(
    X: Any,
    *,
    sfreq: float | None = None,
    ch_names: Sequence[str] | None = None,
    unit: str = "uV",
    window: float = 10.0,
    epoch: int = 0,
    info_weight: float = 0.5,
    random_state: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the importance of each second of each channel, a mask over it, and the signals.

    Parameters
    ----------
    X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
        EEG; arrays have shape (n_epochs, n_channels, n_times) or, for one channel,
        (n_epochs, n_times).
    sfreq : float, optional
        Sampling rate of arrays in Hz; 200 by default.
    ch_names : sequence of str, optional
        Channel names of arrays.
    unit : {"uV", "mV", "V"}, default="uV"
        Unit of arrays; MNE objects know their own unit, sampling rate and names.
    window : float, default=10.0
        Length in seconds of the epochs that continuous recordings are cut into.
    epoch : int, default=0
        Number of the epoch, from 0.
    info_weight : float, default=0.5
        Weight of importance relative to chance in the mask, from 0 to 1.
    random_state : int, default=0
        Seed of the mask.
    ax : Axes, optional
        Axes to draw on; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If X cannot be used as EEG, if ``epoch`` is not in it, if ``info_weight`` is not between 0
        and 1, or if names do not match channels.

    Examples
    --------
    .. plot::

       >>> from sk_brainrvq.datasets import make_eeg
       >>> from sk_brainrvq.viz import plot_importance
       >>> eeg = make_eeg(n_subjects=1, n_windows=4, duration=10, random_state=1)
       >>> ax = plot_importance(eeg.X, sfreq=eeg.sfreq, ch_names=eeg.ch_names, epoch=1)
       >>> ax.get_xlabel()
       'Time (s)'
    """
    from matplotlib.patches import Patch, Rectangle

    if not 0 <= info_weight <= 1:
        raise ValueError(f"info_weight={info_weight} was given; expected a weight from 0 to 1.")
    patches, names, read = _patches(X, ReadSettings(sfreq, ch_names, unit, window), epoch)
    scores, hidden = _scores_and_mask(patches, read, info_weight, random_state)
    n_channels, n_patches = scores.shape
    if ax is None:
        ax = style.new_axes(1, 1, 0.26 * min(n_channels, 60) + 1.3)[0, 0]
    assert ax is not None
    image = ax.imshow(
        scores,
        cmap="viridis",
        vmin=0,
        vmax=1,
        aspect="auto",
        extent=(0, n_patches, n_channels - 0.5, -0.5),
    )
    for channel, patch in np.argwhere(hidden):
        ax.add_patch(Rectangle((patch, channel - 0.5), 1, 1, **_HIDDEN))
    microvolts = _draw_signals(ax, 100 * patches[0].reshape(n_channels, -1))
    share = hidden[read].mean()
    style.dress(
        ax,
        f"Importance of each second; {share:.0%} hidden; a row is {microvolts:.0f} µV high",
        "Time (s)",
        "Channel",
    )
    style.name_channels(ax, names)
    style.colour_bar(image, ax, "Importance (0 to 1)", pad=0.02)
    style.legend(
        ax,
        handles=[Patch(label="hidden", **_HIDDEN)],
        loc="lower right",
        bbox_to_anchor=(1, 1),
        borderpad=0.1,
    )
    return ax


def _patches(X: Any, settings: ReadSettings, epoch: int) -> tuple[NDArray, list[str], NDArray]:
    """Return patches (1, n_channels, n_patches, 200), names, and channels with a position.

    Patches are in units of 100 microvolts.
    """
    block = epoch_of(X, settings, epoch)
    groups = sorted(stream([block], warn=False), key=lambda group: group.segment[0])
    patches = np.concatenate([group.patches for group in groups], axis=2)
    read, n_channels = groups[0].channels, patches.shape[1]
    names = names_of(block.ch_names, n_channels)
    return patches, names, np.arange(n_channels) if read is None else read


def _scores_and_mask(
    patches: NDArray, read: NDArray, info_weight: float, random_state: int
) -> tuple[NDArray, NDArray]:
    """Compute scores and mask, each (n_channels, n_patches); NaN and False for unread channels."""
    import torch

    from sk_brainrvq.nn import importance_guided_mask, importance_scores

    x = torch.from_numpy(patches[:, read])
    generator = torch.Generator().manual_seed(random_state)
    mask = importance_guided_mask(x, info_weight, generator=generator)
    hidden = np.zeros(patches.shape[1:3], bool)
    scores = np.full(hidden.shape, np.nan)
    scores[read], hidden[read] = importance_scores(x)[0].numpy(), mask[0].numpy()
    return scores, hidden


def _draw_signals(ax: Any, signals: NDArray) -> float:
    """Draw each channel as a line in its row; return the height of a row in microvolts."""
    centred = signals - signals.mean(1, keepdims=True)
    height = float(np.percentile(np.abs(centred), 99)) or 1.0
    times = np.arange(signals.shape[1]) / 200
    for channel, line in enumerate(centred):
        shown = channel - 0.45 * np.clip(line / height, -1, 1)
        ax.plot(times, shown, color="white", linewidth=0.6)
    return height / 0.45
