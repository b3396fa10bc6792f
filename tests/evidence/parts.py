"""What is evidence, part by part: a command for each, and how its figures are read."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from tests.evidence.collecting import VARIABLE
from tests.mutation.rooms import PURE, STATEFUL
from tests.tally import Row

ROOT: Final = Path(__file__).parent.parent.parent
MOST_ROWS: Final = 4
"""Rows of one area of the tests' tally that stand each for itself."""


class Figure(NamedTuple):
    """One row: ``lost`` of ``tried`` went wrong. ``more`` is what else was measured, in words."""

    what: str
    tried: int
    lost: int
    more: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What one part found. ``notes`` are lines below its table; ``failed``: the command ended in failure."""

    figures: Sequence[Figure]
    notes: Sequence[str] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is done. ``mutants`` in each pure room, None: every one; ``stateful_mutants`` in the others together."""

    mutants: int | None = 3
    stateful_mutants: int = 4
    soak_seconds: float = 0
    long: bool = False
    pythons: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """``commands`` may be empty: then the part is left out of this run."""

    name: str
    about: str
    commands: Callable[[Extent], Sequence[Sequence[str]]]
    read: Callable[[Sequence["Ended"]], Found] = field(repr=False)


class Ended(NamedTuple):
    """A command that ended. ``collected`` is what ``collecting`` wrote; empty where the command is not pytest."""

    command: Sequence[str]
    code: int
    output: str
    collected: Mapping[str, object]


def run(command: Sequence[str]) -> Ended:
    with tempfile.TemporaryDirectory(prefix="foundry-sidecar-evidence-") as directory:
        file = Path(directory) / "collected.json"
        # names of some tests hold sets, and must be the same in all of pytest's processes
        environment = {**os.environ, VARIABLE: str(file), "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                said, _ = process.communicate()
            except BaseException:
                process.terminate()  # so that it ends what it started
                raise
        collected = json.loads(file.read_text()) if file.exists() else {}
    return Ended(command, process.returncode, said, collected)


def _pytest(*arguments: str, python: str = sys.executable) -> list[str]:
    parallel = ("-n", "auto", "--dist", "loadfile")
    return [python, "-P", "-m", "pytest", "-q", "-p", "tests.evidence.collecting", *parallel, *arguments]


def _tests(what: str) -> Callable[[Sequence[Ended]], Found]:
    """Counts cases, and takes over the rows that the tests handed in."""

    def read(ended: Sequence[Ended]) -> Found:
        figures: list[Figure] = []
        for each in ended:
            counted, rows = each.collected.get("counted", {}), each.collected.get("rows", [])
            assert isinstance(counted, dict)
            assert isinstance(rows, list)
            lost = counted.get("failed", 0) + counted.get("error", 0)
            figures.append(Figure(what, counted.get("passed", 0) + lost, lost))
            figures += _summed([Row(*row) for row in sorted(rows)])
        return Found(figures, failed=any(each.code for each in ended))

    return read


def _summed(rows: Sequence[Row]) -> Iterator[Figure]:
    """Each row for itself, but those of an area that has many, which are added up."""
    for area, found in groupby(rows, lambda row: row.area):
        own = list(found)
        if len(own) <= MOST_ROWS:
            yield from (Figure(f"{area}: {row.what}", row.tried, row.lost, row.figures) for row in own)
        else:
            tried, lost = (sum(each) for each in zip(*((row.tried, row.lost) for row in own), strict=True))
            yield Figure(f"{area}: {len(own)} kinds", tried, lost)


_SCORE: Final = re.compile(r"^(\d+) mutants: (\d+) killed, (\d+) equivalent, (\d+) alive", re.MULTILINE)
_ALIVE: Final = re.compile(r"^  ([\w.]+: .*?)(?:   \(equivalent: (.*)\))?$", re.MULTILINE)


def mutants(what: str) -> Callable[[Sequence[Ended]], Found]:
    def read(ended: Sequence[Ended]) -> Found:
        (each,) = ended
        score = _SCORE.search(each.output)
        if score is None:
            return Found([Figure(what, 0, 0)], [f"ended with {each.code}: {_last_line(each.output)}"], failed=True)
        tried, killed, equivalent, alive = map(int, score.groups())
        left = _ALIVE.findall(each.output)
        notes = [f"alive: `{name}`" for name, reason in left if not reason]
        notes += [f"`{name}`: {reason}" for name, reason in left if reason]
        return Found([Figure(what, tried, alive, f"{killed} killed, {equivalent} judged to change nothing")], notes)

    return read


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or ["it said nothing"])[-1][:200]


