"""Plot the usage of the codebooks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.viz._shared import style
from sk_brainrvq.viz._shared.plot_inputs import check_codes, tokenizer_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": style.BLUE, "hatch": ""},
    {"color": style.ORANGE, "hatch": "//"},
)


def plot_codebook_usage(
    tokenizer: Any, codes: Any = None, *, ax: "Sequence[Axes] | NDArray | None" = None
) -> NDArray:
    """Draw the share of codes in use and the perplexity of each level.

    Parameters
    ----------
    tokenizer : DDRVQTransformer
        Fitted tokenizer.
    codes : ndarray, shape (n_epochs, n_channels, n_patches, 2, n_quantizers), optional
        Codes of other EEG, from :meth:`~sk_brainrvq.DDRVQTransformer.transform`. By default the
        usage on the EEG of ``fit`` is drawn: ``codebook_usage_`` and ``perplexity_``.
    ax : sequence of 2 Axes, optional
        Axes to draw on; a new figure by default.

    Returns
    -------
    ndarray of Axes, shape (2,)
        Usage in per cent, and perplexity, which is the effective number of codes in use, with the
        size of the codebook as a line.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the tokenizer is not fitted.
    ValueError
        If the estimator is not a tokenizer, if the codes do not match it, or if the number of axes
        is wrong.

    Examples
    --------
    .. plot::

       >>> from sk_brainrvq import DDRVQTransformer
       >>> from sk_brainrvq.datasets import make_eeg
       >>> from sk_brainrvq.viz import plot_codebook_usage
       >>> eeg = make_eeg(n_subjects=2, n_windows=8, random_state=0)
       >>> tokenizer = DDRVQTransformer(architecture="tiny", max_epochs=2, batch_size=4,
       ...                              sfreq=eeg.sfreq, ch_names=eeg.ch_names, random_state=0)
       >>> usage, perplexity = plot_codebook_usage(tokenizer.fit(eeg.X))
       >>> usage.get_ylabel(), perplexity.get_ylabel()
       ('Codes in use (%)', 'Perplexity (codes)')
    """
    quantizers = tokenizer_of(tokenizer).quantizers
    sizes = np.array([quantizer.codebook_sizes for quantizer in quantizers])
    if codes is None:
        usage, perplexity = tokenizer.codebook_usage_, tokenizer.perplexity_
    else:
        usage, perplexity = _usage(check_codes(codes, tokenizer), sizes)
    axes = style.take_axes(
        ax, 2, "one for usage and one for perplexity", lambda: style.new_axes(1, 2, 3.2)
    )
    _draw_bars(axes[0], 100 * usage)
    axes[0].set_ylim(0, 105)
    style.dress(axes[0], "How many codes occur", "Level", "Codes in use (%)")
    _draw_bars(axes[1], perplexity)
    largest = sizes.max(0)
    edges = np.arange(len(largest) + 1) + 0.5
    axes[1].stairs(
        largest,
        edges,
        baseline=None,
        color=style.BLACK,
        linestyle="--",
        label="size of the codebook",
    )
    axes[1].set_ylim(0, 1.4 * largest.max())  # room for the legend above the bars
    style.dress(axes[1], "How evenly they occur", "Level", "Perplexity (codes)")
    style.legend(axes[1], loc="upper left", ncols=2)
    return axes


def _usage(codes: NDArray, sizes: NDArray) -> tuple[NDArray, NDArray]:
    """Compute the share of codes used and the perplexity, each (2, n_levels)."""
    usage, perplexity = np.empty(sizes.shape), np.empty(sizes.shape)
    for domain, level in np.ndindex(sizes.shape):
        _, counts = np.unique(codes[..., domain, level], return_counts=True)
        share = counts / counts.sum()
        usage[domain, level] = len(counts) / sizes[domain, level]
        perplexity[domain, level] = np.exp(-(share * np.log(share)).sum())
    return usage, perplexity


def _draw_bars(axis: "Axes", values: NDArray) -> None:
    """Draw bars of both domains side by side, with their values."""
    levels = np.arange(1, values.shape[1] + 1)
    for domain, name in enumerate(style.DOMAINS):
        bars = axis.bar(
            levels + (domain - 0.5) * 0.4,
            values[domain],
            width=0.38,
            edgecolor="white",
            linewidth=0,
            label=f"{name} domain",
            **_LOOKS[domain],
        )
        # On white, so that the line for the size of the codebook does not cross out a number.
        axis.bar_label(
            bars,
            fmt="%.0f",
            fontsize=8,
            padding=1.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )
    axis.set_xticks(levels)
