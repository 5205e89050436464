"""Settings that no recording can be read with: wrong usage, said once and before any is read."""

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
    """Raise click.UsageError for windows, filters and reading that make no sense.

    Parameters
    ----------
    embedder : BrainRVQEmbedder
        Not fitted. Its weights are opened: they complete the filters.
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
    except (CheckpointError, OSError):  # the work says it, so that other processes hear of it
        return {}
    return {} if weights is None else weights.info.get("filters", {})
