"""Bad channels of a continuous recording, decided once for all windows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.bad_channels.channel_faults import Fault, judge
from sk_brainrvq.signals.bad_channels.policy import BadChannelPolicy, by_fault
from sk_brainrvq.signals.bad_channels.splines import spline_weights
from sk_brainrvq.signals.sources.annotations import is_bad_sample

# Number and length in seconds of the parts of a recording to check, spread over it.
_N_PARTS, _PART_SECONDS = 32, 0.5


def faults_of_raw(
    raw: Any, names: Sequence[str], to_microvolts: float, keeps_offset: bool
) -> dict[str, Fault]:
    """Find bad channels in a recording as recorded, without projections and filters.

    Parameters
    ----------
    raw : mne.io.Raw
    names : sequence of str
        Channels to judge.
    to_microvolts : float
    keeps_offset : bool
        As in :func:`~sk_brainrvq.signals.bad_channels.judge`.

    Returns
    -------
    dict of str to Fault
        Stretches annotated as BAD or EDGE are not checked.
    """
    usable = np.flatnonzero(~is_bad_sample(raw))
    if not len(usable):
        return {}
    seen = _read(raw, names, usable) * to_microvolts
    faults = judge(seen, float(raw.info["sfreq"]), keeps_offset).faults
    return {name: Fault(fault) for name, fault in zip(names, faults, strict=True) if fault}


def _read(raw: Any, names: Sequence[str], usable: NDArray) -> NDArray:
    """Usable samples of parts all over the recording, (n_channels, n_samples)."""
    rows = [raw.ch_names.index(name) for name in names]
    length = max(1, round(_PART_SECONDS * raw.info["sfreq"]))
    if raw.n_times <= _N_PARTS * length:
        return raw[rows, :][0][:, usable]
    is_usable = np.zeros(raw.n_times, dtype=bool)
    is_usable[usable] = True
    places = np.linspace(0, max(0, len(usable) - length), _N_PARTS).astype(np.int64)
    parts = [slice(start, min(start + length, raw.n_times)) for start in usable[places]]
    return np.concatenate([raw[rows, part][0][:, is_usable[part]] for part in parts], axis=1)


def treated_raw(
    raw: Any, names: list[str], found: dict[str, Fault], policy: BadChannelPolicy
) -> tuple[Any, list[str]]:
    """A recording with its bad channels left out or interpolated.

    Parameters
    ----------
    raw : mne.io.Raw
        Recording, which is not changed.
    names : list of str
        Channels in use.
    found : dict of str to Fault
    policy : BadChannelPolicy

    Returns
    -------
    raw : mne.io.Raw
        The same object if there is nothing to do.
    names : list of str
        Remaining channels.

    Raises
    ------
    InvalidEEGError
        If no channel is left, or the position of a channel to interpolate is unknown.
    """
    if not found or not (policy.drops or policy.interpolates):
        return raw, names
    left = [name for name in names if name not in found]
    policy.check_drop("", by_fault(found), len(left))
    if policy.drops:
        return raw.copy().drop_channels(list(found)), left
    bads = [row for row, name in enumerate(names) if name in found]
    weights = spline_weights(names, bads, info=raw.info, electrode_map=policy.electrode_map)
    raw = raw.copy().load_data(verbose="error")

    def interpolate(signals: NDArray) -> NDArray:
        signals[bads] = weights @ signals
        return signals

    rows = [raw.ch_names.index(name) for name in names]
    raw.apply_function(interpolate, picks=rows, channel_wise=False, verbose="error")
    return raw, names
