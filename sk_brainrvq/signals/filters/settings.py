"""Filter settings: the values that a user gives, and their meaning for one network."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.referencing import reference_rows

_AUTO = "auto"


class Filters(BaseEstimator):
    """How to filter and reference EEG, for ``filters=`` of the estimators.

    Every value is "auto" by default, which uses what the weights were trained with, and no filter
    from scratch. Filters that a recording reports as already applied are not applied again.

    Parameters
    ----------
    l_freq, h_freq : float, None or "auto", default="auto"
        Edges of the pass band in Hz; None does not filter at this edge.
    notch : float, None or "auto", default="auto"
        Mains frequency in Hz, 50 or 60, which is removed with its harmonics.
    reference : "average", channel name, sequence of names, None or "auto", default="auto"
        Reference to subtract from all channels; None leaves them as recorded.

    See Also
    --------
    EEGCorpus : Its ``filters`` are those it was built with.

    Examples
    --------
    >>> from sk_brainrvq import BrainRVQEmbedder, Filters
    >>> embedder = BrainRVQEmbedder(filters=Filters(notch=50))
    >>> embedder.set_params(filters__l_freq=1.0).filters
    Filters(l_freq=1.0, notch=50)
    """

    def __init__(
        self,
        l_freq: float | str | None = _AUTO,
        h_freq: float | str | None = _AUTO,
        notch: float | str | None = _AUTO,
        reference: str | Iterable[str] | None = _AUTO,
    ):
        self.l_freq = l_freq
        self.h_freq = h_freq
        self.notch = notch
        self.reference = reference

    def chosen(self) -> dict[str, Any]:
        """Values that are not left to the weights."""
        values = self.get_params(deep=False)
        return {name: value for name, value in values.items() if not _is_auto(value)}

    def resolve(self, trained: Mapping[str, Any]) -> "FilterSettings":
        """Settings for one network; raise InvalidEEGError for invalid values.

        Parameters
        ----------
        trained : mapping
            What the network was trained with, by the names of the parameters; empty from scratch.

        Returns
        -------
        FilterSettings
        """
        names = self.get_params(deep=False)
        return FilterSettings.checked(**{name: trained.get(name) for name in names} | self.chosen())


def checked_filters(filters: Any) -> Filters:
    """Filters that a user requests; "auto" and None are short for two settings.

    Parameters
    ----------
    filters : "auto", None or Filters

    Returns
    -------
    Filters

    Raises
    ------
    InvalidEEGError
        For anything else.
    """
    if isinstance(filters, Filters):
        return filters
    if filters is None:
        return Filters(None, None, None, None)
    if _is_auto(filters):
        return Filters()
    raise InvalidEEGError(
        f"filters={filters!r} was given; expected 'auto', None, or sk_brainrvq.Filters(l_freq=..., "
        "h_freq=..., notch=..., reference=...)."
    )


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == _AUTO


@dataclass(frozen=True)
class FilterSettings:
    """Filter settings, checked and complete; None leaves a step out.

    `Filters.resolve` and `checked` make these from a user's values.

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
        None: as recorded. "average": subtract the mean of the EEG channels in use, without those of
        unknown position if any position is known. Names: subtract the mean of these channels from
        all. Reference channels are kept, as in MNE: a single one becomes zero, and each of several
        keeps its difference from their mean.
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
        """Settings from a user's values; raise InvalidEEGError if they are invalid.

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

    def cuts_below(self, highpass: float) -> bool:
        """Whether a high-pass filter is applied to signals that went through ``highpass`` Hz."""
        return self.l_freq is not None and highpass < self.l_freq

    def check_for(self, sfreq: float, ch_names: Sequence[str] | None) -> None:
        """Raise InvalidEEGError if signals cannot be filtered with these settings.

        Parameters
        ----------
        sfreq : float
            Their rate in Hz.
        ch_names : sequence of str, or None
        """
        low, nyquist = self.l_freq, sfreq / 2
        if low is not None and low >= nyquist:
            raise InvalidEEGError(
                f"l_freq={low:g} Hz was given for signals sampled at {sfreq:g} Hz; expected less "
                f"than {nyquist:g} Hz, half of that rate, as otherwise nothing would be left."
            )
        if isinstance(self.reference, tuple):
            reference_rows(self.reference, ch_names)


def _checked_frequency(name: str, value: Any, zero_is_none: bool = False) -> float | None:
    if value is None:
        return None
    try:
        frequency = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError, OverflowError):
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
