"""Reads files that somebody else may swap under us: tokens, keys, registries, certificates.

Whoever can write beside such a file can put a FIFO, a folder, a device or ten gigabytes in its place. None of them may
stop a thread or fill the memory, so only regular files of a bounded size are read.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MOST: Final = 8 << 20  # bytes; a registry of 20,000 rows has 4 MB


class FileError(ValueError):
    """A file can't be used; the message names it, the line where there is one, and what to change."""


@contextlib.contextmanager
def made_out(path: Path) -> Iterator[None]:
    """Within it, whatever goes wrong with what the file holds is a fault of the file, whether or not it was foreseen.

    Raises:
        FileError: in place of any other exception.
    """
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        raise FileError(f"{path}: can't be made out ({type(error).__name__})") from error


def read_small(path: Path, most: int = MOST) -> bytes:
    """What stands in the file. Touches the disk: call it off the event loop.

    Args:
        path: the file; symbolic links are followed.
        most: bytes it may have.

    Raises:
        FileError: it is missing, unreadable, larger, or no regular file.
    """
    try:
        # O_NONBLOCK: opening a FIFO would otherwise wait for somebody who writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileError(f"{path}: is no regular file but a folder, FIFO or device")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(most + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileError(f"{path}: can't be read: {error.strerror}") from error
    if len(content) > most:
        raise FileError(f"{path}: is larger than {most} bytes")
    return content


def read_text(path: Path, most: int = MOST) -> str:
    """
    Raises:
        FileError: it can't be read, or is not UTF-8 text.
    """
    content = read_small(path, most)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is not UTF-8 text (byte {error.start})") from error
