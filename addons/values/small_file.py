"""Reads files that others may replace at any time: tokens, keys, registries, certificates.

A FIFO, a folder, a device or ten gigabytes may take the place of such a file. None of them may stop a thread or fill
the memory, so only regular files of a bounded size are read.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MOST: Final = 8 << 20  # bytes of a file; a registry of 20,000 rows has 4 MB


class FileError(ValueError):
    """A file can't be used. The message names it, the line where there is one, and what to change."""


@contextlib.contextmanager
def as_file_error(path: Path) -> Iterator[None]:
    """Turns every exception within it into a FileError: a parser may raise others than those it documents.

    Raises:
        FileError: in place of any other exception. It names the exception's class, and quotes nothing of the file.
    """
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        raise FileError(f"{path}: its content can't be read ({type(error).__name__})") from error


def read_small(path: Path, most: int = MOST) -> bytes:
    """The file's bytes. Reads the disk: call it on a thread, not on the event loop.

    Args:
        path: the file; symbolic links are followed.
        most: bytes that it may have.

    Raises:
        FileError: it is missing, unreadable, larger, or no regular file.
    """
    try:
        # O_NONBLOCK: opening a FIFO would otherwise wait until another process writes to it.
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
    """The file's text, as ``read_small`` reads it.

    Raises:
        FileError: it can't be read, or is not UTF-8 text.
    """
    content = read_small(path, most)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is not UTF-8 text (byte {error.start})") from error
