"""Runs the rounds: every contender once in each, in an order that turns, so that a slow minute falls on all."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import sleep
from typing import Final

from tests.bench.cases import CASES, SIDECAR, START, Case
from tests.bench.contenders import (
    SETTLE_SECONDS,
    BenchError,
    NotStartedError,
    Provider,
    Proxy,
    environment,
    installed,
    provider,
    running,
)
from tests.bench.load import Result

AWAY: Final = 0.05
"""Seconds to the far provider and back."""

type Figures = dict[tuple[str, str, str], list[float]]
"""By case, measure and contender: one figure a round."""

type LeftOut = dict[str, str]
"""Contenders that did not start, and what they said."""


def measure(rounds: int, scale: float, directory: Path, progress: Callable[[str], None], left_out: LeftOut) -> Figures:
    """A contender that does not start is put into ``left_out`` and has no figures.

    Raises BenchError when the sidecar does not start, or any part answers wrongly.
    """
    figures: Figures = defaultdict(list)
    with provider(directory) as near, provider(directory, AWAY) as far:
        bench = _Bench(figures, scale, near, far, directory, progress, left_out)
        for number in range(1, rounds + 1):
            names = [name for name in _turned(number) if name not in left_out]
            bench.round(f"round {number} of {rounds}", names)
    return {key: values for key, values in figures.items() if key[2] not in left_out}


@contextmanager
def leaving_out(name: str, left_out: LeftOut, progress: Callable[[str], None]) -> Iterator[None]:
    """A contender that does not start in here is left out with a word; the sidecar itself must start."""
    try:
        yield
    except NotStartedError as error:
        if name == SIDECAR:
            raise
        left_out[name] = str(error)
        progress(f"{name} is left out: {error}")


def _turned(number: int) -> tuple[str, ...]:
    names = installed()
    first = number % len(names)
    return names[first:] + names[:first]


class _Bench:
    def __init__(
        self,
        figures: Figures,
        scale: float,
        near: Provider,
        far: Provider,
        directory: Path,
        progress: Callable[[str], None],
        left_out: LeftOut,
    ) -> None:
        self._figures = figures
        self._scale = scale
        self._near = near
        self._far = far
        self._directory = directory
        self._progress = progress
        self._left_out = left_out

    def round(self, title: str, names: Sequence[str]) -> None:
        with ExitStack() as stack:
            proxies = []
            for name in names:
                self._progress(f"{title}: {START}, {name}")
                with self._leaving_out(name):
                    proxies.append(proxy := stack.enter_context(running(name, self._near, self._directory)))
                    self._figures[START, "start", name].append(proxy.start)
                    self._figures[START, "memory", name].append(proxy.memory)
            for case_name, case in CASES.items():
                for proxy in proxies:
                    if proxy.name in case.contenders and proxy.name not in self._left_out:
                        self._progress(f"{title}: {case_name}, {proxy.name}")
                        with self._leaving_out(proxy.name):
                            self._measure(case_name, case, proxy)

    def _leaving_out(self, name: str) -> AbstractContextManager[None]:
        return leaving_out(name, self._left_out, self._progress)

    def _measure(self, case_name: str, case: Case, proxy: Proxy) -> None:
        with ExitStack() as stack:
            upstream = self._far if case.far else self._near
            own = [] if case.far else [proxy]
            fresh = [
                stack.enter_context(running(proxy.name, upstream, self._directory))
                for _ in range(case.proxies - len(own))
            ]
            sampled = _sample([*own, *fresh], case, self._scale, self._directory)
        for kind, figure in sampled.items():
            self._figures[case_name, kind, proxy.name].append(figure)


def _sample(proxies: Sequence[Proxy], case: Case, scale: float, directory: Path) -> dict[str, float]:
    name = proxies[0].name
    calls = max(round(case.calls * scale / case.threads), 1) * case.threads
    command = [sys.executable, "-P", "-m", "tests.bench.load", *_words(proxies, case, calls, directory)]
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
    result: Result = json.loads(answer)
    if case.beside:  # which takes time of its own
        return {"way": median(result["way"]) * 1000}
    return {
        "cpu": used / calls * 1000,
        "rate": calls / result["seconds"],
        "first_byte": median(result["first_byte"]) * 1000,
        "first_byte_p99": sorted(result["first_byte"])[int(0.99 * calls)] * 1000,
    }


def _words(proxies: Sequence[Proxy], case: Case, calls: int, directory: Path) -> Iterator[str]:
    """The load generator's arguments, and the files they name."""
    name = proxies[0].name
    for number, request in enumerate(case.requests(name, calls)):
        file = directory / f"request-{number}"
        file.write_bytes(request)
        yield str(file)
    yield from (f"--port={proxy.port}" for proxy in proxies)
    yield from (f"--calls={calls}", f"--threads={case.threads}", f"--status={case.status}")
    if case.new_connections:
        yield "--new-connections"
    if case.beside:
        file = directory / "request-beside"
        file.write_bytes(case.stream_beside(name))
        yield f"--beside={file}"


def _cpu_seconds(proxies: Sequence[Proxy]) -> float:
    return sum(proxy.cpu_seconds for proxy in proxies)
