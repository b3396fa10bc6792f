"""Copies of this process say whether tests noticed, and leave nothing behind."""

import signal
import stat
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

from tests.mutation.forks import TESTS_FAILED, Job, NotRunError, is_killed, run_all
from tests.mutation.test_ending import runs
from tests.waiting import eventually


@pytest.mark.parametrize(
    ("code", "killed"), [(0, False), (pytest.ExitCode.TESTS_FAILED, True), (-signal.SIGKILL, True)]
)
def test_a_mutant_is_killed_by_tests_that_fail_or_hang(code: int, killed: bool) -> None:
    assert is_killed(code) is killed


@pytest.mark.parametrize("code", [*set(pytest.ExitCode) - {0, 1}, -signal.SIGSEGV])
def test_tests_that_did_not_run_kill_nothing(code: int) -> None:
    with pytest.raises(NotRunError):
        is_killed(code)


def test_each_job_has_its_answer() -> None:
    jobs = [Job(code, partial(int, code), 60.0) for code in (0, TESTS_FAILED, 0, TESTS_FAILED)]
    assert sorted(run_all(jobs, 2)) == [(0, False), (0, False), (1, True), (1, True)]


def test_one_that_hangs_is_ended() -> None:
    def hang() -> int:
        signal.pause()
        return 0

    assert list(run_all([Job("hangs", hang, 0.1)], 1)) == [("hangs", True)]


def test_its_files_and_processes_are_taken_away(tmp_path: Path) -> None:
    told = tmp_path / "told"

    def leave() -> int:
        left = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        Path(tempfile.mkdtemp(), "file").write_text("x")
        mode = stat.S_IMODE(Path(tempfile.gettempdir()).stat().st_mode)
        told.write_text(f"{left.pid} {tempfile.gettempdir()} {mode:o}")
        return 0

    assert list(run_all([Job("leaves", leave, 60.0)], 1)) == [("leaves", False)]
    process, directory, mode = told.read_text().split()
    assert mode == "755", "a database's server, another user, has its files there"
    assert not Path(directory).exists()
    eventually(lambda: not runs(int(process)))


def test_one_that_did_not_run_is_said() -> None:
    with pytest.raises(NotRunError, match="ended with 3"):
        list(run_all([Job("breaks", lambda: 1 // 0, 60.0)], 1))
