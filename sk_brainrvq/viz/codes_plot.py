"""Plot the codes of an epoch as images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.viz._shared import style
from sk_brainrvq.viz._shared.plot_inputs import check_codes, check_epoch, names_of, tokenizer_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_codes(
    codes: Any,
    tokenizer: Any = None,
    *,
    epoch: int = 0,
    ch_names: Any = None,
    ax: "Sequence[Axes] | NDArray | None" = None,
) -> NDArray:
    """Draw the codes of an epoch: channels over time, one image per domain and level.

    A code is a name, not a quantity: the numbers of two codes do not tell how similar they are.
    If the tokenizer is given, the colours do: codes are ordered by the first principal component
    of their codewords, so that similar codewords have similar colours.

    Parameters
    ----------
    codes : ndarray, shape (n_epochs, n_channels, n_patches, 2, n_quantizers)
        Codes from :meth:`~sk_brainrvq.DDRVQTransformer.transform`.
    tokenizer : DDRVQTransformer, optional
        Tokenizer that made the codes: it determines the colours and the names of the channels.
    epoch : int, default=0
        Number of the epoch, from 0.
    ch_names : sequence of str, mne.Epochs, mne.io.Raw or mne.Info, optional
        Channels of the codes, in their order.
    ax : sequence of Axes, optional
        One per domain and level: time from coarse to fine, then frequency. A new figure by
        default.

    Returns
    -------
    ndarray of Axes, shape (2 * n_quantizers,)

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the tokenizer is not fitted.
    ValueError
        If codes have the wrong shape or are outside the codebooks, if the epoch does not exist, if
        names do not match, or if the number of axes is wrong.

    Examples
    --------
    .. plot::

       >>> from sk_brainrvq import DDRVQTransformer
       >>> from sk_brainrvq.datasets import make_eeg
       >>> from sk_brainrvq.viz import plot_codes
       >>> eeg = make_eeg(n_subjects=2, n_windows=8, duration=10, random_state=0)
       >>> tokenizer = DDRVQTransformer(architecture="tiny", max_epochs=2, batch_size=4,
       ...                              sfreq=eeg.sfreq, ch_names=eeg.ch_names, random_state=0)
       >>> codes = tokenizer.fit_transform(eeg.X)
       >>> axes = plot_codes(codes, tokenizer)
       >>> axes.shape
       (6,)
    """
    codes = check_codes(codes, tokenizer)
    check_epoch(epoch, len(codes))
    one = codes[epoch]
    n_channels, n_patches, _, n_levels = one.shape
    if ch_names is None and tokenizer is not None and tokenizer.n_channels_in_ == n_channels:
        ch_names = tokenizer.ch_names_in_
    names = names_of(ch_names, n_channels)
    axes = style.take_axes(
        ax,
        2 * n_levels,
        f"one for each of {n_levels} levels in the time and in the frequency domain",
        lambda: style.new_axes(
            2, n_levels, 2 * (1.1 + 0.14 * min(n_channels, 40)), sharex=True, sharey=True
        ),
    )
    for number, axis in enumerate(axes):
        domain, level = divmod(number, n_levels)
        shown = _colours(one[..., domain, level], tokenizer, domain, level)
        image = axis.imshow(
            shown,
            cmap=style.CMAP,
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="nearest",
            extent=(0, n_patches, n_channels - 0.5, -0.5),
        )
        style.dress(axis, f"{style.DOMAINS[domain].capitalize()}, level {level + 1}")
        style.name_channels(axis, names)
        if ax is not None or domain == 1:
            style.dress(axis, xlabel="Time (s)")
        if ax is not None or level == 0:
            style.dress(axis, ylabel="Channel")
    label = "Codes, similar ones in similar colours" if tokenizer is not None else "Code number"
    bar = style.colour_bar(image, list(axes), label, aspect=40, pad=0.02)
    ends = ["", ""] if tokenizer is not None else ["0", "largest"]
    bar.set_ticks([0, 1], labels=ends)
    return axes


def _colours(codes: NDArray, tokenizer: Any, domain: int, level: int) -> NDArray:
    """Convert codes to numbers from 0 to 1."""
    if tokenizer is None:
        return codes / max(1, codes.max())
    quantizer: Any = tokenizer_of(tokenizer).quantizers[domain]
    codewords = quantizer.levels[level].weight.detach().cpu().double().numpy()
    centred = codewords - codewords.mean(0)
    component = np.linalg.svd(centred, full_matrices=False)[2][0]
    # The sign of a principal component is arbitrary, so fix it.
    component *= np.sign(component[np.abs(component).argmax()])
    rank = np.argsort(np.argsort(centred @ component, kind="stable"))
    return rank[codes] / max(1, len(rank) - 1)
