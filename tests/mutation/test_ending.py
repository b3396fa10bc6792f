"""A run of mutants that is asked to end leaves nothing behind."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.rooms import ROOT
from tests.waiting import LONGEST, eventually


def children(process: int) -> list[int]:
    """None of one that has ended meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


def runs(process: int) -> bool:
    """Whether it lives; one that has ended and that nobody has asked about does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def below(process: int) -> set[int]:
    """All that a process has started, and that these have."""
    own = children(process)
    return {*own, *(each for child in own for each in below(child))}


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_its_mutants_end_with_it(end: signal.Signals) -> None:
    command = [sys.executable, "-P", "-m", "tests.mutation", "foundry.rid", "--tests", "foundry/test_catalogue.py"]
    with subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True) as run:
        running = eventually(lambda: found if len(found := below(run.pid)) > 1 else None)
        run.send_signal(end)
        run.communicate(timeout=LONGEST)
        eventually(lambda: not any(runs(each) for each in running))
    assert run.returncode
