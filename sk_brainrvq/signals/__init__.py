"""EEG in: any container to patches in 100 microvolts at 200 Hz."""

from sk_brainrvq.signals.containers import EpochBlock, blocks_from_array
from sk_brainrvq.signals.corpus import (
    CorpusRecording,
    CorpusReport,
    EEGCorpus,
    InvalidCorpusError,
    StoredPatches,
    build_corpus,
    is_stored,
    shuffled_rows,
)
from sk_brainrvq.signals.electrodes import ELECTRODE_NAMES, canonical_name, match_electrodes
from sk_brainrvq.signals.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.preparation import PatchGroup, PreparedEEG, gather, prepare, stream
from sk_brainrvq.signals.reading import ReadSettings, is_corpus, read_blocks
from sk_brainrvq.signals.recordings import blocks_from_epochs
from sk_brainrvq.signals.windows import window_starts

__all__ = [
    "ELECTRODE_NAMES",
    "CorpusRecording",
    "CorpusReport",
    "EEGCorpus",
    "EEGWarning",
    "EpochBlock",
    "InvalidCorpusError",
    "InvalidEEGError",
    "PatchGroup",
    "PreparedEEG",
    "ReadSettings",
    "StoredPatches",
    "blocks_from_array",
    "blocks_from_epochs",
    "build_corpus",
    "canonical_name",
    "gather",
    "is_corpus",
    "is_stored",
    "match_electrodes",
    "prepare",
    "read_blocks",
    "shuffled_rows",
    "stream",
    "window_starts",
]
