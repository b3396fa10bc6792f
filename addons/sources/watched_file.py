"""A file that the operator may change while the sidecar runs."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from addons.sources.fault import Fault
from addons.values.small_file import FileError, as_file_error

_LOG: Final = logging.getLogger(__name__)
_LOOK_EVERY: Final = 1.0  # seconds
_LEFT_ALONE: Final = 0.25  # seconds without a change after which a file is taken to be complete
_LONGEST: Final = 2.0  # seconds to wait at most for a file that is written again and again


class WatchedFile[T]:
    """The value of a file, read again when the file changes.

    The file is read at once. Later it is looked at on a thread, at most once a second. While the changed file is bad,
    the earlier value stays in force, as far as ``keep`` keeps it, and ``fault`` says what is wrong.

    Args:
        path: the file.
        read: makes a value of the file; raises FileError.
        fault: goes wrong and right with the file.
        keep: what stays in force of the earlier value while the file is bad; by default all of it. Called on a thread.
        clock: seconds.

    Raises:
        FileError: the file can't be used at the start.
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
        self._value = self._read_value()
        self.fault = fault

    async def current(self) -> T:
        """The value in force. The file is looked at first, where that was not done within the last second."""
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now  # before the thread starts: calls that come meanwhile use the value there is
            await asyncio.to_thread(self._look)
        return self._value

    def _look(self) -> None:
        if stamp(self._path) == self._stamp:
            if self.fault.why is not None:
                self.fault.wrong(self.fault.why)
            return
        wait_until_written(self._path)
        self._stamp = stamp(self._path)  # before reading: a change in between is then seen at the next look
        try:
            self._value = self._read_value()
        except FileError as error:
            self._value = self._keep(self._value)
            self.fault.wrong(f"{error}; what the file said before stays in force")
        else:
            self.fault.right()
            _LOG.info("%s was read again", self._path)

    def _read_value(self) -> T:
        with as_file_error(self._path):
            return self._read(self._path)


def wait_until_written(path: Path) -> None:
    """Waits until a file has not changed for a quarter of a second, at most two seconds: it may be half written.

    Blocks, so it is for a thread.
    """
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until and _is_being_written(path):
        time.sleep(_LEFT_ALONE / 5)


def _is_being_written(path: Path) -> bool:
    try:
        return 0 <= time.time() - path.stat().st_mtime < _LEFT_ALONE
    except OSError:
        return False


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Inode, size and modification time; None where there is no file. They differ when the file has changed.

    Symbolic links are followed, so the swap of links in a Kubernetes mount is seen too.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
