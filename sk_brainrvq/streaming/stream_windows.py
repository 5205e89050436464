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
    """Windows of a stream that went through its filters.

    Attributes
    ----------
    recorded : ndarray, shape (n_windows, n_channels, n_samples)
        In microvolts as they came in, by which bad channels are known.
    filtered : ndarray, shape (n_windows, n_channels, n_samples at 200 Hz)
        In microvolts.
    sfreq : float
        Rate of the stream in Hz.
    ch_names : list of str, or None
    unit : {"uV", "mV", "V"}
        Of the stream, for messages.
    keeps_offset : bool
        Whether no high-pass filter has taken offsets off.
    subject : object
        Whom all windows are of; None where nobody needs to know.
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
        """The windows as a block that holds some signals of them."""
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
    """``StreamWindows``: judged as recorded, and handed on as filtered."""

    def accepts(self, X: Any) -> bool:
        """Whether X is windows of a stream."""
        return isinstance(X, StreamWindows)

    def blocks(self, X: StreamWindows, settings: ReadSettings) -> Iterator[EpochBlock]:
        """The windows, those with the same good channels together."""
        recorded = X.block(X.recorded, X.sfreq)
        treatment = Treatment(recorded, settings.bad_channels, X.keeps_offset)
        judgement = treatment.judge(recorded)
        # Interpolating channels and filtering them can be done in any order.
        filtered = X.block(X.filtered.copy(), TARGET_SFREQ)
        for part in treatment.parts(filtered, judgement):
            yield replace(part, bad_channels={})
        treatment.tell()

    def subjects_of(self, X: StreamWindows) -> NDArray | None:
        """Whom each window is of."""
        return X.block(X.filtered, TARGET_SFREQ).subjects
