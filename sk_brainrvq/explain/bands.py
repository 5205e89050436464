"""Frequency bands by name."""

from collections.abc import Mapping
from numbers import Real
from types import MappingProxyType
from typing import Any

Bands = Mapping[str, tuple[float, float]]

# In Hz; the upper edge is not included.
BANDS: Bands = MappingProxyType(
    {"delta": (1, 4), "theta": (4, 8), "alpha": (8, 13), "beta": (13, 30), "gamma": (30, 45)}
)


def checked_bands(bands: Any, sfreq: float) -> dict[str, tuple[float, float]]:
    """Check frequency bands; None means the usual five.

    Parameters
    ----------
    bands : mapping of str to (float, float), or None
    sfreq : float
        Sampling rate of the signals in Hz.

    Returns
    -------
    dict of str to (float, float)

    Raises
    ------
    ValueError
        If these are not bands, or if one begins above half of ``sfreq``.
    """
    if bands is None:
        return {name: band for name, band in BANDS.items() if band[0] < sfreq / 2}
    if not isinstance(bands, Mapping) or not bands:
        raise ValueError(
            f"bands={bands!r} was given; expected a dict of names and frequencies in Hz, such as "
            "{'alpha': (8, 13)}."
        )
    return {str(name): _checked(name, band, sfreq) for name, band in bands.items()}


def _checked(name: Any, band: Any, sfreq: float) -> tuple[float, float]:
    try:
        low, high = band
    except (TypeError, ValueError):
        low = high = None
    numbers = all(isinstance(edge, Real) and not isinstance(edge, bool) for edge in (low, high))
    if not numbers or not 0 <= low < min(high, sfreq / 2):
        raise ValueError(
            f"bands={{{name!r}: {band!r}}} was given; expected two frequencies in Hz, the lower "
            f"one first and below {sfreq / 2:g}, half of the sampling rate."
        )
    return float(low), float(high)
