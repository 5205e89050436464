"""Interface of a source of EEG, which reads one kind of container."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.bad_channels import BadChannelPolicy
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.patches import StoredEEG
from sk_brainrvq.signals.reading import Reading


@dataclass(frozen=True)
class ReadSettings:
    """Settings for reading X.

    Attributes
    ----------
    sfreq : float or None
        Rate of arrays in Hz; None means 200.
    ch_names : sequence of str, or None
        Channels of arrays.
    unit : {"uV", "mV", "V"}
        Unit of arrays.
    window, overlap : float
        Length and overlap of windows in seconds, for continuous recordings.
    filters : FilterSettings
    on_error : {"raise", "warn", "skip"}
        What to do about a file in a list that cannot be used.
    check_array : callable
        Checks an array, and returns it with 2 or 3 dimensions.
    bad_channels : BadChannelPolicy
        What to do about bad channels of continuous recordings, before they are cut.
    read_options : mapping, or None
        Options of MNE's readers, as in :class:`~sk_brainrvq.Reading`.
    starts : ndarray of int, optional
        First samples at 200 Hz if only some windows of a continuous recording are wanted.
    known_as_eeg : collection of str
        Channels for which the user has given a position, which are EEG whatever their names.
    """

    sfreq: float | None = None
    ch_names: Sequence[str] | None = None
    unit: str = "uV"
    window: float = 10.0
    overlap: float = 0.0
    filters: FilterSettings = field(default_factory=FilterSettings)
    on_error: str = "raise"
    check_array: Callable[[Any], NDArray] = np.asarray
    bad_channels: BadChannelPolicy = field(default_factory=BadChannelPolicy)
    read_options: Mapping[str, Any] | None = None
    starts: NDArray | None = None
    known_as_eeg: Collection[str] = ()

    def __post_init__(self) -> None:
        check_window(self.window, self.overlap)


def check_window(window: Any, overlap: Any) -> None:
    """Raise InvalidEEGError unless windows can be cut with these seconds."""
    numbers = all(
        isinstance(value, Real) and not isinstance(value, bool) for value in (window, overlap)
    )
    if not (numbers and 0 < window <= 1e5 and 0 <= overlap < window):
        raise InvalidEEGError(
            f"window={window!r} and overlap={overlap!r} were given; expected "
            "seconds, window above 0 and overlap from 0 to below window."
        )


class Source(ABC):
    """One kind of container of EEG.

    Every method except :meth:`accepts` is only called with an X that the source accepts. A source
    has no state: it reads all information from X.

    Attributes
    ----------
    is_array : bool
        Whether X is read as one array, whose shape and dtype ``ReadSettings.check_array`` checks.
    """

    is_array: ClassVar[bool] = False

    @abstractmethod
    def accepts(self, X: Any) -> bool:
        """Whether X is of this kind; must not import the library that X would come from."""

    @abstractmethod
    def blocks(self, X: Any, settings: ReadSettings) -> Iterable[EpochBlock]:
        """Blocks of X; ``index`` numbers the epochs in the caller's order.

        Parameters
        ----------
        X : object
        settings : ReadSettings

        Returns
        -------
        iterable of EpochBlock

        Raises
        ------
        InvalidEEGError
            If X cannot be read.
        """

    def brings_rate(self, X: Any) -> bool:
        """Whether all of X knows its own sampling rate."""
        return True

    def reads_files(self, X: Any) -> bool:
        """Whether reading X means reading recordings from disk, each whole."""
        return False

    def filters_of(self, X: Any) -> list[FilterSettings | None]:
        """Filters already applied to each item of X; None for items still to be filtered."""
        return [None]

    def readings_of(self, X: Any) -> list[Reading | None]:
        """How the recordings of each item of X were read; None for items still to be read."""
        return [None]

    def subjects_of(self, X: Any) -> NDArray | None:
        """Subject of each epoch, if X knows it."""
        return None

    def labels_of(self, X: Any) -> NDArray | None:
        """Label of each epoch, if X has labels."""
        return None

    def stored(self, X: Any) -> StoredEEG | None:
        """X as EEG that is read batch by batch; None if it is held in memory once read."""
        return None
