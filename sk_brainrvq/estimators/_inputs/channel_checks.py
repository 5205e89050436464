"""Warnings about channels, in fit and in every later call."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, TypeVar

from sk_brainrvq.estimators._inputs.corpus_filters import without_warning_again
from sk_brainrvq.signals import PatchGroup
from sk_brainrvq.signals.electrodes.report import SAID_OF_PLACES
from sk_brainrvq.signals.preparation import CheckedBlock
from sk_brainrvq.user_warnings import quiet, warn

Matched = TypeVar("Matched", PatchGroup, CheckedBlock)
_UNUSED = "electrode_map names"


def check_map(
    groups: Iterable[Matched],
    electrode_map: Mapping[str, Any] | None,
    report: Callable[[], Iterable[Mapping[str, Any]]],
) -> Iterator[Matched]:
    """Pass groups or blocks through; at the end, warn of names that match no channel.

    Parameters
    ----------
    groups : iterable of PatchGroup or CheckedBlock
    electrode_map : mapping of str to electrodes, or None
    report : callable
        Returns the rows of ``electrode_report_``: the map may name channels of fit.

    Yields
    ------
    PatchGroup or CheckedBlock
    """
    seen: set[str] = set()
    for group in groups:
        seen.update(match.channel for match in group.matches)
        seen.update(group.left_out)
        yield group
    unused = [name for name in electrode_map or () if name not in seen]
    if unused:
        of_fit = {row["channel"] for row in report()}
        unused = [name for name in unused if name not in of_fit]
    if unused:
        meant = [name for name in sorted(seen) if any(_is_within(part, name) for part in unused)]
        hint = f" Names must be complete: did you mean {meant}?" if meant else ""
        warn(f"{_UNUSED} {unused}, which are not channels of X.{hint}")


def _is_within(part: str, name: str) -> bool:
    """Whether a name is another one without what a recorder adds, as C3 is in "EEG C3-REF"."""
    return part.casefold() in re.split(r"[\s-]+", name.casefold()) or (
        name.casefold().removeprefix("eeg").strip(" .:_-") == part.casefold()
    )


def without_saying_again() -> ExitStack:
    """Suppress warnings that fit has given about the channels and filters of the same X."""
    with ExitStack() as said:
        said.enter_context(without_warning_again())
        for start in (*SAID_OF_PLACES, _UNUSED):
            said.enter_context(quiet(start))
        return said.pop_all()
