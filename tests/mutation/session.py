"""One session of pytest for all mutants: tests are collected once, and each mutant runs in a copy of the session.

First all tests run as they are, which shows what they call and how long they take. A mutant inside functions is then
put into a copy and meets the tests that call these. One that the import of its module runs, such as a row of a table,
is left to whoever imports the module anew, with the tests that are worth asking.
"""

import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from types import CodeType, FunctionType
from typing import Final, NamedTuple

import pytest

from tests.mutation import in_place, rooms
from tests.mutation.covering import Covering
from tests.mutation.forks import TESTS_FAILED, Job, run_all
from tests.mutation.in_place import Change, Place
from tests.mutation.mutants import Mutant

_SLOWER: Final = 20  # times as slow as unchanged code, and a mutant hangs
_AT_LEAST: Final = 20  # seconds that it is given
_ELSEWHERE: Final = 2


class Outcome(NamedTuple):
    """``mutant`` is its number in its module."""

    module: str
    mutant: int
    killed: bool


class Left(NamedTuple):
    """A mutant whose module must be imported anew, the tests to ask, by file, and how many seconds to give them."""

    module: str
    mutant: int
    tests: Mapping[str, Sequence[str]]
    seconds: float


class Failed(NamedTuple):
    """Tests that fail without any mutant."""

    tests: Sequence[str]


class _Test(NamedTuple):
    """``at`` is its place in what was collected."""

    at: int
    name: str
    file: str
    seconds: float
    called: frozenset[Place]
    failed: bool


class Session:
    """A plugin of pytest that runs the tests its own way; each mutant meets at most ``longest`` seconds of them."""

    def __init__(
        self,
        mutants: Mapping[str, Sequence[Mutant]],
        say: Callable[[Outcome | Left | Failed], None],
        *,
        at_once: int,
        longest: float,
    ) -> None:
        self._mutants, self._say, self._at_once, self._longest = mutants, say, at_once, longest
        self._covering = Covering()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        imported = self._covering.taken()
        tests = self._unchanged(session)
        self._covering.end()
        if failed := [each.name for each in tests if each.failed]:
            self._say(Failed(failed))
            return True
        there = in_place.functions()
        for module, mutants in self._mutants.items():
            changes = {number: in_place.change(rooms.path(module), each) for number, each in enumerate(mutants)}
            jobs = (
                self._job(session, number, change, _calling(tests, change.inner, module, self._longest), there)
                for number, change in changes.items()
                if change
            )
            left = [number for number, change in changes.items() if change is None]
            for number, killed in run_all(jobs, self._at_once):
                change = changes[number]
                if not killed and change and change.inner & imported:  # so tables were made before it was changed
                    left.append(number)
                else:
                    self._say(Outcome(module, number, killed))
            asked = _concerned(tests, module, self._longest)
            files = {file: [each.name for each in asked if each.file == file] for file in (each.file for each in asked)}
            for number in left:
                self._say(Left(module, number, files, _given(each.seconds for each in asked)))
        return True

    def _unchanged(self, session: pytest.Session) -> Sequence[_Test]:
        """In a copy, so that no fixture of it is there for the mutants."""
        with tempfile.NamedTemporaryFile() as file:
            ((_, failed),) = run_all([Job(None, partial(self._watched, session, file.name), float("inf"))], 1)
            assert not failed
            found: Sequence[_Test] = pickle.load(file)
        return found

    def _watched(self, session: pytest.Session, file: str) -> int:
        found = list[_Test]()
        for at, (item, then) in enumerate(_with_next(session.items)):
            self._covering.taken()
            before, began = session.testsfailed, monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=then)
            found.append(
                _Test(at, item.nodeid, str(item.path), monotonic() - began, self._covering.taken(),
                      session.testsfailed > before)
            )  # fmt: skip
        Path(file).write_bytes(pickle.dumps(found))
        return 0

    def _job(
        self,
        session: pytest.Session,
        number: int,
        change: Change,
        tests: Sequence[_Test],
        there: Mapping[CodeType, Sequence[FunctionType]],
    ) -> Job[int]:
        def run() -> int:
            in_place.put(change.codes, there)
            for item, then in _with_next([session.items[each.at] for each in tests]):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=then)
                if session.testsfailed:
                    return TESTS_FAILED
            return 0

        return Job(number, run, _given(each.seconds for each in tests))


def _with_next(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None], strict=False)  # of none there is no next


def _calling(tests: Iterable[_Test], places: frozenset[Place], module: str, longest: float) -> Sequence[_Test]:
    """The tests that call a function."""
    return _nearest((each for each in tests if each.called & places), module, longest)


def _concerned(tests: Iterable[_Test], module: str, longest: float) -> Sequence[_Test]:
    """Those of the module's room, which may read its tables and call nothing; and those that call anything of the
    module, or of what imports it."""
    files = {str(rooms.path(module)), *map(str, rooms.importers(module))}
    concerned = (
        each
        for each in tests
        if _distance(each.file, module) < _ELSEWHERE or any(at.file in files for at in each.called)
    )
    return _nearest(concerned, module, longest)


def _nearest(tests: Iterable[_Test], module: str, longest: float) -> Sequence[_Test]:
    """The tests, the nearest first; where not all may run, the quick ones."""
    chosen, left = list[_Test](), longest
    for each in sorted(tests, key=lambda own: (_distance(own.file, module), own.seconds)):
        if each.seconds < left:
            left -= each.seconds
            chosen.append(each)
    return sorted(chosen, key=lambda own: (_distance(own.file, module), own.at))


def _distance(file: str, module: str) -> int:
    """How far a file of tests stands from a module: of its name, in the folder of its room, elsewhere."""
    mirror = rooms.mirror(module)
    return 0 if file == str(mirror) else 1 if file.startswith(f"{mirror.parent}/") else _ELSEWHERE


def _given(seconds: Iterable[float]) -> float:
    return _AT_LEAST + _SLOWER * sum(seconds)
