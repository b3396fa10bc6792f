"""The sidecar's command line as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ruamel.yaml import YAML

from tests.waiting import LONGEST

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-P", "-m", "addons"]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, less whatever would configure a sidecar, plus ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SIDECAR_", "OPENAI_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **(more or {})}


def run(*words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], env=environment(env), cwd=cwd, capture_output=True, text=True, timeout=LONGEST, check=False
    )


def write_yaml(path: Path, document: object) -> Path:
    with path.open("w") as file:
        YAML(typ="safe").dump(document, file)
    return path


class Program:
    """A command that runs until it is stopped; its standard output must be one JSON object a line."""

    def __init__(self, *words: str, env: Mapping[str, str] | None = None, command: Sequence[str] = COMMAND) -> None:
        self._words = [*command, *words]
        self._env = environment(env)
        self._changed = threading.Condition()
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._words, env=self._env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._readers = [threading.Thread(target=self._read), threading.Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self._end()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal, waits for the end, and returns the exit code."""
        self.process.send_signal(number)
        return self._end()

    def event(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """The records with this event name, as soon as there are ``count``; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._events(name)) >= count or self._ended(), LONGEST):
                raise TimeoutError(f"no {name}; said: {self.lines}")
            found = self._events(name)
        if len(found) < count:
            raise RuntimeError(f"ended without {name}; said: {self.lines} {self.errors}")
        return found

    @property
    def port(self) -> int:
        return int(self.event("listening")[0]["addresses"][0].rpartition(":")[2])

    def _events(self, name: str) -> list[dict[str, Any]]:
        return [record for line in self.lines if (record := json.loads(line))["event"] == name]

    def _ended(self) -> bool:
        return not self._readers[0].is_alive()

    def _end(self) -> int:
        code = self.process.wait(LONGEST)
        for reader in self._readers:
            reader.join(LONGEST)
        assert self.process.stdout
        assert self.process.stderr
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _read_errors(self) -> None:
        assert self.process.stderr
        self.errors = self.process.stderr.read()
