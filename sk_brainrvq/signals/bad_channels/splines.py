"""Interpolation of bad channels with MNE's spherical splines."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.electrodes.names import (
    NEW_NAMES,
    bare_name,
    checked_map,
    shorten,
    split_pair,
)
from sk_brainrvq.signals.electrodes.positions import read_cap, template_montage

# Centre of the head if there are too few positions to fit a sphere: MNE's former default.
_HEAD_CENTRE = (0.0, 0.0, 0.04)
_FEWEST_TO_FIT = 4


def spline_weights(
    names: Sequence[str] | None,
    bads: Sequence[int],
    *,
    info: Any = None,
    positions: Mapping[str, NDArray] | None = None,
    electrode_map: Mapping[str, Any] | None = None,
) -> NDArray:
    """Weights that interpolate bad channels from all channels, as MNE's ``interpolate_bads``.

    Parameters
    ----------
    names : sequence of str, or None
    bads : sequence of int
        Positions of the bad channels in ``names``.
    info : mne.Info, optional
        Info of the recording, whose positions and digitised points are used.
    positions : dict of str to ndarray, optional
        Head coordinates in metres, if there is no ``info``.
    electrode_map : mapping, optional
        Positions of channels from the user.

    Returns
    -------
    ndarray, shape (n_bads, n_channels)
        Weights; 0 for bad channels and for channels without a known position.

    Raises
    ------
    InvalidEEGError
        If the position of a bad channel, or of all good ones, is unknown.

    Notes
    -----
    If the recording lacks the position of a bad channel, all positions are taken by name from
    MNE's template of the 10-05 system.
    """
    import mne

    if names is None:
        raise InvalidEEGError(
            "bad_channels='interpolate' was given, but the channels have no names, so their "
            "positions are unknown. Pass ch_names=[...], or bad_channels='drop'."
        )
    bad_names = [names[row] for row in bads]
    placed = _own_places(names, info, positions)
    if not set(bad_names) <= set(placed.ch_names):
        placed = _template_places(names, electrode_map)
    lost = [name for name in bad_names if name not in placed.ch_names]
    if lost:
        raise InvalidEEGError(
            f"bad_channels='interpolate' was given, but the positions of {shorten(lost)} are "
            "unknown. Set a montage (raw.set_montage), use names of the 10-05 system, or pass "
            "bad_channels='drop'."
        )
    if len(placed.ch_names) == len(bad_names):
        raise InvalidEEGError(
            "bad_channels='interpolate' was given, but no good channel has a known position to "
            f"interpolate {shorten(bad_names)} from. Set a montage, or pass bad_channels='drop'."
        )
    placed["bads"] = bad_names
    n_points = sum(point["kind"] in _fitting_kinds() for point in placed["dig"] or ())
    origin = "auto" if n_points >= _FEWEST_TO_FIT else _HEAD_CENTRE
    with mne.use_log_level("error"):
        unit = mne.io.RawArray(np.eye(len(placed.ch_names)), placed)
        unit.interpolate_bads(reset_bads=False, origin=origin)
    weights = np.zeros((len(bads), len(names)))
    columns = [list(names).index(name) for name in placed.ch_names]
    weights[:, columns] = unit.get_data(picks=bad_names)
    return weights


def _fitting_kinds() -> tuple[int, ...]:
    from mne.io.constants import FIFF

    return (int(FIFF.FIFFV_POINT_EEG), int(FIFF.FIFFV_POINT_EXTRA))


def _own_places(names: Sequence[str], info: Any, positions: Mapping[str, NDArray] | None) -> Any:
    """Info of the channels with a position in the recording; there may be none."""
    import mne

    if info is None:
        return _info(dict(positions or {}), "head")
    rows = [info["ch_names"].index(name) for name in names]
    loc = np.array([info["chs"][row]["loc"][:3] for row in rows])
    known = np.isfinite(loc).all(axis=1) & loc.any(axis=1)
    if not known.any():
        return _info({}, "head")
    with mne.use_log_level("error"):
        chosen = mne.pick_info(
            info, [row for row, is_known in zip(rows, known, strict=True) if is_known]
        )
        chosen["bads"] = []
        return chosen


def _template_places(names: Sequence[str], electrode_map: Mapping[str, Any] | None) -> Any:
    """Info of the channels that lie at a single electrode of the 10-05 system."""
    import mne

    montage = mne.channels.make_standard_montage(template_montage()).get_positions()
    template = {name.upper(): place for name, place in montage["ch_pos"].items()}
    chosen = checked_map(electrode_map)
    bare = {name: bare_name(name) for name in names}
    known = set(bare.values()) | {end for b in bare.values() for end in split_pair(b) or ()}
    cap = {} if known <= template.keys() else read_cap(known)
    places = {}
    for name in names:
        if name in chosen:
            electrode = bare_name(next(iter(chosen[name]))) if len(chosen[name]) == 1 else ""
        elif bare[name] in cap:
            electrode = cap[bare[name]].electrode or ""
        else:
            electrode = bare[name]
        electrode = electrode if electrode in template else NEW_NAMES.get(electrode, electrode)
        if electrode in template:
            places[name] = template[electrode]
    landmarks = {key: montage[key] for key in ("nasion", "lpa", "rpa")}
    return _info(places, montage["coord_frame"], **landmarks)


def _info(places: Mapping[str, NDArray], frame: str, **landmarks: NDArray) -> Any:
    import mne

    info = mne.create_info(list(places), 1000.0, "eeg")
    if places:
        montage = mne.channels.make_dig_montage(dict(places), coord_frame=frame, **landmarks)
        info.set_montage(montage, verbose="error")
    return info
