"""Patterns of linear models: how features covary with the decision, by place and frequency."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.explain.bands import BANDS
from sk_brainrvq.explain.explanation import Explanation, within_people
from sk_brainrvq.explain.models import (
    Decision,
    centres_people,
    check_model,
    checked_subjects,
    held_by,
    reader_of,
)
from sk_brainrvq.explain.replaced_windows import known_people
from sk_brainrvq.user_warnings import quiet

# Names of the embedder's features.
_SPECTRUM = re.compile(r"(?P<place>.+)_(?P<frequency>\d+)Hz")
_VARIANCE = re.compile(r"(?:(?P<low>\d+)-(?P<high>\d+)Hz_)?(?P<place>.+)x(?P=place)")
# Place of features that are means over all channels.
_EVERYWHERE = "mean"


def explain_pattern(
    model: Any, X: Any, *, of: str = "spectrum", target: Any = None, subjects: Any = None
) -> Explanation:
    """Compute the patterns of a linear model on the embedder, which can be interpreted.

    A coefficient says how to weight a feature, which may serve to cancel the noise of others; a
    feature with a large coefficient need not differ between the classes. The pattern says how a
    feature varies with the decision.

    Parameters
    ----------
    model : Pipeline
        Fitted pipeline of a :class:`~sk_brainrvq.BrainRVQEmbedder` and a linear classifier or
        regressor, or a search over one.
    X : ndarray, mne.Epochs, mne.io.Raw, path, Recordings, or a list of these
        At least two windows, as the model takes them; ideally those of ``fit``.
    of : {"spectrum", "covariance"}, default="spectrum"
        Features to show: spectra by place and frequency, or the diagonals of the log-covariances
        by electrode and, for ``covariance="bands"``, by band.
    target : object, optional
        Class that decisions are for, by default the second of two; for a regressor with several
        targets, the number of one.
    subjects : array-like, shape (n_windows,), optional
        Subject of each window, overriding those of the container. If people are known, patterns
        only include variation within people.

    Returns
    -------
    Explanation
        An explanation without windows. Its axes are "channel" (regions, channels or electrodes,
        like those of the features; a place without a channel has the signal of the nearest one;
        absent for ``spectrum="mean"``) and "frequency" or "band". Values are correlations of
        features with the decision, which are the pattern of standardised features and decisions.

    Raises
    ------
    ValueError
        If the model is not linear, if its embedder does not compute such features, or if ``of`` or
        ``target`` is unknown.
    InvalidEEGError
        If X cannot be used as EEG, or has fewer than two windows.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Notes
    -----
    Source: Haufe et al. (2014), "On the interpretation of weight vectors of linear models in
    multivariate neuroimaging", NeuroImage 87, equation 6 for one output: the covariance of
    features with the decision, divided by the variance of the decision.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_brainrvq import BrainRVQEmbedder
    >>> from sk_brainrvq.datasets import make_eeg
    >>> from sk_brainrvq.explain import explain_pattern
    >>> eeg = make_eeg(2, 12, duration=2, place="Cz", band=(13, 30), effect=0.8, random_state=0)
    >>> embedder = BrainRVQEmbedder(weights=None, architecture="tiny", sfreq=200,
    ...                             ch_names=eeg.ch_names, random_state=0)
    >>> model = make_pipeline(embedder, LogisticRegression(C=0.01)).fit(eeg.X, eeg.y)
    >>> pattern = explain_pattern(model, eeg.X, subjects=eeg.subjects)
    >>> pattern
    <Explanation by pattern: 11 channels x 45 frequencies, correlation with the log-odds of 1>
    >>> pattern.top("channel")
    ['Cz']
    """
    check_model(model)
    if of not in ("spectrum", "covariance"):
        raise ValueError(f"of={of!r} was given; expected 'spectrum' or 'covariance'.")
    embedder = _checked_embedder(model)
    columns, axes = _columns(embedder, of)
    decision = Decision(model, target)
    decisions = decision(X, subjects if centres_people(model) else None)
    if len(decisions) < 2:
        raise InvalidEEGError(
            f"{len(decisions)} window was given; expected at least 2, because a pattern shows how "
            "features and decisions vary together."
        )
    with quiet(""):  # the model has already warned when it decided on X
        features = _features(embedder, X, subjects)[:, columns.ravel()]
        people = known_people(embedder, X) if subjects is None else subjects
    people = checked_subjects(people, len(decisions))
    correlations = _correlations(features, decisions, people).reshape(columns.shape)
    unit = f"correlation with the {decision.unit}"
    used = {name: BANDS[name] for name in axes.get("band", ()) if name in BANDS}
    return Explanation(correlations, axes, None, unit, "pattern", bands=used)


def _checked_embedder(model: Any) -> Any:
    """Return the embedder of a model that is linear in its features."""
    name = type(model).__name__
    embedder = reader_of(model)
    if embedder is None or not hasattr(embedder, "get_feature_names_out"):
        raise ValueError(
            f"A {name} was given; expected a pipeline on BrainRVQEmbedder, whose features have "
            "places and frequencies. explain_occlusion takes any model."
        )
    if not any(hasattr(part, "coef_") for part in held_by(model)):
        pipelines = [part for part in held_by(model) if isinstance(part, Pipeline)]
        last = pipelines[0].steps[-1][1] if pipelines else model
        raise ValueError(
            f"The model decides by a {type(last).__name__}, which has no coefficients; patterns "
            "need a linear model, such as LogisticRegression. explain_occlusion takes any model."
        )
    return embedder


def _columns(embedder: Any, of: str) -> tuple[NDArray, dict[str, list[Any]]]:
    """Return the columns of the features along the axes, and the labels of the axes."""
    form = _SPECTRUM if of == "spectrum" else _VARIANCE
    found: dict[tuple[str, Any], int] = {}
    for column, name in enumerate(embedder.get_feature_names_out()):
        if match := form.fullmatch(name):
            found[match["place"], _frequency(match.groupdict())] = column
    if not found:
        other = "covariance" if of == "spectrum" else "spectrum"
        raise ValueError(
            f"of={of!r} was given, but this {type(embedder).__name__} has no such features: it has "
            f"{of}={getattr(embedder, of, None)!r}. Fit with another value, pass of={other!r}, or "
            "use explain_occlusion."
        )
    places, frequencies = (list(dict.fromkeys(labels)) for labels in zip(*found, strict=True))
    columns = np.array([[found[place, f] for f in frequencies] for place in places])
    axes = {"channel": places, "frequency" if of == "spectrum" else "band": frequencies}
    if places == [_EVERYWHERE]:
        return columns[0], {name: labels for name, labels in axes.items() if name != "channel"}
    if frequencies == [None]:
        return columns[:, 0], {"channel": places}
    return columns, axes


def _frequency(parts: dict[str, str | None]) -> Any:
    """Return the frequency of a feature in Hz, the name of its band, or None."""
    if "frequency" in parts:
        return int(parts["frequency"] or 0)
    if parts["low"] is None or parts["high"] is None:
        return None
    edges = int(parts["low"]), int(parts["high"])
    names = {band: name for name, band in BANDS.items()}
    return names.get(edges, f"{edges[0]}-{edges[1]} Hz")


def _features(embedder: Any, X: Any, subjects: Any) -> NDArray:
    named = {} if getattr(embedder, "center_by", None) is None else {"subjects": subjects}
    return np.asarray(embedder.transform(X, **named), dtype=float)


def _correlations(features: NDArray, decisions: NDArray, people: NDArray | None) -> NDArray:
    """Correlate each feature with the decisions, within people; shape (n_features,)."""
    features, decisions = within_people(features, people), within_people(decisions, people)
    scale = np.linalg.norm(features, axis=0) * np.linalg.norm(decisions)
    # Constant features and decisions have a correlation of 0.
    return np.divide(decisions @ features, scale, out=np.zeros_like(scale), where=scale > 1e-12)
