"""Puts one fault after another into the rules, and asks the tests: ``python -m tests.mutation``.

Each module's mutants meet its own mirror tests first, and those that survive them the tests around its room.
What a person has judged to change nothing stands in ``equivalents.txt``, with the reason. Ends with 1 when a mutant
survives that does not stand there.
"""

import argparse
import ast
import contextlib
import gc
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.mutation import rooms
from tests.mutation.mutants import Mutant, mutants

ROOT: Final = rooms.ROOT
EQUIVALENTS: Final = Path(__file__).parent / "equivalents.txt"
_PURE: Final = ", ".join(rooms.PURE)

ENDS: Final = (signal.SIGINT, signal.SIGTERM)

QUICK: Final = (
    "-x", "-q", "--assert=plain", "--hypothesis-seed=0", "-W", "ignore::pytest.PytestAssertRewriteWarning",
    "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception",
)  # fmt: skip
"""How pytest is run: to the first failure, and without what costs time."""


TESTS_FAILED: Final = 1  # pytest's exit code; of its others none says that a test noticed something
HUNG: Final = -signal.SIGKILL


class NotRunError(Exception):
    """The tests did not run."""


class Outcome(NamedTuple):
    module: str
    mutant: Mutant
    killed_by: str  # empty: nobody


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="such as responses.walk; without: all of the rooms")
    parser.add_argument(
        "--rooms", nargs="+", choices=rooms.ROOMS, default=rooms.PURE, help="default: the pure ones, " + _PURE
    )
    parser.add_argument("--sample", type=int, metavar="N", help="at most so many mutants a module, chosen at random")
    parser.add_argument("--seeded", type=int, metavar="N", help="so many mutants in all, chosen at random")
    parser.add_argument("--own", action="store_true", help="the modules' own tests alone: quicker, and a lower score")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further module after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
    sys.dont_write_bytecode = False  # or each run would compile everything
    _preload()
    began, outcomes, judged = time.monotonic(), list[Outcome](), equivalents()
    sound = set[tuple[Sequence[str], Sequence[str]]]()  # tests that pass where nothing is changed
    for module, found in _chosen(chosen.modules or list(rooms.modules(chosen.rooms)), chosen).items():
        if time.monotonic() - began > chosen.seconds:
            print(f"left out for want of time: {module}", flush=True)
            continue
        asked = (rooms.own(module), () if chosen.own else rooms.room(module).wider)
        unchanged = Mutant(0, "unchanged", ast.unparse(ast.parse(rooms.path(module).read_text())))
        if asked not in sound and next(_try_all(module, [unchanged], 1, own_alone=chosen.own)).killed_by:
            sys.exit(f"the tests of {module} fail without any fault")
        sound.add(asked)
        survived = 0
        for each in _try_all(module, found, chosen.jobs, own_alone=chosen.own):
            outcomes.append(each)
            if not each.killed_by:  # told at once: a long run that is broken off has told what it found
                survived += 1
                print(f"  {_label(each)}{'   (equivalent)' if _label(each) in judged else ''}", flush=True)
        print(f"{module}: {len(found)} tried, {survived} alive, {time.monotonic() - began:.0f} s", flush=True)
    alive = [each for each in outcomes if not each.killed_by]
    open_ = [each for each in alive if _label(each) not in judged]
    tried = len(outcomes)
    score = 100 * (tried - len(alive)) / max(1, tried - (len(alive) - len(open_)))
    killed, equivalent = tried - len(alive), len(alive) - len(open_)
    print(f"{tried} mutants: {killed} killed, {equivalent} equivalent, {len(open_)} alive; {score:.1f} %")
    return 1 if open_ else 0


def _chosen(modules: Sequence[str], options: argparse.Namespace) -> Mapping[str, Sequence[Mutant]]:
    """The mutants to try, by module. The same options choose the same ones of the same source."""
    every = {module: list(mutants(rooms.path(module).read_text())) for module in modules}
    if options.sample is not None:
        every = {module: _some(found, options.sample) for module, found in every.items()}
    if options.seeded is not None:
        pairs = _some([(module, each) for module, found in every.items() for each in found], options.seeded)
        every = {module: [each for of, each in pairs if of == module] for module in every}
    return {module: found for module, found in every.items() if found}


