"""Regions of the scalp: the same features for every montage."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.electrode_names import ELECTRODE_NAMES, N_ELECTRODE_ROWS
from sk_brainrvq.signals.electrode_positions import template_directions

# Centres of the regions, front to back.
REGIONS = ("Fpz", "F7", "Fz", "F8", "T7", "Cz", "T8", "P7", "Pz", "P8", "Oz")
# How fast a region's interest in an electrode falls with the angle between them: to a half at
# 21 degrees, about 35 mm.
_CONCENTRATION = 10.0


@cache
def region_table() -> NDArray:
    """Interest of each region in each electrode row.

    Returns
    -------
    ndarray, shape (129, 11), float32
        ``exp(10 (cos(angle) - 1))`` of the angle between electrode and centre; for a bipolar pair
        of the table, the mean of its electrodes. Row 0, of the class token, is 0.
    """
    directions = template_directions()
    centres = np.stack([directions[name.upper()] for name in REGIONS])
    table = np.zeros((N_ELECTRODE_ROWS, len(REGIONS)))
    for row, name in enumerate(ELECTRODE_NAMES[: N_ELECTRODE_ROWS - 1], start=1):
        places = np.stack([directions[part] for part in name.upper().split("-")])
        table[row] = np.exp(_CONCENTRATION * (places @ centres.T - 1)).mean(0)
    return table.astype(np.float32)


def region_weights(electrodes: NDArray) -> NDArray:
    """How much each channel counts in each region.

    Parameters
    ----------
    electrodes : ndarray, shape (n_channels,) int64 or (n_channels, 129) float
        Rows of the electrode table, or mixing weights over them.

    Returns
    -------
    ndarray, shape (n_channels, 11), float32
        Columns sum to 1: a region without electrodes of its own takes the nearest there are.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.signals import match_electrodes
    >>> from sk_brainrvq.signals.electrodes import electrode_rows
    >>> from sk_brainrvq.signals.regions import REGIONS, region_weights
    >>> weights = region_weights(electrode_rows(match_electrodes(["Fz", "Cz", "O1"], 3)))
    >>> nearest = [["Fz", "Cz", "O1"][channel] for channel in weights.argmax(0)]
    >>> dict(zip(REGIONS, nearest))["Oz"], dict(zip(REGIONS, nearest))["T8"]
    ('O1', 'Cz')
    """
    table = region_table()
    interest = table[electrodes] if electrodes.ndim == 1 else electrodes @ table
    # In logarithms nothing underflows where all electrodes are far away.
    logs = np.log(np.maximum(interest.astype(np.float64), 1e-30))
    weights = np.exp(logs - logs.max(0))
    return (weights / weights.sum(0)).astype(np.float32)
