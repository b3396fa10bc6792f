"""Passes over the chunks of a body, so that what they hold is not searched for the body's end.

llhttp alone judges chunks. Were one passed over in another way than llhttp reads it, llhttp would be fed beyond the end
of a request, which is refused.
"""

import re
from typing import Final

_DIGITS: Final = re.compile(rb"[0-9A-Fa-f]+")
_MOST_LINE: Final = 64  # bytes of a line that are kept; its size stands at its beginning
_AS_LINE_END: Final = 2  # bytes: CRLF


class ChunkSizes:
    """Fed with a body's bytes in their order. ``last``: the size line of the last chunk has come."""

    __slots__ = ("_left", "_line", "last")

    def __init__(self) -> None:
        self.last = False
        self._left = 0  # of the chunk, with the line end behind it
        self._line = b""  # a size line that has begun

    def pass_over(self, data: bytes, start: int) -> int:
        """The place behind the size line of the last chunk, or the end of the data."""
        while not self.last:
            start += self._left
            if start > len(data):
                self._left = start - len(data)
                return len(data)
            self._left = 0
            found = data.find(b"\n", start)
            if found < 0:
                self._line = (self._line + data[start:])[:_MOST_LINE]
                return len(data)
            size = _size(self._line + data[start : min(found, start + _MOST_LINE)])
            self._line, start = b"", found + 1
            self.last = not size
            self._left = size + _AS_LINE_END if size else 0
        return start


def _size(line: bytes) -> int:
    """0 for what is none, which llhttp refuses."""
    digits = _DIGITS.match(line)
    return int(digits[0], 16) if digits else 0
