"""Processes of one run that exchange data through a folder, without a network.

The first process makes a folder next to the output and announces it in a file that it keeps
updating as long as it lives. The others follow a file that is being updated, so never an old one
from a run that was killed. Each leaves its part in the folder, or the reason why it has none.
"""

import json
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sk_brainrvq.command_line.work_command import WorkError
from sk_brainrvq.files import write_whole

_BEAT = 0.5
_LOOK = 0.1
# Seconds without an update after which a process counts as lost. Slow imports and the caches of
# network file systems take a minute or two.
PATIENCE = 300.0


@contextmanager
def lead(out: Path) -> Iterator[Path]:
    """Make the folder of a run and announce it; remove both at the end.

    Parameters
    ----------
    out : Path
        Output of the run.

    Yields
    ------
    Path
    """
    for old in out.parent.glob(f".{out.name}.*.parts"):
        shutil.rmtree(old, ignore_errors=True)
    folder = out.with_name(f".{out.name}.{uuid.uuid4().hex}.parts")
    folder.mkdir()
    announcement = _announcement(out)
    try:
        with _beating(announcement, folder.name):
            yield folder
    finally:
        announcement.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def follow(out: Path, rank: int, patience: float = PATIENCE) -> Iterator[Path]:
    """Find the folder of a run, and leave signs of life or the reason for a failure in it.

    Parameters
    ----------
    out : Path
    rank : int
    patience : float
        Seconds to wait for the first process.

    Yields
    ------
    Path

    Raises
    ------
    WorkError
        If the first process does not appear.
    """
    folder = _announced(out, patience)
    try:
        with _beating(folder / f"{rank}.beat", ""):
            yield folder
    except BaseException as error:
        if folder.is_dir():
            reason = str(error) or type(error).__name__
            write_whole(folder / f"{rank}.failed", reason.encode())
        raise


def part_file(folder: Path, rank: int) -> Path:
    """File in which a process leaves its part."""
    return folder / f"{rank}.part"


def await_parts(folder: Path, n_processes: int, patience: float = PATIENCE) -> list[Path]:
    """Wait for the parts of all processes but the first.

    Parameters
    ----------
    folder : Path
    n_processes : int
    patience : float
        Seconds without an update after which a process counts as lost.

    Returns
    -------
    list of Path
        By rank, from 1.

    Raises
    ------
    WorkError
        If a process failed or was lost.
    """
    beats = {rank: ("", time.monotonic()) for rank in range(1, n_processes)}
    while beats:
        for rank, (known, since) in list(beats.items()):
            if part_file(folder, rank).exists():
                del beats[rank]
                continue
            failed = _text(folder / f"{rank}.failed")
            if failed:
                raise WorkError(f"Process {rank} of {n_processes} failed: {failed}")
            beat = _text(folder / f"{rank}.beat")
            if beat != known:
                beats[rank] = (beat, time.monotonic())
            elif time.monotonic() - since > patience:
                raise WorkError(
                    f"Process {rank} of {n_processes} has not been heard of for {patience:.0f} s; "
                    "no output was written. Run all processes again."
                )
        time.sleep(_LOOK)
    return [part_file(folder, rank) for rank in range(1, n_processes)]


def _announcement(out: Path) -> Path:
    return out.with_name(f".{out.name}.run")


def _announced(out: Path, patience: float) -> Path:
    """The folder that a live first process announces, in a file that changes between two looks."""
    end = time.monotonic() + patience
    first = _text(_announcement(out))
    while time.monotonic() < end:
        time.sleep(_LOOK)
        now = _text(_announcement(out))
        if now and now != first:
            return out.with_name(json.loads(now)["about"])
        first = first or now
    raise WorkError(
        f"The first process (RANK=0) did not appear within {patience:.0f} s. All processes need "
        "the same --out, on a file system that they share."
    )


@contextmanager
def _beating(file: Path, about: str) -> Iterator[None]:
    """Keep updating a file with changing content."""
    over = threading.Event()

    def beat() -> None:
        while not over.is_set():
            text = json.dumps({"about": about, "beat": uuid.uuid4().hex})
            try:
                write_whole(file, text.encode())
            except OSError:  # the first process removed the folder when it ended
                return
            over.wait(_BEAT)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
