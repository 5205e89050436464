"""What to filter: the values a user gives, checked."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sk_brainrvq.exceptions import InvalidEEGError


@dataclass(frozen=True)
class FilterSettings:
    """What to filter; None leaves a step out. `checked` makes one of a user's values.

    Attributes
    ----------
    l_freq : float or None
        Lower edge of the pass band in Hz.
    h_freq : float or None
        Upper edge of the pass band in Hz. At the Nyquist frequency or above nothing is cut.
    notch : float or None
        Mains frequency in Hz, 50 or 60. Its harmonics below the Nyquist frequency, ten in all,
        are removed too.
    reference : None, "average" or tuple of str
        None: as recorded. "average": the mean of all channels handed over (the EEG channels) is
        subtracted. Names: the mean of these channels is subtracted from all. Reference channels
        are kept, as MNE keeps them: a single one becomes zero, of several each keeps its
        difference from their mean.
    """

    l_freq: float | None = None
    h_freq: float | None = None
    notch: float | None = None
    reference: str | tuple[str, ...] | None = None

    @classmethod
    def checked(
        cls,
        l_freq: Any = None,
        h_freq: Any = None,
        notch: Any = None,
        reference: str | Iterable[str] | None = None,
    ) -> "FilterSettings":
        """Settings from a user's values; raise InvalidEEGError where they make no sense.

        Parameters
        ----------
        l_freq, h_freq, notch : float or None
            In Hz. ``l_freq=0`` means None.
        reference : None, "average", a channel name, or names

        Returns
        -------
        FilterSettings

        Examples
        --------
        >>> from sk_brainrvq.signals.filters.filtering import FilterSettings
        >>> FilterSettings.checked(l_freq=0.3, h_freq=75, notch=50, reference="Cz")
        FilterSettings(l_freq=0.3, h_freq=75.0, notch=50.0, reference=('Cz',))
        """
        low = _checked_frequency("l_freq", l_freq, zero_is_none=True)
        high = _checked_frequency("h_freq", h_freq)
        mains = _checked_frequency("notch", notch)
        if low is not None and high is not None and low >= high:
            raise InvalidEEGError(
                f"l_freq={l_freq!r} and h_freq={h_freq!r} were given; expected l_freq (the lower "
                "edge of the pass band, in Hz) below h_freq."
            )
        return cls(low, high, mains, _checked_reference(reference))


def _checked_frequency(name: str, value: Any, zero_is_none: bool = False) -> float | None:
    if value is None:
        return None
    try:
        frequency = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError):
        frequency = math.nan
    if frequency == 0 and zero_is_none:
        return None
    if not 0 < frequency < math.inf:
        raise InvalidEEGError(
            f"{name}={value!r} was given; expected a frequency in Hz above 0, or None."
        )
    return frequency


def _checked_reference(reference: Any) -> str | tuple[str, ...] | None:
    if reference is None or reference == "average":
        return reference
    names = (reference,) if isinstance(reference, str) else reference
    if isinstance(names, Iterable) and all(isinstance(n, str) and n.strip() for n in names):
        unique = tuple(dict.fromkeys(names))
        if unique:
            return unique
    raise InvalidEEGError(
        f"reference={reference!r} was given; expected None (as recorded), 'average', or the "
        "names of the channels whose mean is subtracted."
    )
