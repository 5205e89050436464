"""StreamingEmbedder: applies a fitted estimator to EEG as it arrives."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.electrodes import check_ch_names
from sk_brainrvq.signals.electrodes.names import refuse_one_string
from sk_brainrvq.signals.filters.causal_filters import (
    CausalFilter,
    causal_sections,
    filter_delay,
    settling_time,
)
from sk_brainrvq.signals.filters.causal_resampling import resample_causally, resampling_delay
from sk_brainrvq.signals.filters.filtering import filters_to_apply
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ, rate_ratio
from sk_brainrvq.signals.reading import known_as_eeg
from sk_brainrvq.signals.sources.arrays import check_sfreq, check_unit
from sk_brainrvq.signals.sources.channels import warn_of_other_kinds
from sk_brainrvq.signals.units import UNITS
from sk_brainrvq.streaming.calibration import is_raw, read_raw, usable_ends
from sk_brainrvq.streaming.chunk_checks import (
    checked_chunk,
    checked_samples,
    checked_timestamps,
    describe_gap,
    find_gaps,
)
from sk_brainrvq.streaming.stream_model import StreamModel
from sk_brainrvq.streaming.stream_results import StreamResult
from sk_brainrvq.streaming.stream_state import StreamState
from sk_brainrvq.streaming.stream_windows import StreamWindows
from sk_brainrvq.streaming.window_grid import Cut, WindowGrid
from sk_brainrvq.user_warnings import warn

# Frequency at which the delay is stated: the middle of alpha.
_ALPHA = 10.0
# Standard deviation in microvolts of the noise that replaces EEG when a stream is set up.
_TRIAL_AMPLITUDE = 20.0


class StreamingEmbedder:
    """Features or decisions from EEG as it arrives: chunks in, a result every ``step`` seconds.

    Chunks may have any length. They are filtered and resampled to 200 Hz by causal filters, which
    keep their state from chunk to chunk.

    Parameters
    ----------
    estimator : BrainRVQEmbedder, BrainRVQClassifier or Pipeline
        Any fitted estimator of this package that reads EEG, or a pipeline that starts with one. It
        is not changed.
    sfreq : float
        Nominal rate of the stream in Hz.
    ch_names : sequence of str, optional
        Channels of the stream, in its order; by default those seen in fit.
    unit : {"uV", "mV", "V"}, default="uV"
        Unit of the stream.
    window : float, optional
        Length in seconds of the window for each result; by default the estimator's ``window``.
    step : float, default=1.0
        Seconds between results, a multiple of 5 ms.
    method : {"auto", "predict_proba", "decision_function", "predict", "transform"}, default="auto"
        Method of the estimator to call; "auto" is the first of these that it has.
    subject : object, optional
        For estimators that centre people: the subject of the stream, if the estimator keeps a
        centre for this person. Otherwise call :meth:`calibrate`.
    highpass, lowpass : float, optional
        Filters of the amplifier in Hz; an edge that is at least as strict is not filtered again.
    on_gap : {"raise", "reset"}, default="raise"
        What to do if timestamps show a gap: raise an error, or start again, with a warning.

    Attributes
    ----------
    delay : float
        Delay of a 10 Hz wave by filters and resampler, in seconds.
    settling : float
        Seconds until the slowest transient of the filters has decayed to one hundredth. Results of
        windows that begin earlier have ``settled=False``.
    filters : FilterSettings
        Filters of the estimator that the amplifier has not applied yet.
    classes : ndarray, or None
        Classes that probabilities refer to.

    Raises
    ------
    InvalidEEGError
        If the rate, names, unit, filters or window of the stream cannot be used.
    ValueError
        For an estimator that does not read EEG, or another invalid parameter.
    NotFittedError
        If the estimator, or a step of it, is not fitted.

    See Also
    --------
    BrainRVQEmbedder : Its ``center_by="subject"`` removes what is specific to a person.

    Notes
    -----
    The filters are Butterworth filters, of order 2 for the high-pass and 8 for the low-pass, with
    half amplitude at the same frequencies as the zero-phase filters of the estimators, and notches
    2 Hz wide. The resampler has the pass band of the estimators' resampler, with minimum phase. The
    signal before the first sample is assumed to be constant at its value. :meth:`offline` gives the
    same numbers for a whole recording. In each window, the reference is subtracted and bad channels
    are treated as ``transform`` does in each epoch.

    Examples
    --------
    >>> from sk_brainrvq import BrainRVQEmbedder, StreamingEmbedder
    >>> from sk_brainrvq.datasets import make_eeg
    >>> eeg = make_eeg(n_subjects=1, n_windows=4, duration=2, ch_names=["C3", "C4"], random_state=0)
    >>> embedder = BrainRVQEmbedder(weights=None, architecture="tiny", sfreq=eeg.sfreq,
    ...                             ch_names=eeg.ch_names, random_state=0).fit(eeg.X)
    >>> stream = StreamingEmbedder(embedder, eeg.sfreq, window=2, step=0.5)
    >>> for chunk in eeg.X:
    ...     for result in stream.push(chunk):
    ...         print(result.start, result.end, result.values.shape)
    0.0 2.0 (1556,)
    0.5 2.5 (1556,)
    1.0 3.0 (1556,)
    ...
    """

    # Timestamp of the last sample, if chunks have timestamps.
    _last_time: float | None
    _state: StreamState

    def __init__(
        self,
        estimator: Any,
        sfreq: float,
        ch_names: Sequence[str] | None = None,
        *,
        unit: str = "uV",
        window: float | None = None,
        step: float = 1.0,
        method: str = "auto",
        subject: Any = None,
        highpass: float = 0.0,
        lowpass: float | None = None,
        on_gap: str = "raise",
    ):
        self._model = StreamModel(estimator, method, subject)
        check_unit(unit)
        if on_gap not in ("raise", "reset"):
            raise ValueError(f"on_gap={on_gap!r} was given; expected 'raise' or 'reset'.")
        reader = self._model.reader
        self.sfreq, self.unit, self.on_gap = check_sfreq(sfreq), unit, on_gap
        names = reader.ch_names_in_ if ch_names is None else ch_names
        refuse_one_string(names)
        self.ch_names = None if names is None else check_ch_names(names, len(names))
        warn_of_other_kinds(self.ch_names or (), known_as_eeg(reader.reading))
        self._n_channels = reader.n_channels_in_ if names is None else len(names)
        self._grid = WindowGrid(
            checked_samples("window", reader.window if window is None else window),
            checked_samples("step", step),
            rate_ratio(self.sfreq),
        )
        self._model.filters.check_for(self.sfreq, self.ch_names)
        self.filters = filters_to_apply(self._model.filters, self.sfreq, highpass, lowpass)
        self._sections = causal_sections(self.filters, self.sfreq)
        self.settling = settling_time(self._sections, self.sfreq)
        self.delay = self.delay_at(_ALPHA)
        self.reset()
        self._try_out()

    @property
    def classes(self) -> NDArray | None:
        """Classes that probabilities refer to; None without a classifier."""
        return self._model.classes

    @property
    def window(self) -> float:
        """Length of the window for each result, in seconds."""
        return self._grid.n_window / TARGET_SFREQ

    @property
    def step(self) -> float:
        """Seconds between results."""
        return self._grid.n_step / TARGET_SFREQ

    def delay_at(self, frequency: float) -> float:
        """Group delay of filters and resampler at a frequency, in seconds.

        Parameters
        ----------
        frequency : float
            Frequency in Hz, within the pass band.

        Returns
        -------
        float
        """
        filters = filter_delay(self._sections, self.sfreq, frequency)
        return filters + resampling_delay(self.sfreq, frequency)

    def push(self, chunk: Any, timestamps: Any = None) -> list[StreamResult]:
        """Add the next samples; return the results that they complete.

        Parameters
        ----------
        chunk : array-like, shape (n_channels, n_times)
            Samples in the unit of the stream, of any length, even zero.
        timestamps : array-like, shape (n_times,), optional
            Time of each sample in seconds on the clock of the stream, without jitter. Results then
            have these times, and gaps are found.

        Returns
        -------
        list of StreamResult
            Results; often none.

        Raises
        ------
        InvalidEEGError
            For a chunk with another shape, NaN, another rate or a gap, or if the current person has
            no centre yet. The state of the stream is then unchanged.

        Warns
        -----
        EEGWarning
            About gaps with ``on_gap="reset"``, and the warnings of ``transform``.
        """
        self._model.check_ready()
        microvolts = self._checked(chunk)
        times = checked_timestamps(timestamps, microvolts.shape[1], self.sfreq)
        results: list[StreamResult] = []
        if not microvolts.shape[1]:
            return results
        gaps = self._gaps(times)
        for first, end in pairwise([0, *(gap for gap in gaps if gap), microvolts.shape[1]]):
            if first in gaps:
                self.reset()
            self._note_time(times, first, end)
            for cut in self._state.push(microvolts[:, first:end]):
                results += self._results(cut, self._state)
        return results

    def offline(self, X: Any) -> list[StreamResult]:
        """Compute what the stream would return for a whole recording, without changing its state.

        Parameters
        ----------
        X : array-like, shape (n_channels, n_times)
            All chunks of the recording, concatenated.

        Returns
        -------
        list of StreamResult
            The results of :meth:`push` for chunks of any size, to within 1e-5; times are in seconds
            from the first sample.

        Raises
        ------
        InvalidEEGError
            As in :meth:`push`.
        """
        self._model.check_ready()
        microvolts = self._checked(X)
        if not microvolts.shape[1]:
            return []
        filtered = self._filtered(microvolts)
        ends = range(self._grid.n_window, filtered.shape[1] + 1, self._grid.n_step)
        fresh = self._fresh_state()
        return [
            result
            for cut in self._grid.cuts(microvolts, filtered, ends)
            for result in self._results(cut, fresh)
        ]

    def calibrate(self, X: Any) -> Self:
        """Learn the centre of the current person, for estimators that centre people.

        Parameters
        ----------
        X : array-like, shape (n_channels, n_times), or mne.io.Raw
            A few minutes of EEG of the person, recorded like the stream: an array in its unit, or a
            recording with its rate and channels. Labels are not needed. To tell two states apart,
            both should occur in it.

        Returns
        -------
        self
            A previous centre is replaced; the fitted estimator is not changed.

        Raises
        ------
        ValueError
            If the estimator does not centre people.
        InvalidEEGError
            If X cannot be used, or is too short.

        Warns
        -----
        EEGWarning
            If there are fewer windows than the estimator's ``min_windows``.

        Notes
        -----
        X is passed through the stream's filters and cut into windows without overlap, starting at
        ``settling`` seconds.
        """
        if is_raw(X):
            microvolts, is_bad = read_raw(X, self.ch_names, self.sfreq)
            microvolts = checked_chunk(microvolts, self._n_channels, self.ch_names, 1.0, "V")
        else:
            microvolts = self._checked(X)
            is_bad = np.zeros(microvolts.shape[1], dtype=bool)
        if not microvolts.shape[1]:
            raise InvalidEEGError("The EEG for calibration is empty; expected a few minutes.")
        filtered = self._filtered(microvolts)
        n_before = int(np.ceil(self.settling * TARGET_SFREQ))
        ends = usable_ends(filtered.shape[1], self._grid.n_window, n_before, is_bad)
        cuts = list(self._grid.cuts(microvolts, filtered, ends))
        recorded = np.concatenate([cut.recorded for cut in cuts])
        self._model.calibrate(self._windows(recorded, np.concatenate([c.filtered for c in cuts])))
        self._try_out()
        return self

    def reset(self) -> Self:
        """Forget all samples, for example after a pause; what :meth:`calibrate` learnt is kept.

        Returns
        -------
        self
        """
        self._state = self._fresh_state()
        self._last_time = None
        return self

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({type(self._model.reader).__name__}, {self._n_channels} "
            f"channels at {self.sfreq:g} Hz, window={self.window:g}, step={self.step:g}, "
            f"method={self._model.method!r})"
        )

    def _fresh_state(self) -> StreamState:
        return StreamState(self._sections, self.sfreq, self._grid, self._n_channels)

    def _checked(self, X: Any) -> NDArray:
        """Samples in microvolts."""
        to_microvolts = UNITS[self.unit]
        return checked_chunk(X, self._n_channels, self.ch_names, to_microvolts, self.unit)

    def _filtered(self, microvolts: NDArray) -> NDArray:
        """A whole recording at 200 Hz, after the stream's filters."""
        return resample_causally(CausalFilter(self._sections).process(microvolts), self.sfreq)

    def _windows(self, recorded: NDArray, filtered: NDArray) -> StreamWindows:
        return StreamWindows(
            *(recorded, filtered, self.sfreq, self.ch_names, self.unit),
            keeps_offset=self.filters.l_freq is None,
            subject=self._model.subject,
        )

    def _results(self, cut: Cut, state: StreamState) -> Iterator[StreamResult]:
        values = self._model.results(self._windows(cut.recorded, cut.filtered))
        for end, value in zip(cut.ends, values, strict=True):
            start = end - self._grid.n_window
            settled = start >= self.settling * TARGET_SFREQ
            yield StreamResult(state.time_of(start), state.time_of(end), value, settled)

    def _note_time(self, times: NDArray | None, first: int, end: int) -> None:
        """Store when the samples of a part of a chunk were recorded."""
        if times is not None:
            self._state.set_time(float(times[first]))
            self._last_time = float(times[end - 1])
        elif self._last_time is not None:
            self._last_time += (end - first) / self.sfreq

    def _gaps(self, times: NDArray | None) -> list[int]:
        """Samples of a chunk after gaps; each gap raises an error or a warning."""
        gaps = [] if times is None else find_gaps(times, self._last_time, self.sfreq)
        for gap in gaps:
            found = describe_gap(gap, times, self._last_time, self.sfreq)
            if self.on_gap == "raise":
                raise InvalidEEGError(
                    f"{found}; expected samples {1 / self.sfreq:.4g} s apart, to within half of "
                    "that. Fill the gap, or call reset() and push what follows; on_gap='reset' "
                    "does so automatically."
                )
            warn(f"{found}: the stream starts again there, and its first windows are not settled.")
        return gaps

    def _try_out(self) -> None:
        """Embed noise, so that errors show now and the first result is not slow."""
        if not self._model.is_ready:
            return
        n_recorded = self._grid.recorded_end(self._grid.n_window)
        shape = (1, self._n_channels, n_recorded)
        noise = np.random.default_rng(0).normal(scale=_TRIAL_AMPLITUDE, size=shape)
        filtered = resample_causally(noise[0], self.sfreq)[None, :, : self._grid.n_window]
        self._model.results(self._windows(noise, filtered))
