"""Time for the features of a stream: from the chunk that completes a window to its result."""

import time
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import BrainRVQEmbedder, StreamingEmbedder
from speed.machine import use_threads
from speed.measuring import CH_NAMES, Options, Table

_SECONDS, _STEP, _CHUNK = 4.0, 0.1, 0.02
_RATES = (200, 250, 500, 1000)
_RESULTS, _QUICK_RESULTS = 200, 10
_REACH = "below 50 ms"


def run(options: Options) -> list[Table]:
    """Push chunks of 20 ms and 19 channels at several sampling rates, in turns."""
    use_threads(options)
    rng = np.random.default_rng(0)
    X = rng.normal(scale=20, size=(20, len(CH_NAMES), 800))
    models = {"default embedding": BrainRVQEmbedder(sfreq=200, ch_names=CH_NAMES, device="cpu")}
    models["default embedding"].fit(X)
    pipeline = make_pipeline(models["default embedding"], StandardScaler(), LogisticRegression())
    models["pipeline with a classifier"] = pipeline.fit(X, np.arange(20) % 2)
    contestants = {
        (name, rate): _Pushing(model, rate)
        for name, model in models.items()
        for rate in (_RATES if name.startswith("default") else _RATES[1:2])
    }
    for _ in range(options.pick(_RESULTS, _QUICK_RESULTS)):
        for pushing in contestants.values():
            pushing.until_result()
    rows = [{**_named(*key), **pushing.row()} for key, pushing in contestants.items()]
    notes = [
        f"Windows of {_SECONDS:g} s every {_STEP:g} s, chunks of {1000 * _CHUNK:g} ms. A result: "
        "the call that completes a window. Between results: the other calls, which only filter.",
        "Time of the processor tells what the call itself takes on a busy machine.",
        "Delay: by how much filters and resampler are late at 10 Hz, whatever the machine.",
    ]
    return [Table("A stream of 19 channels, from a chunk to features", rows, notes)]


def _named(name: str, rate: int) -> dict[str, Any]:
    return {"stream": name, "rate (Hz)": rate}


class _Pushing:
    """A stream that is fed noise, and the times of its calls."""

    def __init__(self, model: BaseEstimator, rate: int):
        self.stream = StreamingEmbedder(model, rate, CH_NAMES, window=_SECONDS, step=_STEP)
        self._rng = np.random.default_rng(0)
        self._n_chunk = round(rate * _CHUNK)
        self._with_result: list[float] = []
        self._of_processor: list[float] = []
        self._without: list[float] = []
        self.stream.push(self._noise(round(rate * _SECONDS)))

    def _noise(self, n_times: int) -> Any:
        return self._rng.normal(scale=20, size=(len(CH_NAMES), n_times))

    def until_result(self) -> None:
        """Push chunks until one completes a window."""
        while True:
            chunk = self._noise(self._n_chunk)
            start, start_of_processor = time.perf_counter(), time.process_time()
            results = self.stream.push(chunk)
            seconds = time.perf_counter() - start
            (self._with_result if results else self._without).append(seconds)
            if results:
                self._of_processor.append(time.process_time() - start_of_processor)
                return

    def row(self) -> dict[str, Any]:
        """Figures over all calls; the first result is a warm-up."""
        results = 1000 * np.array(self._with_result[1:])
        return {
            "a result, median (ms)": float(np.median(results)),
            "95th percentile (ms)": float(np.percentile(results, 95)),
            "of the processor, median (ms)": 1000 * float(np.median(self._of_processor[1:])),
            "between results (ms)": 1000 * float(np.median(self._without)),
            "delay (ms)": 1000 * self.stream.delay,
            "reach": _REACH,
        }
