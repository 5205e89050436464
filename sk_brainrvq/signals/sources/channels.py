"""EEG channels of an MNE object, their positions, and their filters."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.electrodes.matching import match_electrodes
from sk_brainrvq.signals.electrodes.other_channels import other_kinds
from sk_brainrvq.signals.sources.headers.edf_channels import not_eeg_by_header
from sk_brainrvq.user_warnings import warn

_MOST_NAMES = 16


def chosen_channels(
    recording: Any, known_as_eeg: Collection[str] = (), types: Collection[str] = ("eeg",)
) -> tuple[list[str], dict[str, str]]:
    """The good EEG channels of a recording, and why the others are left out.

    Parameters
    ----------
    recording : mne.Epochs or mne.io.Raw
    known_as_eeg : collection of str, optional
        Channels for which the user has given a position: they are kept whatever their names and
        rates, and even without a unit.
    types : collection of str, default=("eeg",)
        MNE's types of channels that may be EEG.

    Returns
    -------
    kept : list of str
        Channels of type EEG that are not marked bad, that the file's header does not list as
        something else, and whose names may be those of EEG. An amplifier's spare input ("EXG
        Channel 0") counts if it has a position on the head.
    left_out : dict of str to str
        Each other channel with the reason.

    Raises
    ------
    InvalidEEGError
        If no channel is left; the message gives each reason.
    """
    left_out = _reasons(recording, known_as_eeg, types)
    kept = [name for name in recording.ch_names if name not in left_out]
    if not kept:
        raise InvalidEEGError(
            f"There is no good EEG channel; these are left out: {_listed(left_out)}. Set types "
            "with set_channel_types, clear info['bads'], or use rename_channels for channels that "
            "are EEG, with names such as 'Cz' or 'E1'. For a file, pass "
            "reading=Reading(electrode_map={...}) with the positions of EEG channels that have "
            "other names."
        )
    return kept, left_out


def _reasons(
    recording: Any, known_as_eeg: Collection[str], types: Collection[str]
) -> dict[str, str]:
    """Reasons for the channels that are left out."""
    names, bads = recording.ch_names, set(recording.info["bads"])
    by_header = not_eeg_by_header(recording, known_as_eeg)
    kinds = dict(zip(names, recording.get_channel_types(), strict=True))
    candidates = [name for name, kind in kinds.items() if kind in types]
    named = other_kinds(candidates, positions_of(recording.info, names) or ())
    reasons: dict[str, str] = {}
    for name, kind in kinds.items():
        if kind not in types:
            reasons[name] = f"of type {kind}"
        elif name in bads:
            reasons[name] = "marked bad"
        # EDF files type everything as EEG: then the name and the header decide.
        elif name in named and name not in known_as_eeg:
            reasons[name] = f"{named[name]}, by its name"
        elif name in by_header:
            reasons[name] = f"{by_header[name]}, by the header"
    return reasons


def warn_of_left_out(blocks: Iterable[EpochBlock]) -> Iterator[EpochBlock]:
    """Pass blocks through, and warn of each channel that is left out once.

    Parameters
    ----------
    blocks : iterable of EpochBlock

    Yields
    ------
    EpochBlock

    Warns
    -----
    EEGWarning
        At the first block, and at later ones only about further channels.
    """
    said: set[tuple[str, str]] = set()
    for block in blocks:
        unsaid = {name: why for name, why in block.left_out.items() if (name, why) not in said}
        if unsaid:
            warn(left_out_sentence(unsaid))
            said |= set(unsaid.items())
        yield block


def warn_of_other_kinds(ch_names: Iterable[str], known_as_eeg: Collection[str]) -> None:
    """Warn of channels of an array whose names are not those of EEG.

    Parameters
    ----------
    ch_names : iterable of str
    known_as_eeg : collection of str
        Channels for which the user has given a position.

    Warns
    -----
    EEGWarning
    """
    kinds = other_kinds(ch_names)
    others = {name: kind for name, kind in kinds.items() if name not in known_as_eeg}
    if others:
        warn(
            f"Not EEG by their names, but used as EEG: {_listed(others)}. All channels of an array "
            "are used: remove these channels from X and ch_names, or, if they are EEG, give their "
            "positions with reading=Reading(electrode_map={...})."
        )


def left_out_sentence(left_out: Mapping[str, str]) -> str:
    """Sentence about channels that are left out, with the reasons."""
    return f"Left out, as bad or not EEG: {_listed(left_out)}."


def _listed(left_out: Mapping[str, str]) -> str:
    """Channels as text, grouped by reason."""
    groups: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        groups.setdefault(reason, []).append(name)
    return "; ".join(f"{_first_ones(names)} ({reason})" for reason, names in groups.items())


def _first_ones(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    # Unquoted, "ECG ECG" would read like a typing error.
    shown = (repr(name) if " " in name else name for name in names[:_MOST_NAMES])
    return ", ".join(shown) + more


def positions_of(info: Any, names: Sequence[str]) -> dict[str, NDArray] | None:
    """Head coordinates in metres of the channels that have any."""
    places = {ch["ch_name"]: np.asarray(ch["loc"][:3]) for ch in info["chs"]}
    known = {
        name: places[name]
        for name in names
        if np.isfinite(places[name]).all() and np.any(places[name])
    }
    return known or None


def averaged_channels(
    reference: str | tuple[str, ...] | None,
    names: Sequence[str] | None,
    positions: Mapping[str, NDArray] | None,
    known_as_eeg: Collection[str] = (),
) -> list[int] | None:
    """Channels that an average reference averages: those with a known position.

    Parameters
    ----------
    reference : None, "average" or tuple of str
        As in `FilterSettings`.
    names : sequence of str, or None
        Channels in use.
    positions : dict of str to ndarray, or None
        Head coordinates of channels in metres, if known.
    known_as_eeg : collection of str, optional
        Channels for which the user has given a position.

    Returns
    -------
    list of int, or None
        Indices into ``names``; None if all or none of the positions are known, and for other
        references.
    """
    if reference != "average" or names is None:
        return None
    matches = match_electrodes(names, len(names), positions=positions)
    placed = [
        number
        for number, match in enumerate(matches)
        if match.has_position or match.channel in known_as_eeg
    ]
    return placed if 0 < len(placed) < len(names) else None


def band_of(info: Any) -> tuple[float, float | None]:
    """High-pass and low-pass filters of a recording in Hz; None for no low-pass.

    Edges that leave no band between them come from different channels: then nothing is known
    about the EEG, which is treated as not filtered.
    """
    highpass, lowpass = float(info["highpass"] or 0), info["lowpass"]
    if lowpass is not None and highpass >= lowpass:
        return 0.0, None
    at_nyquist = lowpass is None or lowpass >= info["sfreq"] / 2
    return highpass, None if at_nyquist else float(lowpass)
