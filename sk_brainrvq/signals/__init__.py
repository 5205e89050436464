"""Conversion of EEG in any container to patches in units of 100 microvolts at 200 Hz."""

from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.electrodes import ELECTRODE_NAMES, canonical_name, match_electrodes
from sk_brainrvq.signals.filters.settings import Filters
from sk_brainrvq.signals.patches import (
    PatchGroup,
    PreparedEEG,
    StoredEEG,
    StoredPatches,
    gather,
    rematch,
)
from sk_brainrvq.signals.preparation import prepare, stream
from sk_brainrvq.signals.reading import Reading
from sk_brainrvq.signals.sources.arrays import blocks_from_array
from sk_brainrvq.signals.sources.mne_epochs import blocks_from_epochs
from sk_brainrvq.signals.sources.registry import read_blocks, source_of
from sk_brainrvq.signals.sources.source import ReadSettings, Source
from sk_brainrvq.signals.windowing import window_starts

__all__ = [
    "ELECTRODE_NAMES",
    "EpochBlock",
    "Filters",
    "PatchGroup",
    "PreparedEEG",
    "ReadSettings",
    "Reading",
    "Source",
    "StoredEEG",
    "StoredPatches",
    "blocks_from_array",
    "blocks_from_epochs",
    "canonical_name",
    "gather",
    "match_electrodes",
    "prepare",
    "read_blocks",
    "rematch",
    "source_of",
    "stream",
    "window_starts",
]
