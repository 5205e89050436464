"""Explain decisions by gradients of a fine-tuned network's output."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.estimators import BrainRVQClassifier, BrainRVQRegressor
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.explain.bands import checked_bands
from sk_brainrvq.explain.differentiable import outputs_of
from sk_brainrvq.explain.explanation import Explanation
from sk_brainrvq.explain.models import check_model, class_number, target_number
from sk_brainrvq.explain.replaced_windows import ReplacedWindows, read_windows
from sk_brainrvq.explain.replacements import Part, PersonMean
from sk_brainrvq.extras import how_to_install
from sk_brainrvq.signals import PatchGroup, gather
from sk_brainrvq.training.batches import batch_of
from sk_brainrvq.user_warnings import quiet, warn

Score = Callable[[Tensor], Tensor]
_SFREQ = 200
# Numbers of windows, and of points on their paths, that are processed at a time.
_WINDOWS_AT_ONCE, _POINTS_AT_ONCE = 16, 64
# Largest fraction of the spread that may remain unexplained without a warning.
_LARGEST_REST = 0.05


def explain_gradients(
    model: Any,
    X: Any,
    *,
    target: Any = None,
    subjects: Any = None,
    bands: Mapping[str, tuple[float, float]] | None = None,
    n_steps: int = 32,
) -> Explanation:
    """Compute integrated gradients of a fine-tuned network, by channel, second and band.

    Parameters
    ----------
    model : BrainRVQClassifier or BrainRVQRegressor
        Fitted network with ``strategy="full"`` or "lora" and without ``center_by``, or a search
        over one.
    X : ndarray, mne.Epochs, mne.io.Raw, path, Recordings, or a list of these
        At least two windows of one montage, sampling rate and length, of at most 30 s; ideally all
        windows of each person, with every class.
    target : object, optional
        Class whose log-odds are explained, by default the second of two; for a regressor with
        several targets, the number of one.
    subjects : array-like, shape (n_windows,), optional
        Subject of each window, overriding those of the container. If unknown, all windows count
        as those of one person.
    bands : dict of str to (float, float), optional
        Names and edges in Hz; ``sk_brainrvq.explain.BANDS`` by default. All other frequencies
        form a last band, "other".
    n_steps : int, default=32
        Number of points between the baseline and the window at which gradients are computed.

    Returns
    -------
    Explanation
        Axes "channel", "band" and "time". The sum over all axes is the decision on the window
        minus that on the baseline, which is the window with the mean amplitudes of the person's
        windows, as in :func:`explain_occlusion`.

    Raises
    ------
    ImportError
        If captum is not installed.
    ValueError
        If the model is not such a network, or if ``target``, a band or ``n_steps`` is invalid.
    InvalidEEGError
        If X cannot be used as EEG, has fewer than two windows or windows of several kinds, or if
        windows are longer than 30 s.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Warns
    -----
    EEGWarning
        If the sum of values misses its target by more than a twentieth of the target's spread.

    Notes
    -----
    Integrated gradients: Sundararajan, Taly and Yan (2017), "Axiomatic attribution for deep
    networks", ICML. The product of a path's mean gradient and its displacement has the same sum in
    time and, by Parseval's theorem, in frequency, so bands divide it completely.

    Examples
    --------
    >>> from sk_brainrvq import BrainRVQClassifier
    >>> from sk_brainrvq.datasets import make_eeg
    >>> from sk_brainrvq.explain import explain_gradients
    >>> eeg = make_eeg(2, 8, duration=2, ch_names=["F3", "F4", "C3", "C4"], random_state=0)
    >>> network = BrainRVQClassifier(weights=None, architecture="tiny", max_epochs=1, sfreq=200,
    ...                              ch_names=eeg.ch_names, random_state=0).fit(eeg.X, eeg.y)
    >>> explain_gradients(network, eeg.X, subjects=eeg.subjects, n_steps=8)
    <Explanation by gradients: 4 channels x 6 bands x 2 seconds, 16 windows, log-odds of 1>
    """
    network = _checked_network(model)
    if not isinstance(n_steps, Integral) or isinstance(n_steps, bool) or n_steps < 1:
        raise ValueError(f"n_steps={n_steps!r} was given; expected a whole number above 0.")
    score, unit = _score_of(network, target)
    chosen = checked_bands(bands, _SFREQ)
    network.predict(X)  # checks X, and raises any warnings
    windows = read_windows(network, X, subjects)
    group = _patches_of(network, windows)
    baseline = _baseline(group.patches, windows.subjects)
    slopes, decisions, change = _along_path(network, score, group, baseline, int(n_steps))
    values = _by_band(group.patches - baseline, slopes, chosen)
    _warn_of_rest(values.sum((1, 2, 3)) - change, change, int(n_steps))
    axes = {
        "channel": windows.names,
        "band": [*chosen, "other"],
        "time": list(range(values.shape[-1])),
    }
    people = windows.subjects
    return Explanation(values, axes, decisions, unit, "gradients", people, bands=chosen)


def _checked_network(model: Any) -> BrainRVQClassifier | BrainRVQRegressor:
    """Return the fine-tuned network of a model, or raise an error that names alternatives."""
    check_model(model)
    network = getattr(model, "best_estimator_", model)
    if not isinstance(network, (BrainRVQClassifier, BrainRVQRegressor)):
        raise ValueError(
            f"A {type(network).__name__} was given; gradients need a fine-tuned network, a "
            "BrainRVQClassifier or BrainRVQRegressor. explain_occlusion takes any model."
        )
    if network.strategy == "frozen":
        raise ValueError(
            "strategy='frozen' was given: only the head of this network was trained, and its "
            "encoder records no gradients. Use explain_occlusion, or strategy='full' or 'lora'."
        )
    if network.center_by is not None:
        raise ValueError(
            f"center_by={network.center_by!r} was given: the person's centre is subtracted without "
            "gradients. Use explain_occlusion, which keeps the centres."
        )
    return network


def _score_of(network: Any, target: Any) -> tuple[Score, str]:
    """Return the function from outputs (B, n_outputs) to what is explained (B,), and its unit."""
    if isinstance(network, BrainRVQRegressor):
        scale, mean = np.atleast_1d(network.target_scale_), np.atleast_1d(network.target_mean_)
        number = target_number(len(scale), target)
        factor, offset = float(scale[number]), float(mean[number])
        return lambda outputs: outputs[:, number] * factor + offset, "predicted value"
    number = class_number(network.classes_, target)

    def log_odds(outputs: Tensor) -> Tensor:
        others = [column for column in range(outputs.shape[1]) if column != number]
        return outputs[:, number] - outputs[:, others].logsumexp(1)

    return log_odds, f"log-odds of {network.classes_[number].item()!r}"


def _patches_of(network: Any, windows: ReplacedWindows) -> PatchGroup:
    """Return the patches of all windows, in order, as the network reads them."""
    with quiet(""):
        groups = gather(network._groups(windows.with_data(windows.data))).groups
    if any(group.segment.any() for group in groups):
        raise InvalidEEGError(
            f"Windows of {windows.data.shape[-1] / windows.sfreq:g} s were given; gradients need "
            "windows of at most 30 s, which the network reads at once. Cut shorter ones."
        )
    if len(groups) > 1 or groups[0].n_channels != len(windows.names):
        raise InvalidEEGError(
            "Bad channels are left out of some windows here, so that windows differ in channels. "
            "Interpolate them: reading=Reading(bad_channels='interpolate')."
        )
    order = np.argsort(groups[0].epoch)
    rows = groups[0].epoch[order], groups[0].segment[order]
    return replace(groups[0], patches=groups[0].patches[order], epoch=rows[0], segment=rows[1])


def _baseline(patches: Any, people: NDArray | None) -> NDArray:
    """Give patches the mean amplitudes of the person's windows."""
    signals = np.asarray(patches, dtype=np.float64)
    flat = signals.reshape(*signals.shape[:2], -1)
    return PersonMean(flat, _SFREQ, people).replaced(Part()).reshape(signals.shape)


