"""Which channels of an MNE object are EEG, where they lie, and how they were filtered."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.electrodes.names import is_eeg_name, is_spare_input, shorten
from sk_brainrvq.user_warnings import warn


def eeg_channels(recording: Any) -> list[str]:
    """Names of the good EEG channels; the others are listed in a warning.

    Parameters
    ----------
    recording : mne.Epochs or mne.io.Raw

    Returns
    -------
    list of str
        Channels of type EEG that are not marked bad and whose names may be those of EEG. An
        amplifier's spare input ("EXG Channel 0") counts where it has a position on the head.

    Raises
    ------
    InvalidEEGError
        If none is left.
    """
    names, types = recording.ch_names, recording.get_channel_types()
    bads = set(recording.info["bads"])
    good = [
        name for name, kind in zip(names, types, strict=True) if kind == "eeg" and name not in bads
    ]
    placed = positions_of(recording.info, good) or {}
    # EDF files call everything EEG: then the name decides.
    kept = [n for n in good if is_eeg_name(n) or (is_spare_input(n) and n in placed)]
    left_out = [name for name in names if name not in kept]
    if not kept:
        raise InvalidEEGError(_why_none_is_eeg(sorted(set(types)), len(bads), good))
    if left_out:
        message = f"Left out, as bad or not EEG: {', '.join(left_out)}."
        warn(message)
    return kept


def _why_none_is_eeg(types: list[str], n_bad: int, refused: list[str]) -> str:
    """The message; ``refused`` are good channels of type EEG."""
    found = (
        f"There is no good EEG channel: the channels are of type {types}, {n_bad} are marked bad"
    )
    mend = "Set types with set_channel_types, or clear info['bads']."
    if not refused:
        return f"{found}. {mend}"
    return (
        f"{found}, and of type eeg but not named like EEG: {shorten(refused)}. Rename what is EEG "
        f"all the same with rename_channels, such as to 'Cz' or 'E1'. For the others: {mend}"
    )


def positions_of(info: Any, names: Sequence[str]) -> dict[str, NDArray] | None:
    """Head coordinates in metres of the channels that have any."""
    places = {ch["ch_name"]: np.asarray(ch["loc"][:3]) for ch in info["chs"]}
    known = {
        name: places[name]
        for name in names
        if np.isfinite(places[name]).all() and np.any(places[name])
    }
    return known or None


def band_of(info: Any) -> tuple[float, float | None]:
    """What a recording was filtered with: high-pass and low-pass in Hz; no low-pass is None.

    Edges that leave no band between them are those of different channels: nothing is known of
    the EEG then, as if it was not filtered.
    """
    highpass, lowpass = float(info["highpass"] or 0), info["lowpass"]
    if lowpass is not None and highpass >= lowpass:
        return 0.0, None
    at_nyquist = lowpass is None or lowpass >= info["sfreq"] / 2
    return highpass, None if at_nyquist else float(lowpass)
