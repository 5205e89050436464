"""What a fit has trained, recorded in the weights."""

from collections.abc import Mapping
from typing import Any

from sk_brainrvq.signals import PreparedEEG
from sk_brainrvq.signals.electrodes import N_ELECTRODE_ROWS


def training_info(
    prepared: PreparedEEG,
    ch_names: list[str] | None,
    previous: Mapping[str, Any],
    filters: Mapping[str, Any],
    longest: int | None = None,
) -> dict[str, Any]:
    """Channel names, electrode rows and patches that were trained, here or before.

    Parameters
    ----------
    prepared : PreparedEEG
    ch_names : list of str, or None
    previous : mapping
        ``Weights.info`` of the weights that training started from.
    filters : mapping
        What the signals were filtered with.
    longest : int, optional
        Patches of the longest crop that is trained on; whole segments by default.

    Returns
    -------
    dict
        "ch_names", "trained_rows", "trained_patches", "sfreq" in Hz, "official", "filters".
    """
    matches = [match for group in prepared.groups for match in group.matches]
    own = {row for match in matches if match.how != "mean" for row in match.rows}
    rows = set(own)
    continued = "official" in previous  # every trained network's info has the entry
    if continued:
        rows |= set(previous.get("trained_rows") or range(1, N_ELECTRODE_ROWS))
    elif not own:
        rows = set(range(1, N_ELECTRODE_ROWS))
    n_patches = max(group.n_patches for group in prepared.groups)
    before = (previous.get("trained_patches") or 30) if continued else 0
    return {
        "ch_names": ch_names,
        "trained_rows": sorted(rows),
        "trained_patches": max(min(n_patches, longest or n_patches), before),
        "sfreq": 200.0,
        "official": bool(previous.get("official", False)),
        "filters": dict(filters),
    }
