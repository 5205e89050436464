"""Checks of parameters that are numbers."""

from numbers import Integral, Real
from typing import Any


def check_whole(name: str, value: Any, least: int) -> None:
    """Raise ValueError unless a parameter is an integer of at least ``least``."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}={value!r} was given; expected an integer of at least {least}.")


def check_range(name: str, value: Any, low: float, high: float) -> None:
    """Raise ValueError unless a parameter is a number from low to high."""
    if not (isinstance(value, Real) and low <= float(value) <= high):
        raise ValueError(f"{name}={value!r} was given; expected a number from {low} to {high}.")
