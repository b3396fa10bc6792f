"""Puts one fault after another into the pure rules, and asks the tests: ``python -m tests.mutation``.

Each module's mutants meet its own mirror tests first, and those that survive them the tests of all three packages.
What a person has judged to change nothing stands in ``equivalents.txt``, with the reason. Ends with 1 when a mutant
survives that does not stand there.
"""

import argparse
import ast
import gc
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.mutation.mutants import Mutant, mutants

ROOT: Final = Path(__file__).parent.parent.parent
EQUIVALENTS: Final = Path(__file__).parent / "equivalents.txt"
PACKAGES: Final = ("gates", "foundry", "responses")
FURTHER: Final = ("usage.charging",)  # pure, in a room that is not
MOST_SECONDS: Final = 40  # a mutant that takes longer hangs, which is noticed

POLICY: Final = ("responses/test_policy.py", "responses/test_policy_settings.py", "responses/test_tables.py")
OWN: Final[dict[str, Sequence[str]]] = {
    "foundry.caller": ("gates/test_caller.py", "verifiers/test_registry.py"),
    "foundry.models": ("foundry/test_catalogue.py", "foundry/test_shipped_models.py"),
    "foundry.permits": ("gates/test_limits.py", "foundry/test_limit_refusals.py"),
    "foundry.rid": ("foundry/test_attribution.py", "foundry/test_catalogue.py"),
    **{
        f"responses.{name}": POLICY
        for name in ("fields", "includes", "items", "notes", "parts", "policy", "rows", "tools", "verdict", "walk")
    },
}
"""Tests of the modules that have no test file of their own name."""

WIDER: Final = (
    "gates",
    "foundry",
    "responses",
    "test_record.py",
    "usage/test_charging.py",
    "inspecting/test_explanation.py",
)


QUICK: Final = (
    "-x", "-q", "--assert=plain", "--hypothesis-seed=0", "-W", "ignore::pytest.PytestAssertRewriteWarning",
    "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception",
)  # fmt: skip
"""How pytest is run: to the first failure, and without what costs time."""


class Outcome(NamedTuple):
    module: str
    mutant: Mutant
    killed_by: str  # empty: nobody


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="such as responses.walk; without: all of " + ", ".join(PACKAGES))
    parser.add_argument("--sample", type=int, metavar="N", help="at most so many mutants a module, chosen at random")
    parser.add_argument("--own", action="store_true", help="the modules' own tests alone: quicker, and a lower score")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further module after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    sys.dont_write_bytecode = False  # or each run would compile everything
    _preload()
    began, outcomes, judged = time.monotonic(), list[Outcome](), _equivalents()
    for module in chosen.modules or list(_modules()):
        if time.monotonic() - began > chosen.seconds:
            print(f"left out for want of time: {module}", flush=True)
            continue
        found = list(mutants(_path(module).read_text()))
        if chosen.sample is not None and len(found) > chosen.sample:
            found = random.Random(0).sample(found, chosen.sample)
        unchanged = Mutant(0, "unchanged", ast.unparse(ast.parse(_path(module).read_text())))
        if next(_try_all(module, [unchanged], 1, own_alone=True)).killed_by:
            sys.exit(f"the tests of {module} fail without any fault")
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


def _modules() -> Iterator[str]:
    for package in PACKAGES:
        for path in sorted((ROOT / "addons" / package).glob("[!_]*.py")):
            yield f"{package}.{path.stem}"
    yield from FURTHER


def _path(module: str) -> Path:
    return ROOT / "addons" / (module.replace(".", "/") + ".py")


def _label(outcome: Outcome) -> str:
    """Without the line's number, which every edit above it changes."""
    return f"{outcome.module}: {outcome.mutant.change}"


def _equivalents() -> set[str]:
    lines = EQUIVALENTS.read_text().splitlines() if EQUIVALENTS.exists() else []
    return {line.partition("  # ")[0] for line in lines if line and not line.startswith("#")}


def _try_all(module: str, found: Sequence[Mutant], jobs: int, *, own_alone: bool) -> Iterator[Outcome]:
    """Runs so many at a time, each in a copy of this process; first the module's own tests, then all others."""
    own = OWN.get(module, (f"{module.replace('.', '/test_')}.py",))
    waiting = [(mutant, "own tests") for mutant in reversed(found)]
    running: dict[int, tuple[Mutant, str, float]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant, stage = waiting.pop()
            child = os.fork()
            if child == 0:
                _run(module, mutant, [f"tests/{each}" for each in (own if stage == "own tests" else WIDER)])
            running[child] = mutant, stage, time.monotonic() + MOST_SECONDS
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            for late in [pid for pid, (_, _, end) in running.items() if time.monotonic() > end]:
                os.kill(late, signal.SIGKILL)
            time.sleep(0.02)
            continue
        mutant, stage, _ = running.pop(child)
        if os.waitstatus_to_exitcode(status) != 0:
            yield Outcome(module, mutant, stage)
        elif stage == "own tests" and not own_alone:
            waiting.append((mutant, "other tests"))
        else:
            yield Outcome(module, mutant, "")


def _preload() -> None:
    """What every run needs and no mutant touches, imported once: each run is a copy of this process."""
    for name in ("pytest", "hypothesis", "hypothesis.strategies", "mitmproxy.http", "mitmproxy.test.tflow", "pydantic",
                 "structlog", "tornado.web", "tornado.iostream", "jiter", "msgspec", "jwt",
                 "cryptography.x509", "openai", "openai.types.responses.response_create_params", "ruamel.yaml", "h11",
                 "zstandard", "brotli", "limits", "opentelemetry.sdk.metrics"):  # fmt: skip
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

        code = int(pytest.main([*QUICK, *tests]))
    finally:
        os._exit(code)


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