def _mutation(rooms: Sequence[str], *options: str) -> list[str]:
    return [sys.executable, "-P", "-m", "tests.mutation", *options, "--rooms", *rooms]


def _of_pure(room: str) -> Part:
    """A part for each room, since all of them take hours."""
    return Part(
        f"Mutants of {room}",
        "small faults put into the rules, one at a time; the tests must notice each",
        lambda extent: [_mutation([room], *(["--seeded", str(extent.mutants)] if extent.mutants else []))],
        mutants(room),
    )


def _clients(ended: Sequence[Ended]) -> Found:
    found = _tests("cases with real clients")(ended)
    packages = json.loads((ROOT / "tests/clients/package.json").read_text())["dependencies"]
    python = [f"{name} {version(name)}" for name in ("openai", "foundry-platform-sdk")]
    node = [f"{name} {number}" for name, number in sorted(packages.items())]
    return Found(found.figures, [f"clients: {', '.join([*python, *node])}"], found.failed)


_ASK: Final = "import importlib.metadata as m, platform; print(m.version('mitmproxy'), platform.python_version())"


def _mitmproxy(ended: Sequence[Ended]) -> Found:
    figures: list[Figure] = []
    for each in ended:
        asked = subprocess.run([each.command[0], "-c", _ASK], capture_output=True, text=True, check=False)
        mitmproxy, python = (asked.stdout.split() or ["unknown", "unknown"])[:2]
        (counted, *_) = _tests(f"mitmproxy {mitmproxy}, Python {python}")([each]).figures
        figures.append(counted)
    return Found(figures, failed=any(each.code for each in ended))


PARTS: Final[Sequence[Part]] = (
    *(_of_pure(room) for room in PURE),
    Part(
        "Mutants of exchange and usage",
        "the same, seeded over both rooms",
        lambda extent: [_mutation(STATEFUL, "--seeded", str(extent.stateful_mutants))],
        mutants(", ".join(STATEFUL)),
    ),
    Part(
        "Faults and phases",
        "each way that the provider, callers and the sidecar's own parts fail, at each phase of a call",
        lambda extent: [
            _pytest("tests/faults", "tests/proxy/test_closed.py", *(["--long"] if extent.long else [])),
        ],
        _tests("cases"),
    ),
    Part(
        "Bodies before two judges",
        "random bodies and bytes; the policy's tables and a naive second judge must agree",
        lambda extent: [_pytest("tests/fuzz", *(["--long"] if extent.long else []))],
        _tests("cases"),
    ),
    Part(
        "Secrets planted and looked for",
        "in logs, records, metrics, traces, saved flows, the ledger and the page",
        lambda _extent: [_pytest("tests/canary", "tests/proxy/test_secrets.py")],
        _tests("cases"),
    ),
    Part(
        "Clients",
        "programs and SDKs as callers, with the versions that were run",
        lambda _extent: [_pytest("tests/clients")],
        _clients,
    ),
    Part(
        "mitmproxy",
        "what is relied on, and what must hold when something fails, on each release",
        lambda extent: [
            _pytest("tests/exchange/test_mitmproxy_facts.py", "tests/proxy/test_closed.py", python=python)
            for python in (sys.executable, *extent.pythons)
        ],
        _mitmproxy,
    ),
    Part(
        "Soak",
        "mixed calls for so long, under `start` and for a quarter of it under `web`: memory, descriptors, records",
        lambda extent: (
            [_pytest("tests/soak", "--long", "--soak-seconds", f"{extent.soak_seconds:g}")]
            if extent.soak_seconds
            else []
        ),
        _tests("runs"),
    ),
)
