"""What somebody may put where a small file is expected."""

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from addons.values.small_file import MOST


def _looped(path: Path) -> None:
    other = path.with_suffix(".other")
    other.symlink_to(path)
    path.symlink_to(other)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole of a terabyte


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(path))  # the address may have 107 characters


ODD_FILES: Final[Mapping[str, tuple[Callable[[Path], object], str]]] = {
    "a FIFO that nobody writes to": (os.mkfifo, "is no regular file"),
    "a folder": (Path.mkdir, "is no regular file"),
    "a terabyte": (_huge, "is larger than"),
    "a little too much": (lambda path: path.write_bytes(b"a" * (MOST + 1)), "is larger than"),
    "a loop of links": (_looped, "can't be read: Too many levels of symbolic links"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "can't be read: No such file"),
    "a device without end": (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
    "a socket": (_socket, "can't be read: No such device or address"),
    "nothing": (lambda _path: None, "can't be read: No such file"),
}
"""How each is made, and what is said of it."""


def put(make: Callable[[Path], object], path: Path) -> None:
    """In place of what lies there."""
    path.unlink(missing_ok=True)
    make(path)
