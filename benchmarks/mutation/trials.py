"""Test mutants, each in its own process, forked with everything imported."""

import compileall
import gc
import importlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutation.recording import Recording
from mutation.sites import Mutant

# A mutant may use this many times the processor time of its tests, plus so many seconds; and ten
# times that of wall time, since the machine may be busy.
_TIMES, _MORE = 3, 20
_FEW = 10
# Exit status of pytest when tests are not found.
_NOT_FOUND = 4
# Assumed time of a test file that is not recorded.
_SECONDS_APART = 60.0
_MOST_BYTES = 12 * 2**30


@dataclass(frozen=True)
class Outcome:
    """Outcome of a mutant.

    Attributes
    ----------
    word : str
        "killed", "timeout" or "survived".
    by : str
        First test that fails.
    n_tests : int
        How many tests were to run.
    n_covering : int
        How many of all tests execute the changed code.
    """

    word: str
    by: str
    n_tests: int
    n_covering: int


def covering_tests(
    mutant: Mutant, recording: Recording, whole: range, first: Collection[str] = ()
) -> list[str]:
    """Names of the tests that run a mutant, in the order in which they are run.

    Parameters
    ----------
    mutant : Mutant
    recording : Recording
    whole : range
        All lines of the file, for changes that take effect on import.
    first : collection of str
        Test files that come before all others.

    Returns
    -------
    list of str
        One from each test file in turn, several from a file or with names that share words with
        the mutant; the cheapest first.
    """
    lines = whole if mutant.lines is None else mutant.lines
    tests = recording.covering(mutant.file, lines)
    own = _own_test(mutant)
    words = _words(f"{mutant.function} {mutant.before}")
    shared = {test: len(words & _words(test.split("::", 1)[-1])) for test in tests}
    by_file = defaultdict(list)
    for test in sorted(tests, key=lambda test: (-shared[test], recording.seconds[test])):
        by_file[test.split("::")[0]].append(test)
    places = {test: n for group in by_file.values() for n, test in enumerate(group)}

    def order(test: str) -> tuple[bool, int, int, float]:
        file = test.split("::")[0]
        near = file.endswith(own)
        return (
            file not in first,
            places[test] // (1 + 3 * near + 4 * shared[test]),
            -shared[test],
            recording.seconds[test],
        )

    return sorted(tests, key=order)


def _own_test(mutant: Mutant) -> str:
    """Test file named after the module."""
    return f"test_{Path(mutant.file).stem}.py"


def _words(text: str) -> set[str]:
    """Words in a text, including parts of names such as ``WindowFilter``."""
    text = re.sub("(?<=[a-z])(?=[A-Z])", " ", text)
    return set(re.findall("[a-z]{4,}", text.lower())) - {"self", "test", "true", "false", "none"}


def affordable(tests: list[str], recording: Recording, seconds: float) -> list[str]:
    """First tests that fit into a time limit; at least one."""
    chosen, left = [], seconds
    for test in tests:
        needed = recording.seconds[test] + 0.02
        if needed <= left:
            chosen.append(test)
            left -= needed
    return chosen or sorted(tests, key=recording.seconds.__getitem__)[:1]


