"""EEG in: any container to patches in 100 microvolts at 200 Hz."""

from sk_brainrvq.signals.containers import (
    EpochBlock,
    blocks_from_array,
    blocks_from_epochs,
    is_list_of_epochs,
    is_mne_epochs,
)
from sk_brainrvq.signals.electrodes import ELECTRODE_NAMES, canonical_name, match_electrodes
from sk_brainrvq.signals.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.preparation import PatchGroup, PreparedEEG, gather, prepare, stream

__all__ = [
    "ELECTRODE_NAMES",
    "EEGWarning",
    "EpochBlock",
    "InvalidEEGError",
    "PatchGroup",
    "PreparedEEG",
    "blocks_from_array",
    "blocks_from_epochs",
    "canonical_name",
    "gather",
    "is_list_of_epochs",
    "is_mne_epochs",
    "match_electrodes",
    "prepare",
    "stream",
]
