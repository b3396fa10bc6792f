"""``run.sh start`` or ``run.sh web`` as a person starts it, and what its process holds."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

RUN: Final = Path(__file__).parent.parent.parent / "run.sh"
SECONDS: Final = 60.0
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def megabytes(process: int | str = "self") -> float:
    """What a process holds in memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE / 2**20


class Held(NamedTuple):
    """What a process holds now; ``lag`` is how long a question to its event loop waited, in milliseconds."""

    megabytes: float
    descriptors: int
    threads: int
    lag: float


class Program:
    """Listens once entered; ``admin`` is where its health is told.

    ``events`` counts its lines by event, ``errors`` keeps the first that are errors.
    """

    def __init__(self, command: str, config: Path, admin: str) -> None:
        self._command = [str(RUN), command, "--config", str(config)]
        self._admin = admin
        self.events: Counter[str] = Counter()
        self.errors: list[str] = []
        self._listening = threading.Event()

    def __enter__(self) -> Self:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIDECAR_")}
        self._process = subprocess.Popen(
            self._command,
            env=kept | {"SIDECAR_VENV": sys.prefix},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            assert self._listening.wait(SECONDS), self.errors
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        assert self._process.stdout
        self._process.stdout.close()

    def held(self) -> Held:
        own = Path(f"/proc/{self._process.pid}")
        threads = next(line.split()[1] for line in (own / "status").read_text().splitlines() if "Threads" in line)
        return Held(megabytes(self._process.pid), len(list((own / "fd").iterdir())), int(threads), self._lag())

    def _lag(self) -> float:
        start = time.perf_counter()
        connection = HTTPConnection(self._admin, timeout=SECONDS)
        connection.request("GET", "/livez")
        connection.getresponse().read()
        connection.close()
        return (time.perf_counter() - start) * 1000

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "plain"}
            self.events[event["event"]] += 1
            if event["event"] == "listening":
                self.addresses: list[str] = event["addresses"]
                self._listening.set()
            if event.get("level") == "error" and event["event"] != "alarm" and len(self.errors) < 20:
                self.errors.append(line)