def _along_path(
    network: Any, score: Score, group: PatchGroup, baseline: NDArray, n_steps: int
) -> tuple[NDArray, NDArray, NDArray]:
    """Return mean gradients from baseline to window, the scores, and their changes."""
    integrated = _integrated_gradients()
    device = network.net_.device
    module = copy.deepcopy(network.net_.module_).eval().requires_grad_(True)
    starts = replace(group, patches=baseline.astype(np.float32))
    slopes = np.zeros(baseline.shape)
    read = slice(None) if group.channels is None else group.channels
    ends: list[NDArray] = []
    for first in range(0, len(baseline), _WINDOWS_AT_ONCE):
        rows = slice(first, first + _WINDOWS_AT_ONCE)
        batch, start = batch_of(group, rows).to(device), batch_of(starts, rows).to(device)

        def decide(x: Tensor, electrodes: Tensor = batch.electrodes) -> Tensor:
            return score(outputs_of(module, x, electrodes))

        found = integrated(decide, multiply_by_inputs=False).attribute(
            batch.x, start.x, n_steps=n_steps, internal_batch_size=_POINTS_AT_ONCE
        )
        # The logarithm of a zero amplitude has no gradient.
        slopes[rows][:, read] = torch.nan_to_num(found).cpu().double().numpy()
        with torch.no_grad():
            ends.append(np.stack([decide(b.x).cpu().double().numpy() for b in (batch, start)]))
    decisions, before = np.concatenate(ends, axis=1)
    return slopes, decisions, decisions - before


def _by_band(way: NDArray, slopes: NDArray, bands: Mapping[str, tuple[float, float]]) -> NDArray:
    """Multiply displacement and slope (n_windows, n_channels, n_bands + 1, n_seconds).

    The last band contains all other frequencies.
    """
    spectrum = np.fft.rfft(way) * np.fft.rfft(slopes).conj() / way.shape[-1]
    products = 2 * spectrum.real
    products[..., [0, -1]] /= 2  # zero and the Nyquist frequency have no negative counterpart
    frequencies = np.fft.rfftfreq(way.shape[-1], 1 / _SFREQ)
    chosen = [(frequencies >= low) & (frequencies < high) for low, high in bands.values()]
    chosen.append(~np.any(chosen, axis=0))
    return np.stack([products[..., columns].sum(-1) for columns in chosen], axis=2)


def _integrated_gradients() -> Any:
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise ImportError(
            f"explain_gradients needs captum: {how_to_install('explain', 'captum')}."
        ) from error
    return IntegratedGradients


def _warn_of_rest(rest: NDArray, change: NDArray, n_steps: int) -> None:
    spread = np.sqrt(np.mean(change**2))
    missed = np.sqrt(np.mean(rest**2))
    if missed > _LARGEST_REST * spread:
        warn(
            f"Gradients at n_steps={n_steps} points miss {missed / spread:.0%} of what they should "
            f"add up to. Pass n_steps={4 * n_steps}."
        )
