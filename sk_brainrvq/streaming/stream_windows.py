"""Windows of a stream as a container that every estimator reads."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals import EpochBlock, ReadSettings, Source
from sk_brainrvq.signals.bad_channels.treatment import Treatment
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ


@dataclass(frozen=True)
class StreamWindows:
    """Windows of a stream, as recorded and after its filters.

    Attributes
    ----------
    recorded : ndarray, shape (n_windows, n_channels, n_samples)
        Signals in microvolts before filtering, which show bad channels.
    filtered : ndarray, shape (n_windows, n_channels, n_samples at 200 Hz)
        Filtered signals in microvolts.
    sfreq : float
        Rate of the stream in Hz.
    ch_names : list of str, or None
    unit : {"uV", "mV", "V"}
        Unit of the stream, for messages.
    keeps_offset : bool
        Whether offsets remain because no high-pass filter was applied.
    subject : object
        Subject of all windows; None if it is not needed.
    """

    recorded: NDArray
    filtered: NDArray
    sfreq: float
    ch_names: list[str] | None
    unit: str
    keeps_offset: bool
    subject: Any

    def __len__(self) -> int:
        return len(self.filtered)

    def block(self, data: NDArray, sfreq: float) -> EpochBlock:
        """The windows as a block that holds the given signals."""
        subjects = None
        if self.subject is not None:
            subjects = np.full(len(self), None, dtype=object)
            subjects[:] = [self.subject] * len(self)
        return EpochBlock(
            *(data, 1.0, sfreq, self.ch_names, np.arange(len(self))),
            unit=self.unit,
            subjects=subjects,
        )


class StreamSource(Source):
    """Source for ``StreamWindows``: checked as recorded, and passed on as filtered."""

    def accepts(self, X: Any) -> bool:
        """Whether X holds windows of a stream."""
        return isinstance(X, StreamWindows)

    def blocks(self, X: StreamWindows, settings: ReadSettings) -> Iterator[EpochBlock]:
        """The windows, grouped by their good channels."""
        recorded = X.block(X.recorded, X.sfreq)
        treatment = Treatment(recorded, settings.bad_channels, X.keeps_offset)
        judgement = treatment.judge(recorded)
        # Interpolation and filtering of channels commute.
        filtered = X.block(X.filtered.copy(), TARGET_SFREQ)
        for part in treatment.parts(filtered, judgement):
            yield replace(part, bad_channels={})
        treatment.tell()

    def subjects_of(self, X: StreamWindows) -> NDArray | None:
        """Subject of each window."""
        return X.block(X.filtered, TARGET_SFREQ).subjects
