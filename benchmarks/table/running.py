"""Train what has no result yet and save the results: a killed command resumes."""

import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from table.features import CENTRED, cached, compute, task_digest
from table.linear import FILTERED, PRETRAINED
from table.lines import digest_of, key_of
from table.metrics import score
from table.processes import each
from table.store import Store
from table.system import Settings
from table.systems import SYSTEMS
from table.tasks import Fold, Task

# Increased when the same configuration gives other numbers than before.
VERSION = 1
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Job:
    """One training: a system on a fold with a seed.

    Attributes
    ----------
    system : str
    fold : Fold
    seed : int
    config : dict
    store : Store
        Where its result is kept.
    """

    system: str
    fold: Fold
    seed: int
    config: dict[str, Any]
    store: Store

    @property
    def key(self) -> str:
        """Key of its result in the store."""
        return key_of(self.identity)

    @property
    def done(self) -> bool:
        """Whether the result exists."""
        return self.key in self.store

    @property
    def identity(self) -> dict[str, Any]:
        """First fields of its record, which make up the key."""
        fold = self.fold
        return {
            "system": self.system,
            "split": fold.split,
            "fold": fold.name,
            "seed": self.seed,
            "config": self.config,
        }


@dataclass(frozen=True)
class Result:
    """Result of a finished job.

    Attributes
    ----------
    job : Job
    record : dict
        Figures, seconds, and what was chosen.
    rows : ndarray of int
        Windows that were scored.
    probability : ndarray, shape (n_windows, n_classes)
    """

    job: Job
    record: dict[str, Any]
    rows: NDArray
    probability: NDArray


@dataclass(frozen=True)
class Common:
    """Data shared by all jobs of a command.

    Attributes
    ----------
    task : Task
    features : dict of str to ndarray
        By name.
    settings : Settings
    deadline : float
        In seconds since the epoch.
    """

    task: Task
    features: dict[str, NDArray]
    settings: Settings
    deadline: float


def plan(
    task: Task,
    folds: Iterable[Fold],
    systems: Sequence[str],
    seeds: Sequence[int],
    settings: Settings,
    results: Path,
) -> list[Job]:
    """List all jobs of a table, system by system in the given order.

    Parameters
    ----------
    task : Task
    folds : iterable of Fold
    systems : sequence of str
    seeds : sequence of int
        A system without randomness only runs with the first.
    settings : Settings
    results : Path
        Folder.

    Returns
    -------
    list of Job
    """
    data, store = task_digest(task), Store(results, task.dataset)
    cut = [
        (fold, digest_of({part: getattr(fold, part).tolist() for part in PARTS})) for fold in folds
    ]
    jobs = []
    for name in systems:
        own = SYSTEMS[name].config(settings)
        for seed in seeds if SYSTEMS[name].seeded else seeds[:1]:
            for fold, rows in cut:
                config = {
                    "version": VERSION,
                    "system": name,
                    "seed": seed,
                    "data": data,
                    "rows": rows,
                    **own,
                }
                jobs.append(Job(name, fold, seed, config, store))
    return jobs


def run(
    jobs: Sequence[Job],
    task: Task,
    settings: Settings,
    results: Path,
    *,
    n_jobs: int = 1,
    max_minutes: float | None = None,
) -> list[str]:
    """Run the jobs that have no result yet.

    Parameters
    ----------
    jobs : sequence of Job
    task : Task
    settings : Settings
    results : Path
        Folder; features are kept there too.
    n_jobs : int, default=1
        Number of processes, each with one thread.
    max_minutes : float, optional
        No job starts after that; the number left is printed, and they run when the command is run
        again.

    Returns
    -------
    list of str
        Jobs that failed, and why; all others have run.
    """
    store = Store(results, task.dataset)
    store.merge()  # results that a killed command has left
    waiting = [job for job in jobs if not job.done]
    say(f"{len(jobs) - len(waiting)} results are there, {len(waiting)} to go")
    if not waiting:
        return []
    deadline = time.time() + (60 * max_minutes if max_minutes is not None else float("inf"))
    needed = {(job.system, job.seed) for job in waiting}
    common = Common(task, features_of(needed, task, settings, results), settings, deadline)
    n_done, failed = 0, []
    try:
        for job, line, error in each(_run, waiting, common, n_jobs):
            if error is not None:
                failed.append(f"{job.key}: {type(error).__name__}: {error}")
                say(f"FAILED {failed[-1]}")
            elif line is not None:
                n_done += 1
                say(f"[{n_done}/{len(waiting)}] {line}")
    finally:  # Ctrl-C too
        store.merge()
    if left := len(waiting) - n_done - len(failed):
        say(f"out of time with {left} to go; run the command again to continue")
    return failed


