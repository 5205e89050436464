"""Timer, memory, tables and fresh processes for all sections, without importing torch."""

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import psutil

TEN_TWENTY = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2"
CH_NAMES = TEN_TWENTY.split(" ")


@dataclass(frozen=True)
class Options:
    """Options of the command line.

    Attributes
    ----------
    quick : bool
        Small sizes and few rounds: checks that everything runs, not how fast it is.
    threads : int or None
        Threads of PyTorch; None keeps its default.
    """

    quick: bool = False
    threads: int | None = None

    def pick(self, full: Any, quick: Any) -> Any:
        """Select the value for full or for quick runs."""
        return quick if self.quick else full


@dataclass
class Table:
    """Rows under a title; the first row's keys are the columns."""

    title: str
    rows: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """Table as Markdown, with the notes below."""
        columns = list(self.rows[0])
        lines = [columns, ["---"] * len(columns)]
        lines += [[_shown(row.get(column, "")) for column in columns] for row in self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        notes = "".join(f"\n- {note}" for note in self.notes)
        return f"### {self.title}\n\n{table}\n" + (f"{notes}\n" if notes else "")


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def percent(share: float) -> str:
    """Format a share as a percentage."""
    return f"{100 * share:.0f} %"


def times(ratio: float) -> str:
    """Format a ratio of times."""
    return f"{ratio:.2f} x"


def interleaved(
    contestants: Mapping[str, Callable[[], Any]], rounds: int, warmups: int = 1
) -> dict[str, float]:
    """Median seconds of each contestant; all take turns, so that a slow minute affects all.

    Parameters
    ----------
    contestants : mapping of str to callable
    rounds : int
    warmups : int, default=1
        Rounds that do not count.

    Returns
    -------
    dict of str to float
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(warmups + rounds):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            if number >= warmups:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of a module in a fresh process and return its result."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def memory_growth(run: Callable[[], Any]) -> float:
    """Peak resident memory while ``run`` runs, in GB above the level before.

    The peak is that of the whole life of the process: call this once per process, with little
    done before. Memory freed earlier can only make the result too large, never too small.
    """
    before = psutil.Process().memory_info().rss
    run()
    # Linux reports kilobytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return (peak - before) / 1e9


def cpu_model() -> str:
    """Name of the processor."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1] for line in file if line.startswith("model name")]
        return names[0].strip()
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def n_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
