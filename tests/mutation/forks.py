"""Work done in copies of this process, some at a time, each with a temporary directory of its own."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

TESTS_FAILED: Final = 1  # pytest's exit code; of its others none says that a test noticed something
HUNG: Final = -signal.SIGKILL
ENDS: Final = (signal.SIGINT, signal.SIGTERM)


class NotRunError(Exception):
    """The tests did not run."""


class Job[T](NamedTuple):
    """``run`` gives the exit code of the copy, which is ended after so many seconds."""

    of: T
    run: Callable[[], int]
    seconds: float


class _Running[T](NamedTuple):
    of: T
    end: float
    directory: str


def is_killed(code: int) -> bool:
    """Whether the tests noticed, by how their process ended.

    Raises:
        NotRunError: they did not run, which says nothing of the mutant: a file is not there, or pytest has a fault.
    """
    if code not in {0, TESTS_FAILED, HUNG}:
        raise NotRunError(f"pytest ended with {code}: its tests did not run")
    return code != 0


def run_all[T](jobs: Iterable[Job[T]], at_once: int) -> Iterator[tuple[T, bool]]:
    """Whether the tests noticed, for each in the order in which they end.

    Raises:
        NotRunError: the tests of one did not run.
    """
    waiting, running = iter(jobs), dict[int, _Running[T]]()
    job = next(waiting, None)
    try:
        while job or running:
            while job and len(running) < at_once:
                directory = tempfile.mkdtemp(prefix="mutant-")
                Path(directory).chmod(0o755)  # a database's server runs as another user
                signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)  # until the copy stands in the list
                child = os.fork()
                if child == 0:
                    _become(job, directory)
                running[child] = _Running(job.of, time.monotonic() + job.seconds, directory)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
                job = next(waiting, None)
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                _end(pid for pid, each in running.items() if time.monotonic() > each.end)
                time.sleep(0.005)
                continue
            ended = running.pop(child)
            _clean(child, ended.directory)
            yield ended.of, is_killed(os.waitstatus_to_exitcode(status))
    finally:
        _end(running)  # where this is broken off, nothing of it goes on
        for child, each in running.items():
            _clean(child, each.directory)


def _become[T](job: Job[T], directory: str) -> NoReturn:
    code = 3
    try:
        os.setsid()
        for each in ENDS:
            signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = directory
        code = job.run()
    finally:
        os._exit(code)


def _clean(child: int, directory: str) -> None:
    """Takes away what the tests of a copy left: processes they started, and files."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    shutil.rmtree(Path(directory), ignore_errors=True)


def _end(children: Iterable[int]) -> None:
    """With the processes that their tests started."""
    for child in children:
        os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # it had no session of its own yet
            os.killpg(child, signal.SIGKILL)
