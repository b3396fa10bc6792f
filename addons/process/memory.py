"""What malloc keeps of memory that was given back (docs/speed.md)."""

import ctypes
import sys
from typing import Final

GLIBC: Final = (
    (-8, 1),  # M_ARENA_MAX: one for all threads, of which each would keep its own
    (-3, 32 * 1024 * 1024),  # M_MMAP_THRESHOLD, the most there may be: what is larger has pages of its own
    (-1, 64 * 1024 * 1024),  # M_TRIM_THRESHOLD: what is free beyond this goes back to the system
)
"""Parameters of mallopt(3), sizes in bytes. By itself glibc gives the pages of a large body back after each copy, and
the system clears them again for the next."""


def keep_pages() -> None:
    """Sets ``GLIBC``, to be called before there are threads; nothing under another C library."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for parameter, value in GLIBC:
            mallopt(parameter, value)
