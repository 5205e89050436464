"""Plot what each level of codes adds to a reconstruction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.viz._shared import style
from sk_brainrvq.viz._shared.plot_inputs import channel_number, read_epoch, tokenizer_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPECTRUM_FROM, _SPECTRUM_TO = 1.0, 70.0  # Hz
_DEEPEST = 1e-6


def plot_reconstruction(
    tokenizer: Any,
    X: Any,
    *,
    epoch: int = 0,
    channel: int | str = 0,
    ax: "Sequence[Axes] | NDArray | None" = None,
) -> NDArray:
    """Draw a channel of an epoch against its reconstruction after each level.

    The upper panels show the original in black and, in colour, the reconstruction from the codes
    of the first level, of the first two levels, and so on. The last panel shows their spectra.

    Parameters
    ----------
    tokenizer : DDRVQTransformer
        Fitted tokenizer.
    X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
        EEG, as in ``tokenizer.transform``.
    epoch : int, default=0
        Number of the epoch, from 0.
    channel : int or str, default=0
        Number or name of the channel; "O1" also finds "EEG O1-REF".
    ax : sequence of Axes, optional
        One per level, and a last one for the spectra; a new figure by default.

    Returns
    -------
    ndarray of Axes, shape (n_quantizers + 1,)
        Signals in microvolts over seconds, from coarse to fine, and the spectra in microvolts
        squared per Hz over Hz.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the tokenizer is not fitted.
    ValueError
        If the estimator is not a tokenizer, if ``epoch`` or ``channel`` is not in X, or if the
        numbers of axes and panels differ.

    Examples
    --------
    .. plot::

       >>> from sk_brainrvq import DDRVQTransformer
       >>> from sk_brainrvq.datasets import make_eeg
       >>> from sk_brainrvq.viz import plot_reconstruction
       >>> eeg = make_eeg(n_subjects=3, n_windows=10, random_state=0)
       >>> tokenizer = DDRVQTransformer(architecture="tiny", max_epochs=3, batch_size=4, lr=2e-3,
       ...                              sfreq=eeg.sfreq, ch_names=eeg.ch_names, random_state=0)
       >>> tokenizer.fit(eeg.X)
       DDRVQTransformer(...)
       >>> axes = plot_reconstruction(tokenizer, eeg.X, epoch=2, channel="O1")
       >>> axes[-1].get_xlabel()
       'Frequency (Hz)'
    """
    n_levels = tokenizer_of(tokenizer).n_quantizers
    signals = read_epoch(tokenizer, X, epoch)
    number = channel_number(channel, signals.names)
    axes = style.take_axes(
        ax,
        n_levels + 1,
        f"one for each of {n_levels} levels and one for the spectra",
        lambda: _new(n_levels),
    )
    original = signals.data[number]
    times = np.arange(len(original)) / signals.sfreq
    spectra = axes[-1]
    _draw_spectrum(spectra, original, signals.sfreq, color=style.BLACK, label="original")
    for level, axis in enumerate(axes[:-1], start=1):
        rebuilt = tokenizer.reconstruct(signals.part, n_levels=level)[signals.row]
        line = rebuilt if rebuilt.ndim == 1 else rebuilt[number]
        look = style.series(level) | {"marker": ""}
        axis.plot(times, original, color=style.BLACK, linewidth=0.7, label="original")
        axis.plot(times, line, color=look["color"], linewidth=1.3, label="reconstruction")
        style.dress(axis, _title(level, _explained(original, line)), ylabel="µV")
        axis.set_xlim(times[0], times[-1])
        style.legend(axis, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2, borderpad=0)
        look["linewidth"] = 1.3
        _draw_spectrum(spectra, line, signals.sfreq, label=_levels(level), **look)
    style.dress(axes[-2], xlabel=f"Time (s), {signals.names[number]}")
    style.dress(spectra, "Spectrum", "Frequency (Hz)", "Power (µV²/Hz)")
    spectra.set_yscale("log")
    highest = max(float(np.max(line.get_ydata())) for line in spectra.lines)
    lowest = min(float(np.min(line.get_ydata())) for line in spectra.lines)
    # A notch filter leaves a dip so deep that nothing else would be visible.
    spectra.set_ylim(max(lowest, highest * _DEEPEST) / 2, 3 * highest)
    spectra.set_xlim(_SPECTRUM_FROM, min(_SPECTRUM_TO, signals.sfreq / 2))
    style.legend(spectra, loc="upper right", ncols=2)
    return axes


def _new(n_levels: int) -> NDArray:
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(style.WIDTH, 1.5 * n_levels + 2.2), layout="constrained")
    grid = figure.add_gridspec(n_levels + 1, 1, height_ratios=[*[1] * n_levels, 1.5])
    axes = [figure.add_subplot(grid[0])]
    for level in range(1, n_levels):
        axes.append(figure.add_subplot(grid[level], sharex=axes[0], sharey=axes[0]))
    for axis in axes[:-1]:
        axis.tick_params(labelbottom=False)
    return np.array([*axes, figure.add_subplot(grid[-1])], dtype=object)


def _draw_spectrum(axis: Any, signal: NDArray, sfreq: float, **look: Any) -> None:
    from scipy.signal import welch

    n_samples = min(len(signal), round(2 * sfreq))
    frequencies, power = welch(signal, sfreq, nperseg=n_samples)
    shown = (frequencies >= _SPECTRUM_FROM) & (frequencies <= _SPECTRUM_TO)
    # The power of a flat signal has no logarithm.
    axis.plot(frequencies[shown], np.maximum(power[shown], 1e-12), **look)


def _explained(original: NDArray, rebuilt: NDArray) -> float:
    variance = np.sum((original - original.mean()) ** 2)
    return 1 - np.sum((rebuilt - original) ** 2) / variance if variance else np.nan


def _levels(level: int) -> str:
    return "level 1" if level == 1 else f"levels 1 to {level}"


def _title(level: int, explained: float) -> str:
    share = "a flat signal" if np.isnan(explained) else f"{100 * explained:.0f} % of the variance"
    return f"{_levels(level).capitalize()}: {share}"
