"""Apply a function to many items, in this process or in several that share large arrays."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from typing import Any

import joblib

# Forking this process, in which PyTorch has threads, can hang: a server is forked that imports what
# this command does, once for all processes, and computes nothing.
_START = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
# Object shared by the calls in this process, if ``_side_by_side`` started it.
_common: Any = None

Ended = Iterator[tuple[Any, Any, BaseException | None]]


def each(
    function: Callable[[Any, Any], Any], items: Sequence[Any], common: Any, n_jobs: int = 1
) -> Ended:
    """Call ``function(item, common)`` for every item.

    Parameters
    ----------
    function : callable
        Defined at module level, so that other processes find it.
    items : sequence
    common : object
        Written to a file once; every process maps its arrays into memory.
    n_jobs : int, default=1
        Number of processes.

    Yields
    ------
    item : object
        In the order in which calls finish.
    result : object
        None after an error.
    error : Exception or None
        A failing call does not stop the others; Ctrl-C does.
    """
    if n_jobs == 1:
        return _one_by_one(function, items, common)
    return _side_by_side(function, items, common, n_jobs)


def _one_by_one(function: Callable[[Any, Any], Any], items: Sequence[Any], common: Any) -> Ended:
    for item in items:
        try:
            yield item, function(item, common), None
        except Exception as error:
            yield item, None, error


def _side_by_side(
    function: Callable[[Any, Any], Any], items: Sequence[Any], common: Any, n_jobs: int
) -> Ended:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "common.joblib"
        joblib.dump(common, path)
        pool = ProcessPoolExecutor(
            n_jobs, mp_context=get_context(_START), initializer=_begin, initargs=(path,)
        )
        try:
            running = {pool.submit(_call, function, item): item for item in items}
            for future in as_completed(running):
                error = future.exception()
                yield running[future], None if error else future.result(), error
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(path: Path) -> None:
    global _common
    _common = joblib.load(path, mmap_mode="r")


def _call(function: Callable[[Any, Any], Any], item: Any) -> Any:
    return function(item, _common)
