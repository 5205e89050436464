"""Estimates of how long embedding takes and how much memory signals need."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.base import clone

from sk_brainrvq.estimators import BrainRVQEmbedder
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.sources.mne_raws import is_mne_raw
from sk_brainrvq.user_warnings import quiet

_FLOAT32, _FLOAT64 = 4, 8
# A filter holds its input, its output, and padded copies; measured on EEGMAT.
_COPIES_IN_FILTER = 4
_PROBED_WINDOWS = 4


def seconds_of_network(embedder: BrainRVQEmbedder, block: EpochBlock) -> float:
    """Seconds that embedding one window takes on this machine, without reading and filtering.

    Parameters
    ----------
    embedder : BrainRVQEmbedder
        Fitted.
    block : EpochBlock

    Returns
    -------
    float
    """
    windows = np.asarray(block.data[:_PROBED_WINDOWS], dtype=np.float64) * block.to_microvolts
    probe = clone(embedder).set_params(
        sfreq=block.sfreq, ch_names=block.ch_names, unit="uV", filters=None, center_by=None
    )
    with quiet():
        probe.fit(windows).transform(windows[:1])  # the first pass initialises the network
        began = perf_counter()
        probe.transform(windows)
    return (perf_counter() - began) / len(windows)


def expected_bytes(recording: Any, blocks: Sequence[EpochBlock]) -> int:
    """Bytes of all copies of the signals that are in memory at the same time.

    Parameters
    ----------
    recording : mne.io.Raw, mne.Epochs or array
    blocks : sequence of EpochBlock
        Windows of the recording.

    Returns
    -------
    int
        For continuous recordings, this covers the whole file, the EEG while it is filtered, and the
        windows; others are converted in parts of limited size.
    """
    windows = sum(int(np.prod(block.data.shape)) for block in blocks)
    if not is_mne_raw(recording):
        return windows * _FLOAT32 + min(windows, 2**22) * _FLOAT64 * _COPIES_IN_FILTER
    whole = len(recording.ch_names) + _COPIES_IN_FILTER * blocks[0].n_channels
    return int(recording.n_times) * whole * _FLOAT64 + windows * _FLOAT32
