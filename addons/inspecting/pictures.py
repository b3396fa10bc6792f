"""How many pixels an image in a ``data:`` URL has, by the head of its file."""

import base64
import binascii
import struct
from typing import Final

LOOKED_AT: Final = 64 * 1024
"""Bytes of a file that are looked at: a JPEG may begin with a long profile."""

_SIZES: Final = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
"""JPEG's markers of a frame (ITU-T T.81, table B.1)."""


def pixels(encoded: str) -> tuple[int, int] | None:
    """Width and height of a base64-encoded PNG, GIF or JPEG; None for anything else."""
    head = encoded[: LOOKED_AT * 4 // 3 // 4 * 4]
    try:
        data = base64.b64decode(head + "=" * (-len(head) % 4))
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack_from(">II", data, 16)
        elif data.startswith((b"GIF87a", b"GIF89a")):
            width, height = struct.unpack_from("<HH", data, 6)
        elif data.startswith(b"\xff\xd8"):
            width, height = _of_jpeg(data)
        else:
            return None
    except (binascii.Error, ValueError, struct.error):
        return None
    return width, height


def _of_jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        mark, kind, length = struct.unpack_from(">BBH", data, at)
        if mark != 0xFF:  # noqa: PLR2004 - every marker begins with it
            raise ValueError("no marker")
        if kind in _SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length
