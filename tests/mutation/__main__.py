"""Puts one fault after another into the rules, and asks the tests: ``python -m tests.mutation``.

A mutant meets the tests that call what it changes, those of the module's own name first. What a person has judged to
change nothing stands in ``equivalents.txt``, with the reason. Ends with 1 when a mutant survives that does not stand
there.
"""

import argparse
import gc
import importlib
import importlib.machinery
import importlib.util
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, assert_never

import pytest

from tests.mutation import rooms
from tests.mutation.forks import TESTS_FAILED, Job, run_all
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.session import Failed, Left, Outcome, Session

EQUIVALENTS: Final = Path(__file__).parent / "equivalents.txt"
_PURE: Final = ", ".join(rooms.PURE)

QUICK: Final = (
    "-x", "-q", "-s", "--assert=plain", "--hypothesis-seed=0", "-W", "ignore::pytest.PytestAssertRewriteWarning",
    "--continue-on-collection-errors",  # a mutant that a file of tests can't be imported with is noticed
    "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception",
)  # fmt: skip
"""How pytest is run: without what costs time."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="such as responses.walk; without: all of the rooms")
    parser.add_argument(
        "--rooms", nargs="+", choices=(*rooms.PURE, *rooms.STATEFUL), default=rooms.PURE, help=f"default: {_PURE}"
    )
    parser.add_argument("--tests", nargs="+", metavar="PATH", help="below tests/; default: those of the kind of room")
    parser.add_argument("--seeded", type=int, metavar="N", help="so many mutants in all, chosen at random")
    parser.add_argument("--longest", type=float, default=8, help="seconds of tests that a mutant meets (default: 8)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
    sys.dont_write_bytecode = False  # or each run would compile everything
    _preload()
    every = _chosen(chosen.modules or list(rooms.modules(chosen.rooms)), chosen.seeded)
    tally, judged, began = Counter[str](), equivalents(), time.monotonic()
    for of, asked in rooms.ASKED.items():
        mutated = {module: found for module, found in every.items() if module.partition(".")[0] in of}
        waiting = {module: len(found) for module, found in mutated.items()}
        for outcome in _tried(mutated, chosen.tests or asked, chosen.jobs, chosen.longest) if mutated else ():
            label = f"{outcome.module}: {mutated[outcome.module][outcome.mutant].change}"
            tally["killed" if outcome.killed else "equivalent" if label in judged else "alive"] += 1
            if not outcome.killed:  # told at once: a long run that is broken off has told what it found
                print(f"  {label}{f'   (equivalent: {judged[label]})' if label in judged else ''}", flush=True)
            waiting[outcome.module] -= 1
            if not waiting[outcome.module]:
                seconds = time.monotonic() - began
                print(f"{outcome.module}: {len(mutated[outcome.module])} tried, {seconds:.0f} s", flush=True)
    tried, killed, alive = tally.total(), tally["killed"], tally["alive"]
    score = 100 * killed / max(1, killed + alive)
    print(f"{tried} mutants: {killed} killed, {tally['equivalent']} equivalent, {alive} alive; {score:.1f} %")
    return 1 if alive else 0


def _chosen(modules: Sequence[str], seeded: int | None) -> Mapping[str, Sequence[Mutant]]:
    """The mutants to try, by module. The same number chooses the same ones of the same source."""
    pairs = [(module, each) for module in modules for each in mutants(rooms.path(module).read_text())]
    if seeded is not None and seeded < len(pairs):
        pairs = random.Random(0).sample(pairs, seeded)
    every: dict[str, list[Mutant]] = {}
    for module, each in pairs:
        every.setdefault(module, []).append(each)
    return every


def equivalents() -> dict[str, str]:
    """What a person judged to change nothing, with the reason; without lines' numbers, which each edit would change."""
    lines = EQUIVALENTS.read_text().splitlines() if EQUIVALENTS.exists() else []
    parts = (line.partition("  # ") for line in lines if line and not line.startswith("#"))
    return {label: reason for label, _, reason in parts}


