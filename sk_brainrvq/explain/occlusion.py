"""Explain decisions by occlusion: replace parts of EEG and see how the decision changes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.estimators import DDRVQTransformer
from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.explain.bands import checked_bands
from sk_brainrvq.explain.explanation import Explanation
from sk_brainrvq.explain.models import (
    Decision,
    centres_people,
    check_model,
    reader_of,
    routes_subjects,
    with_kept_centres,
)
from sk_brainrvq.explain.replaced_windows import ReplacedWindows, read_windows, windows_of_array
from sk_brainrvq.explain.replacements import (
    PersonMean,
    Replacement,
    WithoutBands,
    parts_of,
    seconds_of,
)
from sk_brainrvq.user_warnings import quiet

AXES = ("channel", "band", "time")


def explain_occlusion(
    model: Any,
    X: Any,
    *,
    by: str | Sequence[str] = ("channel", "band"),
    target: Any = None,
    subjects: Any = None,
    replace: str = "mean",
    bands: Mapping[str, tuple[float, float]] | None = None,
    tokenizer: Any = None,
    sfreq: float | None = None,
    ch_names: Sequence[str] | None = None,
) -> Explanation:
    """Replace parts of EEG, one at a time, and see how far the decision moves.

    Parameters
    ----------
    model : estimator
        Fitted model: a pipeline on :class:`~sk_brainrvq.BrainRVQEmbedder`, a fine-tuned
        :class:`~sk_brainrvq.BrainRVQClassifier` or :class:`~sk_brainrvq.BrainRVQRegressor`, a
        search over one of them, or any classifier or regressor that takes arrays of EEG.
    X : ndarray, mne.Epochs, mne.io.Raw, path, Recordings, or a list of these
        At least two windows of one montage, sampling rate and length, as the model takes them;
        ideally all windows of each person, with every class.
    by : {"channel", "band", "time"} or a sequence of these, default=("channel", "band")
        How to divide EEG into parts: channels, frequency bands, seconds, or combinations of these;
        ``("channel", "time")`` are the patches that the networks read. The model is applied to all
        of X once for each part.
    target : object, optional
        Class whose decision is explained, by default the second of two; for a regressor with
        several targets, the number of one.
    subjects : array-like, shape (n_windows,), optional
        Subject of each window, overriding those of the container. If unknown, all windows count
        as those of one person.
    replace : {"mean", "codes"}, default="mean"
        "mean" replaces amplitudes with their mean over the person's windows and keeps phases, so
        that the signal stays of a kind that the network knows. "codes" decodes signals from the
        codes of ``tokenizer``, with and without a band, which ``by`` must include.
    bands : dict of str to (float, float), optional
        Names and edges in Hz; ``sk_brainrvq.explain.BANDS`` by default.
    tokenizer : DDRVQTransformer, optional
        Tokenizer fitted on EEG with the channels of X, for ``replace="codes"``.
    sfreq : float, optional
        Sampling rate of an array in Hz, for a model without an estimator of this package.
    ch_names : sequence of str, optional
        Names of the channels of such an array.

    Returns
    -------
    Explanation
        Decision on the window minus the decision without the part, in log-odds, units of the
        decision function, or units of the predicted value.

    Raises
    ------
    ValueError
        If the model makes no decision, if ``target`` or a band does not exist, or if a parameter
        has an unknown value.
    InvalidEEGError
        If X cannot be used as EEG, or has fewer than two windows or windows of several kinds.
    sklearn.exceptions.NotFittedError
        If the model or the tokenizer is not fitted.

    See Also
    --------
    explain_gradients : For fine-tuned networks: channels, seconds and bands at once.
    explain_pattern : For linear models on features, without repeated decisions.

    Notes
    -----
    Occlusion: Zeiler and Fergus (2014), "Visualizing and understanding convolutional networks",
    ECCV. Information that two channels share is missed if only one of them is replaced, and phases
    between channels are never replaced. If the model centres each person (``center_by``,
    ``SubjectCentering``), the centres remain those of the unchanged X.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_brainrvq import BrainRVQEmbedder
    >>> from sk_brainrvq.datasets import make_eeg
    >>> from sk_brainrvq.explain import explain_occlusion
    >>> eeg = make_eeg(2, 12, duration=2, ch_names=["F3", "F4", "C3", "C4"], place="C4",
    ...                band=(13, 30), effect=0.8, random_state=0)
    >>> embedder = BrainRVQEmbedder(weights=None, architecture="tiny", covariance=False,
    ...                             sfreq=200, ch_names=eeg.ch_names, random_state=0)
    >>> model = make_pipeline(embedder, LogisticRegression(C=0.01)).fit(eeg.X, eeg.y)
    >>> explanation = explain_occlusion(model, eeg.X, subjects=eeg.subjects)
    >>> explanation
    <Explanation by occlusion: 4 channels x 5 bands, 24 windows, log-odds of 1>
    >>> explanation.top("channel"), explanation.top("band")
    (['C4'], ['beta'])
    """
    axes = _checked_axes(by)
    check_model(model)
    _check_replace(replace, tokenizer, axes)
    decision, reader = Decision(model, target), reader_of(model)
    own_people = subjects if centres_people(model) else None
    if reader is None:
        windows = windows_of_array(X, sfreq, ch_names, subjects)
        decisions = decision(X, own_people)
    else:
        decisions = decision(X, own_people)  # checks X, and raises any warnings
        windows = read_windows(reader, X, subjects)
    chosen = checked_bands(bands, windows.sfreq)
    with quiet(""):
        decision.model = with_kept_centres(model, windows.with_data(windows.data), windows.subjects)
        routed = windows.subjects if routes_subjects(model) else None
        replacement = _replacement(replace, tokenizer, windows)
        if replace == "codes":
            decisions = decision(windows.with_data(replacement.data), routed)
        values, labels = _values(decision, windows, replacement, axes, chosen, routed)
    used = {"bands": chosen} if "band" in axes else {}
    return Explanation(
        decisions.reshape(-1, *[1] * len(axes)) - values,
        labels,
        decisions,
        decision.unit,
        "occlusion",
        windows.subjects,
        **used,
    )


def _values(
    decision: Decision,
    windows: ReplacedWindows,
    replacement: Replacement,
    axes: Sequence[str],
    bands: Mapping[str, tuple[float, float]],
    subjects: Any,
) -> tuple[NDArray, dict[str, list[Any]]]:
    """Compute decisions (n_windows, *sizes) without each part, and the labels of the parts."""
    n_windows, n_channels, n_times = windows.data.shape
    seconds = seconds_of(n_times, windows.sfreq)
    starts = [round(start / windows.sfreq, 3) for start, _ in seconds]
    all_labels: dict[str, list[Any]] = {
        "channel": windows.names,
        "band": list(bands),
        "time": starts,
    }
    labels = {name: all_labels[name] for name in axes}
    values = np.empty((n_windows, *(len(own) for own in labels.values())))
    for place, part in parts_of(axes, n_channels, list(bands.values()), seconds):
        X = windows.with_data(replacement.replaced(part))
        at: tuple[Any, ...] = (slice(None), *place)
        values[at] = decision(X, subjects)
    return values, labels


def _replacement(replace: str, tokenizer: Any, windows: ReplacedWindows) -> Replacement:
    if replace == "mean":
        return PersonMean(windows.data, windows.sfreq, windows.subjects)
    microvolts = windows.block.to_microvolts
    decoded = tokenizer.reconstruct(windows.with_data(windows.data))
    if decoded.shape != windows.data.shape:
        raise ValueError(
            f"The tokenizer decodes {decoded.shape[1]} channels of {decoded.shape[2]} samples; X "
            f"has {windows.data.shape[1]} of {windows.data.shape[2]}. Fit it on EEG like X."
        )
    return WithoutBands(decoded.astype(float) / microvolts, windows.sfreq)


def _checked_axes(by: Any) -> tuple[str, ...]:
    axes = (by,) if isinstance(by, str) else tuple(by)
    if not axes or len(set(axes)) < len(axes) or not set(axes) <= set(AXES):
        raise ValueError(
            f"by={by!r} was given; expected 'channel', 'band', 'time', or a tuple of several."
        )
    return tuple(name for name in AXES if name in axes)


def _check_replace(replace: Any, tokenizer: Any, axes: Sequence[str]) -> None:
    if replace not in ("mean", "codes"):
        raise ValueError(f"replace={replace!r} was given; expected 'mean' or 'codes'.")
    if replace == "mean":
        if tokenizer is not None:
            raise ValueError(
                "A tokenizer was given, but replace='mean' uses none. Pass replace='codes'."
            )
        return
    if not isinstance(tokenizer, DDRVQTransformer):
        raise ValueError(
            f"replace='codes' and tokenizer of type {type(tokenizer).__name__} were given; "
            "expected a fitted DDRVQTransformer, whose codes are decoded."
        )
    check_fitted(tokenizer)
    if "band" not in axes:
        raise ValueError(
            f"replace='codes' and by={tuple(axes)} were given; codes are decoded without a band: "
            "add 'band' to by, or pass replace='mean'."
        )
