"""A run of mutants that is asked to end leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.mutation.rooms import ROOT
from tests.waiting import LONGEST, eventually


def children(process: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def runs(process: int) -> bool:
    """Whether it lives; one that has ended and that nobody has asked about does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def test_its_mutants_end_with_it() -> None:
    command = [sys.executable, "-P", "-m", "tests.mutation", "--own", "gates.route"]
    with subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True) as run:
        (mutant,) = eventually(lambda: children(run.pid))
        os.kill(mutant, signal.SIGSTOP)  # or it might end by itself
        try:
            run.terminate()
            _, said = run.communicate(timeout=LONGEST)
            eventually(lambda: not runs(mutant))
        finally:
            if runs(mutant):
                os.kill(mutant, signal.SIGKILL)
    assert (run.returncode, said) == (1, "asked to end\n")