def _tried(
    mutated: Mapping[str, Sequence[Mutant]], asked: Sequence[str], at_once: int, longest: float
) -> Iterator[Outcome]:
    """First all that can be put into one session, then those whose module is imported anew."""
    left = list[Left]()
    for said in _in_session(mutated, asked, at_once, longest):
        match said:
            case Outcome():
                yield said
            case Left():
                left.append(said)
            case Failed(tests):
                sys.exit(f"tests fail without any mutant: {', '.join(tests)}")
            case _:
                assert_never(said)
    jobs = (Job(each, partial(_run_anew, each, mutated[each.module][each.mutant]), each.seconds) for each in left)
    for each, killed in run_all(jobs, at_once):
        yield Outcome(each.module, each.mutant, killed)


def _in_session(
    mutated: Mapping[str, Sequence[Mutant]], asked: Sequence[str], at_once: int, longest: float
) -> Iterator[Outcome | Left | Failed]:
    """What a session says, which is a copy of this process, so that this one imports no module of ``addons``."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    with tempfile.TemporaryFile("w+") as output:
        session = os.fork()
        if session == 0:
            code = 3
            try:
                signal.signal(signal.SIGTERM, signal.default_int_handler)  # which pytest lets through everywhere
                receiving.close()
                os.dup2(output.fileno(), 1)
                code = _pytest(asked, Session(mutated, sending.send, at_once=at_once, longest=longest))
                sys.stdout.flush()
            finally:
                os._exit(code)
        sending.close()
        try:
            while True:
                yield receiving.recv()
        except EOFError:
            pass
        except BaseException:
            os.kill(session, signal.SIGTERM)  # so that it ends its mutants
            raise
        finally:
            _, status = os.waitpid(session, 0)
        if status:
            output.seek(0)
            said = "".join(output.readlines()[-20:])
            sys.exit(f"pytest ended with {os.waitstatus_to_exitcode(status)}:\n{said}")


def _pytest(tests: Iterable[str], *plugins: object) -> int:
    os.chdir(rooms.ROOT)
    return int(pytest.main([*QUICK, *(str(rooms.TESTS / each) for each in tests)], plugins=plugins))


def _run_anew(left: Left, mutant: Mutant) -> int:
    name = f"addons.{left.module}"
    sys.meta_path.insert(0, _Mutated(name, mutant))
    try:  # an error of import is an error of usage to pytest, but whatever it is, every test would meet it
        importlib.import_module(name)
        importlib.import_module("tests.conftest")
    except Exception:  # noqa: BLE001 - the mutant may raise anything
        return TESTS_FAILED
    return _pytest(left.tests, _Only(left.tests)) if left.tests else 0


def _preload() -> None:
    """What every run needs and no mutant touches, imported once: each run is a copy of this process."""
    for name in ("hypothesis", "hypothesis.strategies", "mitmproxy.http", "mitmproxy.test.tflow", "pydantic",
                 "structlog", "tornado.web", "tornado.iostream", "jiter", "msgspec", "jwt",
                 "cryptography.x509", "openai", "openai.types.responses.response_create_params", "ruamel.yaml", "h11",
                 "zstandard", "brotli", "opentelemetry.sdk.metrics"):  # fmt: skip
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the copies need not look through all this again


class _Only:
    """A plugin of pytest that runs these tests alone, or all where the mutant has given them other names."""

    def __init__(self, tests: Mapping[str, Sequence[str]]) -> None:
        self._names = {name for names in tests.values() for name in names}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [each for each in items if each.nodeid in self._names] or items


class _Mutated(importlib.machinery.SourceFileLoader):
    """Finds one module, and gives it another source than its file's."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        super().__init__(name, str(rooms.ROOT / (name.replace(".", "/") + ".py")))
        self._mutant = mutant

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, fullname: str) -> Any:
        return compile(self._mutant.made(), self.path, "exec", dont_inherit=True) if fullname == self.name else None


if __name__ == "__main__":
    sys.exit(main())
