"""A file the operator may change while the sidecar runs."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from addons.sources.fault import Fault
from addons.values.small_file import FileError, made_out

_LOG: Final = logging.getLogger(__name__)
_LOOK_EVERY: Final = 1.0  # seconds
_LEFT_ALONE: Final = 0.25  # seconds after which a file is taken to be whole
_LONGEST: Final = 2.0  # seconds that one is waited for that is written again and again


class WatchedFile[T]:
    """What a file says, as ``read`` makes it out.

    Reads at once. Later the file is looked at on a thread, at most once a second. A file that went bad brings nothing
    new: what ``keep`` leaves of what it said before stays in force, and ``fault`` says what is wrong.

    Args:
        path: the file.
        read: makes the value of it; raises FileError.
        fault: goes wrong with the file, and right with it.
        keep: what stays in force of a value while the file is bad; by default all of it.
        clock: seconds.

    Raises:
        FileError: it can't be used to begin with.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[Path], T],
        fault: Fault,
        *,
        keep: Callable[[T], T] = lambda value: value,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._read = read
        self._keep = keep
        self._clock = clock
        self._looked = clock()
        self._stamp = stamp(path)
        self._value = self._made_out()
        self.fault = fault

    async def current(self) -> T:
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now  # before the thread starts: the calls that come meanwhile go on with what is known
            await asyncio.to_thread(self._look)
        return self._value

    def _look(self) -> None:
        if stamp(self._path) == self._stamp:
            if self.fault.why is not None:
                self.fault.wrong(self.fault.why)
            return
        settle(self._path)
        self._stamp = stamp(self._path)  # before reading: a change in between is then seen at the next look
        try:
            self._value = self._made_out()
        except FileError as error:
            self._value = self._keep(self._value)
            self.fault.wrong(f"{error}; what the file said before stays in force")
        else:
            self.fault.right()
            _LOG.info("%s was read again", self._path)

    def _made_out(self) -> T:
        with made_out(self._path):
            return self._read(self._path)


def settle(path: Path) -> None:
    """Returns when a file has been left alone for a moment: whoever writes it may be half way. For a thread."""
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until and _is_being_written(path):
        time.sleep(_LEFT_ALONE / 5)


def _is_being_written(path: Path) -> bool:
    try:
        return 0 <= time.time() - path.stat().st_mtime < _LEFT_ALONE
    except OSError:
        return False


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Tells one state of a file from the next, through the symlink swap of a Kubernetes mount too."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
