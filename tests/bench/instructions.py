"""Instructions a call, counted by valgrind: the figure that repeats, whatever else the machine does."""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from time import sleep
from typing import Final

from tests.bench.cases import CASES, COUNTED, NAMES
from tests.bench.contenders import SETTLE_SECONDS, BenchError, Provider, provider, running
from tests.bench.load import Caller
from tests.bench.measuring import Figures, LeftOut, leaving_out

CALLS: Final = 20  # at most, and as many before them: first calls fill caches and make what is made once


def missing() -> list[str]:
    """What it needs and this machine lacks."""
    return [program for program in ("valgrind", "callgrind_control") if shutil.which(program) is None]


def count(directory: Path, progress: Callable[[str], None], left_out: LeftOut) -> Figures:
    """Millions of instructions a call, of every contender that is not left out, or is now, as in ``measure``.

    Raises BenchError when another part fails.
    """
    figures: Figures = {}
    with provider(directory) as upstream:
        for name in NAMES:
            if name not in left_out:
                progress(f"counting instructions: start, {name}")
                with leaving_out(name, left_out, progress):
                    _count(name, upstream, directory, progress, figures)
    return figures


def _count(name: str, upstream: Provider, directory: Path, progress: Callable[[str], None], figures: Figures) -> None:
    output = directory / f"{name}.callgrind"
    # Not from the start, which would take minutes.
    valgrind = ("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={output}")
    with running(name, upstream, directory, under=valgrind) as proxy:
        _control(proxy.pid, "--instr=on")
        for case_name in COUNTED:
            case = CASES[case_name]
            if name not in case.contenders:
                continue
            progress(f"counting instructions: {case_name}, {name}")
            calls = min(CALLS, case.calls)
            requests = cycle(case.requests(name, 2 * calls))
            caller = Caller(proxy.port, requests, status=case.status, keep_alive=not case.new_connections)
            _call(caller, calls)
            _control(proxy.pid, "--zero")
            _call(caller, calls)
            caller.close()
            figures[case_name, "instructions", name] = [_counted(proxy.pid, output) / calls / 1e6]


def _call(caller: Caller, times: int) -> None:
    for _ in range(times):
        caller.call()
    sleep(SETTLE_SECONDS)


def _counted(pid: int, output: Path) -> int:
    _control(pid, "--dump")
    (dump,) = output.parent.glob(f"{output.name}.*")
    total = re.search(r"^totals: (\d+)", dump.read_text(errors="replace"), re.MULTILINE)
    dump.unlink()
    if total is None:
        raise BenchError(f"callgrind wrote no total into {dump.name}")
    return int(total[1])


def _control(pid: int, *words: str) -> None:
    command: Sequence[str] = ["callgrind_control", *words, str(pid)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode or "OK." not in ended.stdout:
        raise BenchError(f"{' '.join(command)}: {ended.stdout}{ended.stderr}")
