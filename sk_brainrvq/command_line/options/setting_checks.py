"""Settings that no recording can be read with: wrong usage, said once and before any is read."""

import click

from sk_brainrvq.estimators import BrainRVQEmbedder
from sk_brainrvq.exceptions import InvalidEEGError
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
    weights = resolve_weights(embedder.weights, KINDS, "weights")
    trained = {} if weights is None else weights.info.get("filters", {})
    try:
        check_window(embedder.window, embedder.overlap)
        checked_filters(embedder.filters).resolve(trained)
        checked_reading(embedder.reading)
    except InvalidEEGError as error:
        raise click.UsageError(str(error)) from error
