"""Check of settings before any recording is read, so that wrong usage is reported once."""

from typing import Any

import click

from sk_brainrvq.estimators import BrainRVQEmbedder
from sk_brainrvq.exceptions import CheckpointError, InvalidEEGError
from sk_brainrvq.signals.electrodes import match_electrodes
from sk_brainrvq.signals.filters.settings import checked_filters
from sk_brainrvq.signals.reading import checked_reading
from sk_brainrvq.signals.sources.source import check_window
from sk_brainrvq.weights import resolve_weights
from sk_brainrvq.weights.modules import KINDS


def check_settings(embedder: BrainRVQEmbedder) -> None:
    """Raise click.UsageError for invalid windows, filters and reading.

    Parameters
    ----------
    embedder : BrainRVQEmbedder
        Embedder that is not fitted. Its weights are opened, as they complete the filters.
    """
    trained = _filters_of_weights(embedder.weights)
    try:
        check_window(embedder.window, embedder.overlap)
        checked_filters(embedder.filters).resolve(trained)
        places = checked_reading(embedder.reading).electrode_map
        if places:
            match_electrodes(list(places), len(places), electrode_map=places)
    except InvalidEEGError as error:
        raise click.UsageError(str(error)) from error


def _filters_of_weights(given: Any) -> dict[str, Any]:
    try:
        weights = resolve_weights(given, KINDS, "weights")
    except (
        CheckpointError,
        OSError,
    ):  # the work itself reports it, so that other processes learn of it
        return {}
    return {} if weights is None else weights.info.get("filters", {})
