"""Record which lines of the package each test executes, and how long it takes.

Coverage counts lines under the name of the running test. Whatever several tests share, a
fixture of wider scope or a cached function, runs under its own name: its lines count for every
test that uses it, not only for the one that happened to run first.
"""

import functools
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Recording:
    """Lines that the tests execute.

    Attributes
    ----------
    seconds : dict
        Time of each test that passes, by its name.
    lines : dict
        For each file below the package's folder and each line, the tests that run it, by number.
    """

    seconds: dict[str, float]
    lines: dict[str, dict[int, list[int]]]

    @property
    def tests(self) -> list[str]:
        """Names of the tests, in the order in which ``lines`` numbers them."""
        return [*self.seconds]

    def covering(self, file: str, lines: range) -> set[str]:
        """Tests that execute any of the lines."""
        tests, of_file = self.tests, self.lines.get(file, {})
        return {tests[number] for line in lines for number in of_file.get(line, ())}

    def updated(self, other: "Recording") -> "Recording":
        """Merge with another recording of the same code, whose test files replace ours."""
        files = {test.split("::")[0] for test in other.tests}
        lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for recording in (self, other):
            for file, of_file in recording.lines.items():
                for line, numbers in of_file.items():
                    names = {recording.tests[number] for number in numbers}
                    if recording is self:
                        names = {name for name in names if name.split("::")[0] not in files}
                    lines[file][line] |= names
        kept = {test: s for test, s in self.seconds.items() if test.split("::")[0] not in files}
        seconds = {**kept, **other.seconds}
        places = {test: number for number, test in enumerate(seconds)}
        numbered = {
            file: {line: sorted(places[name] for name in names) for line, names in of_file.items()}
            for file, of_file in lines.items()
        }
        return Recording(seconds, numbered)

    def write(self, path: Path) -> None:
        """Save the recording as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Recording":
        """Read what ``write`` saved."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        lines = {
            file: {int(line): tests for line, tests in of_file.items()}
            for file, of_file in kept["lines"].items()
        }
        return cls(kept["seconds"], lines)


class Recorder:
    """Plugin of pytest that tells coverage which test runs, and tracks caches below ``root``."""

    def __init__(self, coverage: Any, root: Path) -> None:
        self.coverage = coverage
        self.root = root
        self.context: list[str] = []
        self.uses: dict[str, set[str]] = defaultdict(set)
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """Count lines under another name."""
        self.context.append(name)
        self.coverage.switch_context(name)
        try:
            yield
        finally:
            self.context.pop()
            self.coverage.switch_context(self.context[-1] if self.context else "")

    def cached(self, maxsize: Any = 128, typed: bool = False) -> Callable:
        """``functools.lru_cache`` that notes who uses a result and counts its creation apart."""
        if not callable(maxsize):
            return functools.partial(self._cached, maxsize=maxsize, typed=typed)
        return self._cached(maxsize, maxsize=128, typed=typed)

    def _cached(self, function: Callable, **options: Any) -> Callable:
        code = getattr(function, "__code__", None)
        if code is None or not Path(code.co_filename).is_relative_to(self.root):
            return _LRU_CACHE(**options)(function)
        name = f"shared {function.__module__}.{function.__qualname__}"

        @functools.wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            with self.within(f"{name} {args} {kwargs}"[:200]):
                return function(*args, **kwargs)

        kept = _LRU_CACHE(**options)(counted)

        @functools.wraps(function)
        def used(*args: Any, **kwargs: Any) -> Any:
            if self.context:
                self.uses[self.context[-1]].add(f"{name} {args} {kwargs}"[:200])
            return kept(*args, **kwargs)

        used.cache_clear, used.cache_info = kept.cache_clear, kept.cache_info  # type: ignore[attr-defined]
        return used

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Count under the test's name; note the fixtures that it requests."""
        definitions = getattr(item, "_fixtureinfo", None)
        for given in definitions.name2fixturedefs.values() if definitions else ():
            self.uses[item.nodeid].update(_name(definition) for definition in given)
        with self.within(item.nodeid):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """Count the fixture's lines under its own name."""
        with self.within(_name(fixturedef)):
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up a test's time; drop tests that fail or are skipped."""
        self.seconds[report.nodeid] += report.duration
        if report.outcome != "passed":
            self.failed.add(report.nodeid)

    def everything_used(self, name: str) -> set[str]:
        """Names whose lines count for a test: its own, and everything that it uses."""
        found, waiting = set(), [name]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting += self.uses.get(current, ())
        return found


_LRU_CACHE = functools.lru_cache


def _name(definition: Any) -> str:
    return f"shared fixture {definition.baseid}::{definition.argname}"


def record(package: Path, arguments: list[str]) -> Recording:
    """Run tests once; call this in a process that has not imported the package.

    Parameters
    ----------
    package : Path
        Folder of the package.
    arguments : list of str
        Tests to run, for pytest.

    Returns
    -------
    Recording
    """
    from coverage import Coverage

    assert package.name not in sys.modules, f"{package.name} is imported already"
    coverage = Coverage(data_file=None, source=[str(package)], config_file=False)
    recorder = Recorder(coverage, package.parent)
    functools.lru_cache = recorder.cached  # type: ignore[assignment]
    functools.cache = recorder.cached(maxsize=None)  # type: ignore[assignment]
    coverage.start()
    pytest.main(["-q", "-p", "no:cacheprovider", "-o", "addopts=", *arguments], plugins=[recorder])
    coverage.stop()
    return _recording(package, coverage.get_data(), recorder)


def _recording(package: Path, data: Any, recorder: Recorder) -> Recording:
    passed = [name for name in recorder.seconds if name not in recorder.failed]
    users = defaultdict(set)
    for number, name in enumerate(passed):
        for used in recorder.everything_used(name):
            users[used].add(number)
    lines = {}
    for file in data.measured_files():
        by_line = data.contexts_by_lineno(file)
        lines[Path(file).relative_to(package).as_posix()] = {
            line: sorted(set().union(*(users[name] for name in names)))
            for line, names in sorted(by_line.items())
        }
    return Recording({name: round(recorder.seconds[name], 3) for name in passed}, lines)
