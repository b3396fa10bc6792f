"""Lines of the log as bytes, and the thread that writes them.

A slow reader of the log must not hold up calls, so no call waits until a line is written. While the reader is slow,
lines wait here. When too many wait, further ones are dropped and counted; a line says so once there is room again.
When the reader is gone or the disk is full, nothing more can be written, and the process is told at once.
"""

import json
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

HELD: Final = 8 * 1024 * 1024  # bytes of lines that may wait; some 7,000 records
GATHER: Final = 0.02  # seconds in which lines are gathered into one write
CLOSE_SECONDS: Final = 2.0  # that the process waits at its end for a slow reader

_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)


def json_line(event: Mapping[str, Any]) -> bytes:
    """One event as a line of JSON, in ASCII so that it holds no control characters for terminals. Raises nothing.

    A value that can't be written, such as a number of 5,000 digits, is left out, and ``log.unwritten`` names it.
    """
    try:
        line = _ENCODER.encode(event)
        if not line.isascii() or b"\x7f" in line:
            line = json.dumps(event, default=str).replace("\x7f", "\\u007f").encode("ascii")
    except Exception:  # noqa: BLE001 - only the values that can't be written are left out
        line = _writable(event)
    return line + b"\n"


def _writable(event: Mapping[str, Any]) -> bytes:
    kept: dict[str, str] = {}
    unwritten = []
    for name, value in event.items():
        try:
            kept[name] = json.dumps(value, default=str)
        except Exception:  # noqa: BLE001 - a value's own conversion may raise anything
            unwritten.append(name)
    kept["log.unwritten"] = json.dumps(unwritten, default=repr)
    return ("{" + ", ".join(f"{json.dumps(str(name))}: {text}" for name, text in kept.items()) + "}").encode()


class LineWriter:
    """Writes lines to a file descriptor, on a thread of its own, which it starts. There is one in a process.

    Args:
        descriptor: where lines are written.
        dropped_line: makes the line that says how many lines were dropped since the last such line.
        held: bytes of lines that may wait.
    """

    def __init__(self, descriptor: int, dropped_line: Callable[[int], bytes], held: int = HELD) -> None:
        self._descriptor = descriptor
        self._dropped_line = dropped_line
        self._most = held
        self._lines: deque[bytes] = deque()
        self._waiting = 0  # bytes
        self._reported = 0  # of ``dropped``, those that a line has reported
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._when_failed: Callable[[str], object] | None = None
        self.dropped = 0
        """Lines not written since the start."""
        self.failure: str | None = None
        """Why nothing can be written any more; None: lines can be written."""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Queues a line, or drops it where too much waits. May be called on any thread. Never blocks, never raises."""
        with self._lock:
            if self.failure is not None or self._waiting + len(line) > self._most:
                self.dropped += 1
                return
            self._lines.append(line)
            self._waiting += len(line)
        if not self._wake.is_set():
            self._wake.set()

    def when_failed(self, tell: Callable[[str], object]) -> None:
        """Has ``tell`` called with the reason when nothing can be written any more; at once where that is so already.

        It is called on the writer's thread, or at once on the caller's.
        """
        with self._lock:
            self._when_failed = tell
            reason = self.failure
        if reason is not None:
            tell(reason)

    def close(self, within: float = CLOSE_SECONDS) -> bool:
        """Waits until all lines are written, ``within`` seconds at most, and drops the rest. True: all were written."""
        self._closing.set()
        self._wake.set()
        self._thread.join(within)
        with self._lock:
            self.dropped += len(self._lines)
            self._lines.clear()
            return not self._thread.is_alive() and self.failure is None

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._wake.wait()
                self._closing.wait(GATHER)
                self._wake.clear()
                self._write_what_waits()
            self._write_what_waits()  # lines that came after the last round
        except OSError as error:
            self._fail(error.strerror or type(error).__name__)

    def _write_what_waits(self) -> None:
        while True:
            with self._lock:
                text = b"".join(self._lines)
                lines = len(self._lines)
                self._lines.clear()
                unreported, self._reported = self.dropped - self._reported, self.dropped
            if unreported:
                text += self._dropped_line(unreported)
            if not text:
                return
            try:
                self._put(text)
            except OSError:
                with self._lock:
                    self.dropped += lines
                raise
            with self._lock:
                self._waiting = sum(map(len, self._lines))

    def _put(self, text: bytes) -> None:
        view = memoryview(text)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:  # the descriptor does not block, as it was given to this process
                select.select([], [self._descriptor], [])

    def _fail(self, reason: str) -> None:
        with self._lock:
            self.failure = reason
            self.dropped += len(self._lines)
            self._lines.clear()
            tell = self._when_failed
        if tell is not None:
            tell(reason)
