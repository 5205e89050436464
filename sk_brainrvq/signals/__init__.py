"""EEG in: any container to patches in 100 microvolts at 200 Hz."""

from sk_brainrvq.signals.blocks import EpochBlock, blocks_from_array
from sk_brainrvq.signals.electrodes import ELECTRODE_NAMES, canonical_name, match_electrodes
from sk_brainrvq.signals.filters.settings import Filters
from sk_brainrvq.signals.preparation import PatchGroup, PreparedEEG, gather, prepare, stream
from sk_brainrvq.signals.reading import Reading
from sk_brainrvq.signals.sources.mne_objects import blocks_from_epochs
from sk_brainrvq.signals.sources.registry import ReadSettings, is_corpus, read_blocks
from sk_brainrvq.signals.windows import window_starts

__all__ = [
    "ELECTRODE_NAMES",
    "EpochBlock",
    "Filters",
    "PatchGroup",
    "PreparedEEG",
    "ReadSettings",
    "Reading",
    "blocks_from_array",
    "blocks_from_epochs",
    "canonical_name",
    "gather",
    "is_corpus",
    "match_electrodes",
    "prepare",
    "read_blocks",
    "stream",
    "window_starts",
]
