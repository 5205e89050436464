"""Bad stretches from the sidecar tables of a BIDS data set."""

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from sk_brainrvq.signals.sources.headers.bids_channels import cell, rows_of, sidecar_of

# Tables are often rounded to milliseconds.
_ROUNDING = 1e-3


def apply_events(recording: Any, path: Path, kinds: tuple[str, ...]) -> list[str]:
    """Annotate a recording with the bad stretches of its ``events.tsv``.

    Parameters
    ----------
    recording : mne.io.Raw
        Recording, which is changed in place.
    path : Path
        Path that it was read from.
    kinds : tuple of str
        Prefixes in lower case of the ``trial_type`` of wanted events.

    Returns
    -------
    list of str
        Sentences about a table that cannot be read.

    Notes
    -----
    Stretches that the file itself annotates are not annotated again. Source: Brain Imaging Data
    Structure 1.10, task events, whose onsets are seconds from the first sample.
    """
    table = sidecar_of(path, "events")
    if table is None:
        return []
    rows, doubt = rows_of(table)
    annotations = recording.annotations
    tolerance = max(_ROUNDING, 1 / recording.info["sfreq"])
    for row in rows:
        name = cell(row, "trial_type")
        onset, duration = _seconds(cell(row, "onset")), _seconds(cell(row, "duration"))
        if onset is None or not name.lower().startswith(kinds):
            continue
        same = [
            o for o, d in zip(annotations.onset, annotations.description, strict=True) if d == name
        ]
        onset += recording.first_time
        if not _is_among(onset, same, tolerance):
            annotations.append(onset, duration or 0.0, name)
    return [doubt] if doubt else []


def _is_among(onset: float, onsets: Collection[float], tolerance: float) -> bool:
    return any(abs(onset - other) <= tolerance for other in onsets)


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
