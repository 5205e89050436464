"""MNE's Epochs as blocks."""

import sys
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.sources.channels import band_of, chosen_channels, positions_of
from sk_brainrvq.signals.sources.projections import signals_of_epochs
from sk_brainrvq.signals.sources.source import ReadSettings, Source
from sk_brainrvq.signals.sources.subjects import subjects_of_epochs
from sk_brainrvq.signals.units import UNITS


class EpochsSource(Source):
    """``mne.Epochs``, or a list of them, which may differ in channels, rate and length."""

    def accepts(self, X: Any) -> bool:
        """Whether X is Epochs of any kind, or a list of only these."""
        return is_mne_epochs(X) or is_list_of_epochs(X)

    def blocks(self, X: Any, settings: ReadSettings) -> list[EpochBlock]:
        """One block for each kind of Epochs."""
        return blocks_from_epochs(X, settings.known_as_eeg)


def is_mne_epochs(X: Any) -> bool:
    """Whether X is an ``mne.Epochs`` (of any kind), without importing MNE."""
    mne = sys.modules.get("mne")
    return mne is not None and isinstance(X, mne.BaseEpochs)


def is_list_of_epochs(X: Any) -> bool:
    """Whether X is a list of Epochs, as from scikit-learn's indexing of Epochs."""
    return isinstance(X, (list, tuple)) and len(X) > 0 and all(is_mne_epochs(x) for x in X)


def blocks_from_epochs(X: Any, known_as_eeg: Collection[str] = ()) -> list[EpochBlock]:
    """Blocks of ``mne.Epochs`` or of a list of them.

    Parameters
    ----------
    X : mne.Epochs or list of mne.Epochs
    known_as_eeg : collection of str, optional
        Channels for which the user has given a position.

    Returns
    -------
    list of EpochBlock
        Epochs with the same channels, positions, rate, length and filters share a block.
    """
    items = [X] if is_mne_epochs(X) else list(X)
    gathered: dict[tuple, list[tuple[NDArray, NDArray, NDArray]]] = {}
    firsts: dict[tuple, Any] = {}
    others: dict[tuple, dict[str, str]] = {}
    start = 0
    for number, epochs in enumerate(items):
        item = None if epochs is X else number
        names, left_out = _chosen_of_item(epochs, item, known_as_eeg)
        data = signals_of_epochs(epochs, names)
        info, positions = epochs.info, positions_of(epochs.info, names)
        # Names may be numbers of a cap, whose positions differ from person to person.
        where = tuple((name, place.tobytes()) for name, place in (positions or {}).items())
        key = (tuple(names), float(info["sfreq"]), data.shape[-1], band_of(info), where)
        index, people = start + np.arange(len(data)), subjects_of_epochs(epochs)
        gathered.setdefault(key, []).append((data, index, people))
        firsts.setdefault(key, info)
        others.setdefault(key, {}).update(left_out)
        start += len(data)
    if start == 0:
        raise InvalidEEGError("The Epochs hold no epoch (0 samples); all were dropped or none cut.")
    return [
        EpochBlock(
            np.concatenate(data),
            UNITS["V"],
            sfreq,
            list(names),
            np.concatenate(index),
            positions_of(firsts[key], names),
            highpass=band[0],
            lowpass=band[1],
            info=firsts[key],
            left_out=others[key],
            subjects=np.concatenate(people),
        )
        for key, pieces in gathered.items()
        for names, sfreq, _, band, _ in [key]
        for data, index, people in [zip(*pieces, strict=True)]
    ]


def _chosen_of_item(
    epochs: Any, item: int | None, known_as_eeg: Collection[str]
) -> tuple[list[str], dict[str, str]]:
    """EEG channels of an item of a list, and those left out; errors name the item."""
    try:
        return chosen_channels(epochs, known_as_eeg)
    except InvalidEEGError as error:
        if item is None:
            raise
        raise InvalidEEGError(f"Item {item} of the list: {error}") from error
