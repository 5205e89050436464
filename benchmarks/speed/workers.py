"""Two joblib workers against one process, and whether they use more threads than cores."""

import os
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from speed.machine import use_threads
from speed.measuring import Options, Table, interleaved, n_cores, times
from speed.transform import TOKENS_ALONE, base_embedder, signals

_WINDOWS, _QUICK_WINDOWS = 256, 16
_JOBS = 2


def run(options: Options) -> list[Table]:
    """Transform the same windows in one process and in two."""
    use_threads(options)
    X = signals(options.pick(_WINDOWS, _QUICK_WINDOWS))
    embedder = base_embedder(**TOKENS_ALONE).fit(X[:2])
    halves = np.array_split(X, _JOBS)
    pool = Parallel(n_jobs=_JOBS, backend="loky")
    threads: dict[int, int] = {}

    def in_workers() -> None:
        results = pool(delayed(_transform)(embedder, half) for half in halves)
        threads.update({process: n for process, n, _ in results})

    one, two = "one process", f"n_jobs={_JOBS} (loky)"
    seconds = interleaved({one: lambda: embedder.transform(X), two: in_workers}, options.pick(7, 2))
    # Idle workers stay alive for minutes, and this process would wait for them.
    get_reusable_executor().shutdown(wait=True)
    processes = {one: [torch.get_num_threads()], two: list(threads.values())}
    rows = [
        {
            f"transform of {len(X)} windows": name,
            "s": seconds[name],
            "speed of one process": times(seconds[one] / seconds[name]),
            "threads in each": " + ".join(map(str, processes[name])),
            "cores": n_cores(),
            "oversubscribed": "yes" if sum(processes[name]) > n_cores() else "no",
        }
        for name in (one, two)
    ]
    notes = ["loky tells OpenMP in each worker its share of the cores; `--threads` does not."]
    return [Table("Worker processes", rows, notes)]


def _transform(embedder: Any, X: Any) -> tuple[int, int, Any]:
    return os.getpid(), torch.get_num_threads(), embedder.transform(X)
