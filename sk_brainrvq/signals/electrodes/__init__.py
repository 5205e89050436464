"""Matching of channels to electrodes: names, positions, rows of the table, regions."""

from sk_brainrvq.signals.electrodes.matching import (
    ElectrodeMatch,
    electrode_rows,
    match_electrodes,
    placed_channels,
)
from sk_brainrvq.signals.electrodes.names import (
    ELECTRODE_NAMES,
    N_ELECTRODE_ROWS,
    canonical_name,
    check_ch_names,
)
from sk_brainrvq.signals.electrodes.other_channels import is_eeg_name
from sk_brainrvq.signals.electrodes.report import (
    ElectrodeLog,
    ElectrodeReport,
    electrode_report,
    warn_of_mean_rows,
)

__all__ = [
    "ELECTRODE_NAMES",
    "N_ELECTRODE_ROWS",
    "ElectrodeLog",
    "ElectrodeMatch",
    "ElectrodeReport",
    "canonical_name",
    "check_ch_names",
    "electrode_report",
    "electrode_rows",
    "is_eeg_name",
    "match_electrodes",
    "placed_channels",
    "warn_of_mean_rows",
]