def take_over(task: Task, results: Path, other: Path | None) -> None:
    """Add results of another folder, such as from another machine; existing ones are kept.

    Parameters
    ----------
    task : Task
    results : Path
        Folder.
    other : Path or None
        Folder; None adds nothing.

    Raises
    ------
    ValueError
        If it has none for the dataset.
    """
    if other is None:
        return
    found = Store(other, task.dataset)
    if not any(found):
        raise ValueError(f"--add-results {other} holds no results of {task.dataset}.")
    say(f"{Store(results, task.dataset).take(found)} results taken over from {other}")


def read_result(job: Job) -> Result:
    """Read the result of a finished job."""
    record, arrays = job.store.read(job.key)
    return Result(job, record, arrays["rows"], arrays["probability"])


def features_of(
    systems: Iterable[tuple[str, int]], task: Task, settings: Settings, results: Path
) -> dict[str, NDArray]:
    """Compute all features that some systems need once, and save them.

    Parameters
    ----------
    systems : iterable of (str, int)
        Systems with their seeds.
    task : Task
    settings : Settings
    results : Path
        Folder.

    Returns
    -------
    dict of str to ndarray
        By name.
    """
    names = {name for system, seed in systems for name in SYSTEMS[system].features(seed)}
    features = {}
    for name in sorted(names):
        config = {"version": VERSION, "name": name, "data": task_digest(task)}
        kind = name.removesuffix(CENTRED)
        if kind in PRETRAINED or kind.startswith("random"):
            config["embedder"] = {k: v for k, v in settings.embedder.items() if k != "weights"}
            config["source"] = (
                settings.weights_digest if kind in PRETRAINED else settings.architecture
            )
        if kind in FILTERED or kind.startswith("random"):
            config["filters"] = settings.filters
        path = results / task.dataset / "features" / f"{name}.{digest_of(config)}.npy"
        if not path.exists():
            say(f"features: {name}")
        embedder = {**settings.embedder, "weights": settings.weights, "device": settings.device}
        features[name] = cached(
            path,
            lambda name=name, embedder=embedder: compute(
                name,
                task,
                embedder,
                settings.architecture,
                settings.filters,
                settings.frozen_rivals,
            ),
        )
    return features


def _run(job: Job, common: Common) -> str | None:
    """Run one job in this process and write its result; None if it is too late to start."""
    if time.time() > common.deadline:
        return None
    torch.set_num_threads(1)
    task, system = common.task, SYSTEMS[job.system]
    begin = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = system.run(task, job.fold, job.seed, common.features, common.settings)
    seconds = time.monotonic() - begin
    fold, truth = job.fold, task.y
    record = {
        **job.identity,
        "test_subjects": np.unique(task.subjects[fold.scored]).tolist(),
        "scored": "test" if len(fold.test) else "validation",
        "figures": score(task.kind, truth[fold.scored], outcome.probability),
        "validation_figures": score(task.kind, truth[fold.validation], outcome.validation),
        "seconds": round(seconds, 2),
        **outcome.info,
    }
    arrays = {
        "rows": fold.scored,
        "probability": outcome.probability.astype(np.float32),
        "validation_rows": fold.validation,
        "validation_probability": outcome.validation.astype(np.float32),
    }
    job.store.add(record, arrays)
    figures = " ".join(f"{name} {value:.3f}" for name, value in record["figures"].items())
    return f"{job.system} {fold.split} {fold.name} seed {job.seed}: {figures} ({seconds:.0f} s)"


def say(line: str) -> None:
    """Print a line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)
