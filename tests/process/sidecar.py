"""A sidecar in a process of its own, started as an image starts it, and what it writes."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from tests.records import Records
from tests.waiting import LONGEST

ROOT: Final = Path(__file__).parent.parent.parent

_PROGRAM: Final = "\nimport runpy\nrunpy.run_module('addons', run_name='__main__', alter_sys=True)"


class SidecarProcess:
    """Listens once entered; killed on exit, where it still runs. ``records`` has every line it wrote.

    ``descriptors``: how many it may have; None: as many as we. ``before``: Python that the process runs first.
    """

    def __init__(self, config: Path, descriptors: int | None = None, before: str = "") -> None:
        self.config = config
        self._program = ["-c", before + _PROGRAM] if before else ["-m", "addons"]
        self._limit = ["bash", "-c", f'ulimit -n {descriptors} && exec "$0" "$@"'] if descriptors else []
        self.records = Records()

    def __enter__(self) -> Self:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIDECAR_")}
        self._process = subprocess.Popen(
            [*self._limit, sys.executable, "-P", *self._program, "start", "--config", str(self.config)],
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            (listening,) = self.records.wait("listening")
        except BaseException:
            self._end()
            raise
        self.port = int(listening["addresses"][0].rpartition(":")[2])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait(LONGEST)
        self._reader.join(LONGEST)
        assert self._process.stdout
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(number)

    def exit_code(self) -> int:
        """Waits for its end."""
        code = self._process.wait(LONGEST)
        self._reader.join(LONGEST)
        return code

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "plain", "text": line}
            with suppress(structlog.DropEvent):
                self.records(None, event.get("level", ""), event)
