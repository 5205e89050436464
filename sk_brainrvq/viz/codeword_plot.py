"""Plot the meaning of a single code."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.electrodes import ElectrodeMatch
from sk_brainrvq.viz._shared import style
from sk_brainrvq.viz._shared.coded_patches import CodedPatches, code_patches
from sk_brainrvq.viz._shared.plot_inputs import check_level, read_patches, tokenizer_of
from sk_brainrvq.viz._shared.topography import draw_topography, has_place

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_EXAMPLES = 15
_SPECTRUM_TO = 50  # Hz


def plot_codeword(
    tokenizer: Any,
    X: Any,
    code: int | None = None,
    *,
    domain: str = "time",
    level: int = 1,
    ax: "Sequence[Axes] | NDArray | None" = None,
) -> NDArray:
    """Draw what a code means: its waveform, its spectrum, and where on the head it occurs.

    A code has no meaning by itself: it is decoded together with its neighbours and, from the
    second level on, refines coarser codes. Therefore the figure shows the seconds of X with this
    code, and the mean of what the tokenizer decodes for them from the levels up to this one.

    Parameters
    ----------
    tokenizer : DDRVQTransformer
        Fitted tokenizer.
    X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
        EEG in which to look for the code.
    code : int, optional
        Code to show; the most frequent one by default.
    domain : {"time", "frequency"}, default="time"
        Domain of the code.
    level : int, default=1
        Level of the code, from 1, coarse to fine.
    ax : sequence of 3 Axes, optional
        Axes to draw on; a new figure by default.

    Returns
    -------
    ndarray of Axes, shape (3,)
        Waveforms in standard deviations of each second; amplitude spectra in microvolts over Hz;
        and a topography of the percentage of seconds of each channel that have the code.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the tokenizer is not fitted.
    ValueError
        If the estimator is not a tokenizer, if the domain, level or code is unknown, if the code
        does not occur in X, if fewer than 4 channels have a position on the head, or if the number
        of axes is wrong.

    Examples
    --------
    .. plot::

       >>> from sk_brainrvq import DDRVQTransformer
       >>> from sk_brainrvq.datasets import make_eeg
       >>> from sk_brainrvq.viz import plot_codeword
       >>> eeg = make_eeg(n_subjects=2, n_windows=10, random_state=0)
       >>> tokenizer = DDRVQTransformer(architecture="tiny", max_epochs=3, batch_size=4, lr=2e-3,
       ...                              sfreq=eeg.sfreq, ch_names=eeg.ch_names, random_state=0)
       >>> waveform, spectrum, topography = plot_codeword(tokenizer.fit(eeg.X), eeg.X)
       >>> waveform.get_ylabel(), spectrum.get_ylabel()
       ('Standard deviations', 'Amplitude (µV)')
    """
    module: Any = tokenizer_of(tokenizer)
    domain_number, level_number = check_level(domain, level, module.n_quantizers)
    coded = [
        code_patches(module, group, domain_number, level, tokenizer.batch_size)
        for group in read_patches(tokenizer, X)
    ]
    size = module.quantizers[domain_number].codebook_sizes[level_number]
    code = _checked_code(code, np.concatenate([part.codes.ravel() for part in coded]), size)
    axes = style.take_axes(
        ax,
        3,
        "waveform, spectrum and topography",
        lambda: style.new_axes(1, 3, 3.0, width_ratios=[1.1, 1, 1.15]),
    )
    chosen = [part.with_code(code) for part in coded]
    seconds = np.concatenate([part.patches for part in chosen])
    share = len(seconds) / sum(part.codes.size for part in coded)
    times = ("time", "times")[len(seconds) > 1]
    _draw_waveforms(axes[0], seconds, np.concatenate([part.waveform for part in chosen]))
    style.dress(axes[0], f"{domain.capitalize()}, level {level}: code {code}")
    _draw_spectra(
        axes[1],
        spectrum_of(seconds),
        np.concatenate([part.amplitude for part in chosen]),
        np.concatenate([spectrum_of(part.all_patches) for part in coded]),
    )
    style.dress(axes[1], f"{len(seconds)} {times} ({100 * share:.1f} %)")
    _draw_places(axes[2], coded, code)
    return axes


def spectrum_of(patches: NDArray) -> NDArray:
    """Compute amplitude spectra (n, 101) in microvolts of patches (n, 200), in bins of 1 Hz."""
    centred = patches - patches.mean(-1, keepdims=True)
    return np.abs(np.fft.rfft(centred)) / (patches.shape[-1] / 2)


def _checked_code(code: int | None, codes: NDArray, size: int) -> int:
    counts = np.bincount(codes, minlength=size)
    if code is None:
        return int(counts.argmax())
    if not 0 <= code < size:
        raise ValueError(
            f"code={code} was given; expected a code of this codebook, from 0 to {size - 1}."
        )
    if not counts[code]:
        frequent = np.argsort(-counts, kind="stable")[:5].tolist()
        raise ValueError(f"Code {code} does not occur in X; the most frequent are {frequent}.")
    return int(code)


def _draw_waveforms(axis: "Axes", seconds: NDArray, decoded: NDArray) -> None:
    times = np.arange(seconds.shape[-1]) / seconds.shape[-1]
    standardised = _standardise(seconds)
    # Evenly spread over X, and reproducible.
    shown = np.unique(np.linspace(0, len(seconds) - 1, _MOST_EXAMPLES).round().astype(int))
    for number, row in enumerate(shown):
        label = "examples" if number == 0 else None
        axis.plot(
            times, standardised[row], color=style.GREY, alpha=0.35, linewidth=0.5, label=label
        )
    axis.plot(times, standardised.mean(0), color=style.BLACK, linewidth=1.2, label="mean of EEG")
    look: dict[str, Any] = {"color": style.VERMILION, "linestyle": "--", "linewidth": 1.6}
    axis.plot(times, decoded.mean(0), label="mean decoded", **look)
    axis.set_xlim(0, 1)
    axis.set_ylim(-3.5, 5)
    style.dress(axis, xlabel="Time (s)", ylabel="Standard deviations")
    style.legend(axis, loc="upper center", ncols=2, fontsize=7, columnspacing=1)


def _standardise(patches: NDArray) -> NDArray:
    centred = patches - patches.mean(-1, keepdims=True)
    return centred / (patches.std(-1, keepdims=True) + 1e-6)


def _draw_spectra(axis: "Axes", eeg: NDArray, decoded: NDArray, everything: NDArray) -> None:
    frequencies = np.arange(1, _SPECTRUM_TO + 1)
    lines = [
        (everything, style.GREY, ":", "all EEG"),
        (eeg, style.BLACK, "-", "EEG with this code"),
        (decoded, style.VERMILION, "--", "decoded"),
    ]
    for spectra, colour, dashes, label in lines:
        mean = spectra.mean(0)[frequencies]
        axis.plot(frequencies, mean, color=colour, linestyle=dashes, linewidth=1.4, label=label)
    style.plain_log_scale(axis)
    axis.set_xlim(1, _SPECTRUM_TO)
    style.dress(axis, xlabel="Frequency (Hz)", ylabel="Amplitude (µV)")
    style.legend(axis, loc="upper right", fontsize=7)


def _draw_places(axis: "Axes", coded: Sequence[CodedPatches], code: int) -> None:
    matches: dict[str, ElectrodeMatch] = {}
    hits: dict[str, int] = {}
    totals: dict[str, int] = {}
    for part in coded:
        for channel, match in enumerate(part.matches):
            name = match.channel
            matches.setdefault(name, match)
            found = part.codes[:, channel]
            hits[name] = hits.get(name, 0) + int((found == code).sum())
            totals[name] = totals.get(name, 0) + found.size
    shares = np.array([100 * hits[name] / totals[name] for name in matches])
    placed = shares[has_place(list(matches.values()))]
    image = draw_topography(axis, shares, list(matches.values()), (0, placed.max(initial=1e-6)))
    style.dress(axis, "Where it occurs")
    style.colour_bar(image, axis, "Share of seconds (%)", shrink=0.7)
