"""Regions of the scalp, which give the same features for every montage."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.electrodes.names import ELECTRODE_NAMES, N_ELECTRODE_ROWS
from sk_brainrvq.signals.electrodes.positions import template_directions

# Centres of the regions, front to back.
REGIONS = ("Fpz", "F7", "Fz", "F8", "T7", "Cz", "T8", "P7", "Pz", "P8", "Oz")
# How fast a region's weight for an electrode falls with the angle between them: to a half at
# 12 degrees, about 20 mm.
REGION_CONCENTRATION = 30.0
# Positions at which signals are compared with each other: the electrodes of the 10-20 system.
POSITIONS = (
    *("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz"),
    *("C4", "T8", "P7", "P3", "Pz", "P4", "P8", "O1", "O2"),
)
# To a half at 7 degrees: almost only the nearest electrode.
POSITION_CONCENTRATION = 100.0
# Logarithms of smaller values are out of the range of float64.
_SMALLEST = 1e-300


@cache
def interest_table(centres: tuple[str, ...], concentration: float) -> NDArray:
    """Weight (interest) of each place for each electrode row.

    Parameters
    ----------
    centres : tuple of str
        Electrodes of the 10-05 system.
    concentration : float
        k in ``exp(k (cos(angle) - 1))`` of the angle between electrode and centre.

    Returns
    -------
    ndarray, shape (129, n_centres), float64
        For a bipolar pair of the table, the mean of its electrodes. Row 0, of the class token,
        is 0.
    """
    directions = template_directions()
    wanted = np.stack([directions[name.upper()] for name in centres])
    table = np.zeros((N_ELECTRODE_ROWS, len(centres)))
    for row, name in enumerate(ELECTRODE_NAMES[: N_ELECTRODE_ROWS - 1], start=1):
        places = np.stack([directions[part] for part in name.upper().split("-")])
        table[row] = np.exp(concentration * (places @ wanted.T - 1)).mean(0)
    return table


def log_interest_table(centres: tuple[str, ...], concentration: float) -> NDArray:
    """Logarithm of :func:`interest_table`, (129, n_centres) float32, finite everywhere."""
    return np.log(np.maximum(interest_table(centres, concentration), _SMALLEST)).astype(np.float32)


def place_weights(
    electrodes: NDArray, centres: tuple[str, ...] = REGIONS, concentration: float | None = None
) -> NDArray:
    """Weight of each channel at each position.

    Parameters
    ----------
    electrodes : ndarray, shape (n_channels,) int64 or (n_channels, 129) float
        Rows of the electrode table, or mixing weights over them.
    centres : tuple of str
        Default the 11 regions.
    concentration : float, optional
        See :func:`interest_table`; default that of the regions.

    Returns
    -------
    ndarray, shape (n_channels, n_centres), float32
        Weights whose columns sum to 1; a position without an electrode uses the nearest ones.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.signals import match_electrodes
    >>> from sk_brainrvq.signals.electrodes import electrode_rows
    >>> from sk_brainrvq.signals.electrodes.regions import REGIONS, place_weights
    >>> weights = place_weights(electrode_rows(match_electrodes(["Fz", "Cz", "O1"], 3)))
    >>> nearest = [["Fz", "Cz", "O1"][channel] for channel in weights.argmax(0)]
    >>> dict(zip(REGIONS, nearest))["Oz"], dict(zip(REGIONS, nearest))["Pz"]
    ('O1', 'Cz')
    """
    table = interest_table(centres, concentration or REGION_CONCENTRATION)
    interest = table[electrodes] if electrodes.ndim == 1 else electrodes.astype(float) @ table
    # Logarithms do not underflow if all electrodes are far away.
    logs = np.log(np.maximum(interest, _SMALLEST))
    weights = np.exp(logs - logs.max(0))
    return (weights / weights.sum(0)).astype(np.float32)
