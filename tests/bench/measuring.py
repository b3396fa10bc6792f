"""Runs the rounds: every contender once in each, in an order that turns, so that a slow minute falls on all."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import sleep

from tests.bench.cases import CASES, START, Case
from tests.bench.contenders import (
    SETTLE_SECONDS,
    BenchError,
    Provider,
    Proxy,
    environment,
    installed,
    provider,
    running,
)

type Figures = dict[tuple[str, str, str], list[float]]
"""By case, measure and contender: one figure a round."""


def measure(rounds: int, scale: float, directory: Path, progress: Callable[[str], None]) -> Figures:
    """Raises BenchError when a part does not start, or answers wrongly."""
    figures: Figures = defaultdict(list)
    with provider(directory) as upstream:
        for number in range(1, rounds + 1):
            _round(figures, f"round {number} of {rounds}", _turned(number), scale, upstream, directory, progress)
    return dict(figures)


def _turned(number: int) -> tuple[str, ...]:
    names = installed()
    first = number % len(names)
    return names[first:] + names[:first]


def _round(
    figures: Figures,
    title: str,
    names: tuple[str, ...],
    scale: float,
    upstream: Provider,
    directory: Path,
    progress: Callable[[str], None],
) -> None:
    with ExitStack() as stack:
        proxies = []
        for name in names:
            progress(f"{title}: {START}, {name}")
            proxies.append(proxy := stack.enter_context(running(name, upstream, directory)))
            figures[START, "start", name].append(proxy.start)
            figures[START, "memory", name].append(proxy.memory)
        for case_name, case in CASES.items():
            for proxy in proxies:
                if proxy.name in case.contenders:
                    progress(f"{title}: {case_name}, {proxy.name}")
                    with ExitStack() as more:
                        others = [
                            more.enter_context(running(proxy.name, upstream, directory)) for _ in range(1, case.proxies)
                        ]
                        sampled = _sample([proxy, *others], case, scale, directory)
                    for kind, figure in sampled.items():
                        figures[case_name, kind, proxy.name].append(figure)


def _sample(proxies: Sequence[Proxy], case: Case, scale: float, directory: Path) -> dict[str, float]:
    name = proxies[0].name
    request = directory / "request"
    request.write_bytes(case.request(name))
    threads = case.threads
    calls = max(round(case.calls * scale / threads), 1) * threads
    words = [
        str(request),
        *(f"--port={proxy.port}" for proxy in proxies),
        f"--calls={calls}",
        f"--threads={threads}",
        f"--status={case.status}",
    ]
    if case.new_connections:
        words.append("--new-connections")
    command = [sys.executable, "-P", "-m", "tests.bench.load", *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        sleep(SETTLE_SECONDS / 3)
        before = _cpu_seconds(proxies)
        answer, _ = process.communicate("go\n")
        sleep(SETTLE_SECONDS / 3)  # for what a proxy does after the answer: records, the ledger
        used = _cpu_seconds(proxies) - before
    if process.returncode:
        raise BenchError(f"{name} did not answer as expected; see above")
    result = json.loads(answer)
    return {
        "cpu": used / calls * 1000,
        "rate": calls / result["seconds"],
        "first_byte": median(result["first_byte"]) * 1000,
        "first_byte_p99": sorted(result["first_byte"])[int(0.99 * calls)] * 1000,
    }


def _cpu_seconds(proxies: Sequence[Proxy]) -> float:
    return sum(proxy.cpu_seconds for proxy in proxies)