class Laboratory:
    """A copy of a package, and the tests for its mutants.

    Parameters
    ----------
    package : Path
        Folder of the package; its parent holds the tests and pytest's settings.
    recording : Recording
        Tests that run each line.
    folder : Path
        Folder for the copy.
    apart : list of str
        Tests that start processes, in which nothing is recorded: they are used for mutants that no
        recorded test runs, and for those of modules with their name.
    first : collection of str
        Test files that are run before all others.
    """

    def __init__(
        self,
        package: Path,
        recording: Recording,
        folder: Path,
        apart: list[str],
        first: Collection[str] = (),
    ) -> None:
        self.apart = apart
        self.first = first
        self.package = package
        self.recording = recording
        self.copy = folder / package.name
        shutil.copytree(package, self.copy, copy_function=_copy_code)
        compileall.compile_dir(self.copy, quiet=1)
        self.log = folder / "log.txt"
        self.prepare()

    def prepare(self) -> None:
        """Import what tests import while they run, except the package and the tests themselves."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            before = set(sys.modules)
            self._pytest(_longest_of_each_file(self.recording), compiling=True)
            names = [name for name in sys.modules if name not in before and self._is_other(name)]
            os.write(writing, "\n".join(names).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            names = pipe.read().split("\n")
        os.waitpid(child, 0)
        for name in filter(None, names):
            try:
                importlib.import_module(name)
            except Exception:  # some modules exist only inside others
                continue
        # Child processes then need not search all of that for garbage.
        gc.collect()
        gc.freeze()

    def _is_other(self, name: str) -> bool:
        file = getattr(sys.modules[name], "__file__", None)
        own = (self.copy, self.package.parent / "tests", self.package)
        return file is not None and not any(Path(file).is_relative_to(folder) for folder in own)

    def try_out(self, mutant: Mutant, seconds: float) -> Outcome:
        """Run the tests that cover a mutant until one fails.

        Parameters
        ----------
        mutant : Mutant
        seconds : float
            Largest total time of the tests, as recorded.

        Returns
        -------
        Outcome
        """
        source = (self.package / mutant.file).read_text(encoding="utf-8")
        whole = range(1, len(source.splitlines()) + 1)
        tests = covering_tests(mutant, self.recording, whole, self.first)
        chosen = affordable(tests, self.recording, seconds)
        # The first few tests kill most mutants, and are quick to collect.
        groups = [chosen[:_FEW], chosen[_FEW:]]
        if not chosen or any(_own_test(mutant) in test for test in self.apart):
            groups.append(self.apart)
        word, by = "survived", ""
        with self._mutated(mutant, source):
            for group in groups:
                if word == "survived" and group:
                    word, by = self._run(group)
        return Outcome(word, by, sum(map(len, groups)), len(tests))

    @contextmanager
    def _mutated(self, mutant: Mutant, source: str) -> Iterator[None]:
        path = self.copy / mutant.file
        compiled = Path(importlib.util.cache_from_source(str(path)))
        kept = compiled.read_bytes()
        stamp = path.stat()
        path.write_text(mutant.source(source), encoding="utf-8")
        compiled.unlink()
        try:
            yield
        finally:
            path.write_text(source, encoding="utf-8")
            # The compiled file states the time of its source.
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
            compiled.write_bytes(kept)

    def _run(self, tests: list[str]) -> tuple[str, str]:
        """Run tests in their own process; return the outcome and the first that fails."""
        import resource  # not on Windows, which cannot fork either

        recorded = self.recording.seconds
        limit = _MORE + _TIMES * sum(recorded.get(test, _SECONDS_APART) for test in tests)
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CPU, (round(limit), round(limit) + 5))
            resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
            code = 1
            try:
                code = self._pytest(["-x", "-rfE", "--tb=no", *tests])
            finally:
                os._exit(code)
        status = _wait(child, 10 * limit)
        if status is None or os.WIFSIGNALED(status):
            return "timeout", ""
        if status == 0:
            return "survived", ""
        lines = self.log.read_text(errors="replace").splitlines()
        failed = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
        if os.WEXITSTATUS(status) == _NOT_FOUND and not failed:
            raise RuntimeError(f"Tests were not found; record anew. {lines[-1:]}")
        by = self._name(failed[0]) if failed else f"exit {os.WEXITSTATUS(status)}"
        return "killed", by

    def _name(self, line: str) -> str:
        """Name of a failed test; in pytest's line it is relative to the copy's folder."""
        file, colons, test = line.split(" ", 1)[1].split(" - ")[0].partition("::")
        path = (self.copy.parent / file).resolve()
        return os.path.relpath(path, self.package.parent) + colons + test

    def _pytest(self, arguments: list[str], compiling: bool = False) -> int:
        """Run pytest here, with the copy in place of the package and its output in the log.

        Compiled files are kept for unchanged tests, never for a mutant.
        """
        import pytest

        # Processes started by tests look in the working folder first.
        os.chdir(self.copy.parent)
        root = self.package.parent
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.dont_write_bytecode = not compiling
        paths = [str(self.copy.parent), os.environ.get("PYTHONPATH", "")]
        os.environ.update(PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=os.pathsep.join(paths))
        sys.path.insert(0, str(self.copy.parent))
        importlib.invalidate_caches()
        # Import now, since pytest may put a folder with the original before the copy.
        importlib.import_module(self.package.name)
        with tempfile.TemporaryDirectory() as basetemp:
            options = ["-q", "-o", "addopts=", f"--basetemp={basetemp}"]
            options += ["-p", "no:cacheprovider", "-p", "no:unraisableexception"]
            options.append(f"--rootdir={root}")
            if (root / "pyproject.toml").exists():
                options += ["-c", str(root / "pyproject.toml")]
            tests = [a if a.startswith("-") else f"{root}/{a}" for a in arguments]
            return int(pytest.main([*options, *tests]))


def _longest_of_each_file(recording: Recording) -> list[str]:
    """From each file a test that does much in less than a second."""
    chosen: dict[str, str] = {}
    for test in sorted(recording.tests, key=recording.seconds.__getitem__):
        if recording.seconds[test] < 1 or test.split("::")[0] not in chosen:
            chosen[test.split("::")[0]] = test
    return [*chosen.values()]


def _copy_code(source: str, target: str) -> str:
    """Copy modules; link other files, such as weights."""
    if source.endswith(".py"):
        return shutil.copy2(source, target)
    if "__pycache__" not in source:
        os.symlink(source, target)
    return target


def _wait(child: int, limit: float) -> int | None:
    """Exit status of a process; None if it had to be killed."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
