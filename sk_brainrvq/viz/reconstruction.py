"""What each level of codes adds to a reconstruction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart by colour-blind eyes and, by lightness, in print.
ORIGINAL, RECONSTRUCTED = "#000000", "#D55E00"


def plot_reconstruction(
    tokenizer: Any,
    X: Any,
    *,
    epoch: int = 0,
    channel: int = 0,
    ax: "Sequence[Axes] | None" = None,
) -> "NDArray":
    """Draw a channel of an epoch against its reconstruction after each level.

    Parameters
    ----------
    tokenizer : DDRVQTransformer
        Fitted.
    X : ndarray, shape (n_epochs, n_channels, n_times)
        EEG in the tokenizer's unit and at its rate.
    epoch, channel : int, default=0
        Which signal to draw.
    ax : sequence of Axes, optional
        One a level; a new figure by default.

    Returns
    -------
    ndarray of Axes
        One a level, coarse to fine.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the tokenizer is not fitted.
    ValueError
        If ``epoch`` or ``channel`` is not in X, or there are not as many axes as levels.
    """
    import matplotlib.pyplot as plt
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(tokenizer)
    X = np.asarray(X)
    if X.ndim != 3 or not (0 <= epoch < X.shape[0] and 0 <= channel < X.shape[1]):
        raise ValueError(
            f"epoch={epoch} and channel={channel} were given for X of shape {X.shape}; expected "
            "X (n_epochs, n_channels, n_times) and numbers within it."
        )
    n_levels = tokenizer.net_.module_.n_quantizers
    if ax is None:
        _, ax = plt.subplots(
            n_levels, 1, figsize=(9, 2 * n_levels), sharex=True, sharey=True, layout="constrained"
        )
    axes = np.atleast_1d(np.asarray(ax, dtype=object))
    if len(axes) != n_levels:
        raise ValueError(f"{len(axes)} axes were given for {n_levels} levels; give one a level.")
    one = X[epoch : epoch + 1]
    # With every level in place a reconstruction is in microvolts: so is what stands beside it.
    original = one[0, channel] * _to_microvolts(tokenizer.unit)
    times = np.arange(X.shape[-1]) / (tokenizer.sfreq or 200.0)
    for level, axis in enumerate(axes, start=1):
        rebuilt = tokenizer.reconstruct(one, n_levels=level)[0, channel]
        explained = 1 - np.sum((rebuilt - original) ** 2) / np.sum(
            (original - original.mean()) ** 2
        )
        axis.plot(times, original, color=ORIGINAL, linewidth=0.8, label="original")
        axis.plot(times, rebuilt, color=RECONSTRUCTED, linewidth=1.2, label="reconstructed")
        axis.set_ylabel("µV")
        axis.set_title(_title(level, explained), loc="left", fontsize=10)
    name = (tokenizer.ch_names_in_ or [f"channel {i}" for i in range(X.shape[1])])[channel]
    axes[0].legend(loc="upper right", fontsize=8, ncols=2)
    axes[-1].set_xlabel(f"Time (s), {name}")
    return axes


def _to_microvolts(unit: str) -> float:
    from sk_brainrvq.signals.units import UNITS

    return UNITS[unit]


def _title(level: int, explained: float) -> str:
    levels = "level 1" if level == 1 else f"levels 1 to {level}"
    return f"{levels}: {100 * explained:.0f} % of the signal's variance"
