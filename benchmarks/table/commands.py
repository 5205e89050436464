"""From a command line to the results of a split, for several commands."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from table.allowed import PROJECT_SPLITS, default_split
from table.options import Chosen, choose, numbers
from table.people import Scored, scored_of
from table.running import Result, plan, read_result, run, take_over
from table.systems import DEFAULT_SYSTEMS, OF_FROZEN_RIVALS, PROJECT_SYSTEMS, systems_named
from table.tasks import (
    Fold,
    Task,
    compact,
    grouped_folds,
    load_task,
    missing_subjects,
    official_fold,
    project_folds,
)


@dataclass(frozen=True)
class Ran:
    """Results of a command, computed now or earlier.

    Attributes
    ----------
    task : Task
    chosen : Chosen
    results : list of Result
    failed : list of str
        Jobs that failed, and why.
    """

    task: Task
    chosen: Chosen
    results: list[Result]
    failed: list[str]

    @property
    def scored(self) -> Mapping[str, Sequence[Scored]]:
        """Predictions of each system, for a split of the project."""
        return scored_of(self.results, self.task)

    @property
    def tested(self) -> set[int | str]:
        """People who were scored."""
        return {person for result in self.results for person in result.record["test_subjects"]}

    @property
    def seen(self) -> set[int | str]:
        """Those among them whose EEG the pretrained weights have seen, without labels."""
        return self.tested & set(self.chosen.exposed)


def split_of(arguments: argparse.Namespace) -> str:
    """The requested split, or the default of the dataset."""
    # In other datasets the published split has enough subjects for a comparison.
    other = "both" if arguments.dataset == "simulated" else "official"
    return arguments.split or default_split(arguments.dataset, other)


def folds_of(task: Task, split: str, arguments: argparse.Namespace) -> list[Fold]:
    """The requested divisions.

    Raises
    ------
    ValueError
        If there are no such folds.
    """
    folds: list[Fold] = []
    if split in PROJECT_SPLITS:
        folds = _named(project_folds(task, split), arguments)
    if split in ("folds", "both"):
        folds = _named(grouped_folds(task, arguments.subjects_per_fold), arguments)
    if split == "official" or (split == "both" and task.parts is not None):
        folds.append(official_fold(task))
        for part, missing in missing_subjects(task).items():
            print(f"note: {part} subjects {compact(missing)} are not here", file=sys.stderr)
    return folds


def _named(folds: list[Fold], arguments: argparse.Namespace) -> list[Fold]:
    """Select folds by number; splits without cross-validation are kept whole."""
    if len(folds) == 1:
        return folds
    wanted = numbers(arguments.folds, "--folds") or range(1, 3 if arguments.quick else 10**6)
    named = [fold for fold in folds if int(fold.name) in wanted]
    if not named:
        raise ValueError(f"--folds {arguments.folds}: no such folds.")
    return named


def usual_systems(arguments: argparse.Namespace, split: str) -> tuple[str, ...]:
    """Default rows of a table."""
    if split not in PROJECT_SPLITS:
        return DEFAULT_SYSTEMS
    usual = PROJECT_SYSTEMS.get(arguments.dataset, ())
    if arguments.frozen_rivals is None:
        return tuple(name for name in usual if name not in OF_FROZEN_RIVALS)
    return usual


def run_split(arguments: argparse.Namespace) -> Ran:
    """Run what is missing for the requested systems and split.

    Parameters
    ----------
    arguments : Namespace
        Options of :func:`~table.options.add_common_options`, and ``split``.

    Returns
    -------
    Ran

    Raises
    ------
    ValueError, OSError
        If something cannot be run, before anything is computed.
    """
    split, named = split_of(arguments), arguments.systems is not None
    systems = systems_named(arguments.systems) if named else usual_systems(arguments, split)
    chosen = choose(arguments, systems, named)
    task = load_task(arguments.dataset, arguments.data, split)
    seeds = range(1 if arguments.quick else arguments.seeds)
    folds = folds_of(task, split, arguments)
    take_over(task, arguments.results, arguments.add_results)
    jobs = plan(task, folds, chosen.systems, seeds, chosen.settings, arguments.results)
    failed = run(
        jobs,
        task,
        chosen.settings,
        arguments.results,
        n_jobs=arguments.jobs,
        max_minutes=arguments.max_minutes,
    )
    return Ran(task, chosen, [read_result(job) for job in jobs if job.done], failed)
