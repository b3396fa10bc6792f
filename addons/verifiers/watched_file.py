"""A file the operator may change while the sidecar runs."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_LOG: Final = logging.getLogger(__name__)
_LOOK_EVERY: Final = 1.0  # seconds


class FileError(ValueError):
    """A file can't be used; the message names it, the line where there is one, and what to change."""


class WatchedFile[T]:
    """What a file says, as ``read`` makes it out.

    Reads at once. Later the file is looked at on a thread, at most once a second. A file that went bad changes
    nothing: what it said before stays in force, and the log says what is wrong, once for each change.

    Raises:
        FileError: it can't be used to begin with.
    """

    def __init__(self, path: Path, read: Callable[[Path], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._read = read
        self._clock = clock
        self._looked = clock()
        self._stamp = stamp(path)
        self._value = read(path)

    async def current(self) -> T:
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now  # before the thread starts: the calls that come meanwhile go on with what is known
            await asyncio.to_thread(self._look)
        return self._value

    def _look(self) -> None:
        seen = stamp(self._path)  # before reading: a change in between is then seen at the next look
        if seen == self._stamp:
            return
        self._stamp = seen
        try:
            self._value = self._read(self._path)
        except FileError as error:
            _LOG.error("%s; what the file said before stays in force", error)
        else:
            _LOG.info("%s was read again", self._path)


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Tells one state of a file from the next, through the symlink swap of a Kubernetes mount too."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def read_text(path: Path) -> str:
    """
    Raises:
        FileError: it can't be read as UTF-8 text.
    """
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise FileError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is not UTF-8 text (byte {error.start})") from error