def _some[T](found: Sequence[T], most: int) -> list[T]:
    return random.Random(0).sample(found, most) if len(found) > most else list(found)


def _label(outcome: Outcome) -> str:
    """Without the line's number, which every edit above it changes."""
    return f"{outcome.module}: {outcome.mutant.change}"


def equivalents() -> set[str]:
    """What a person judged to change nothing."""
    lines = EQUIVALENTS.read_text().splitlines() if EQUIVALENTS.exists() else []
    return {line.partition("  # ")[0] for line in lines if line and not line.startswith("#")}


def _try_all(module: str, found: Sequence[Mutant], jobs: int, *, own_alone: bool) -> Iterator[Outcome]:
    """Runs so many at a time, each in a copy of this process; first the module's own tests, then all others."""
    own, room = rooms.own(module), rooms.room(module)
    waiting = [(mutant, "own tests") for mutant in reversed(found)]
    running: dict[int, tuple[Mutant, str, float]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                mutant, stage = waiting.pop()
                signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)  # until the child stands in the list
                child = os.fork()
                if child == 0:
                    os.setsid()
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)
                    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
                    _run(module, mutant, [f"tests/{each}" for each in (own if stage == "own tests" else room.wider)])
                running[child] = mutant, stage, time.monotonic() + room.seconds
                signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                _end(pid for pid, (_, _, end) in running.items() if time.monotonic() > end)
                time.sleep(0.02)
                continue
            mutant, stage, _ = running.pop(child)
            if is_killed(os.waitstatus_to_exitcode(status)):
                yield Outcome(module, mutant, stage)
            elif stage == "own tests" and not own_alone:
                waiting.append((mutant, "other tests"))
            else:
                yield Outcome(module, mutant, "")
    finally:
        _end(running)  # where this is broken off, nothing of it goes on


def is_killed(code: int) -> bool:
    """Whether the tests noticed, by how their process ended.

    Raises:
        NotRunError: they did not run, which says nothing of the mutant: a file is not there, or pytest has a fault.
    """
    if code not in {0, TESTS_FAILED, HUNG}:
        raise NotRunError(f"pytest ended with {code}: its tests did not run")
    return code != 0


def _end(children: Iterable[int]) -> None:
    """With the processes that their tests started."""
    for child in children:
        os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # it had no session of its own yet
            os.killpg(child, signal.SIGKILL)


def _preload() -> None:
    """What every run needs and no mutant touches, imported once: each run is a copy of this process."""
    for name in ("pytest", "hypothesis", "hypothesis.strategies", "mitmproxy.http", "mitmproxy.test.tflow", "pydantic",
                 "structlog", "tornado.web", "tornado.iostream", "jiter", "msgspec", "jwt",
                 "cryptography.x509", "openai", "openai.types.responses.response_create_params", "ruamel.yaml", "h11",
                 "zstandard", "brotli", "opentelemetry.sdk.metrics"):  # fmt: skip
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the copies need not look through all this again


def _run(module: str, mutant: Mutant, tests: Sequence[str]) -> None:
    code = 3
    try:
        os.chdir(ROOT)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        sys.meta_path.insert(0, _Mutated(f"addons.{module}", mutant.source))
        import pytest  # noqa: PLC0415 - long since imported

        code = int(pytest.main([*QUICK, *tests])) if _can_be_imported(module) else TESTS_FAILED
    finally:
        os._exit(code)


def _can_be_imported(module: str) -> bool:
    """Whether the mutant lets itself be imported, and what all tests import: pytest calls that an error of usage."""
    try:
        importlib.import_module(f"addons.{module}")
        importlib.import_module("tests.conftest")
    except Exception:  # noqa: BLE001 - whatever it raises, every test would meet it
        return False
    return True


class _Mutated(importlib.machinery.SourceFileLoader):
    """Finds one module, and gives it another source than its file's."""

    def __init__(self, name: str, source: str) -> None:
        super().__init__(name, str(ROOT / (name.replace(".", "/") + ".py")))
        self._source = source

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, fullname: str) -> Any:
        return compile(self._source, self.path, "exec", dont_inherit=True) if fullname == self.name else None


if __name__ == "__main__":
    sys.exit(main())
