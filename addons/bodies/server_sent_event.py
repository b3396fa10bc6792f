"""One server-sent event, whole or of a stream that is all there (WHATWG HTML, Server-sent events)."""

import re
from collections.abc import Iterator
from typing import Final

_LINE_END = rb"(?:\r\n|\n|\r(?!\n))"
BLANK_LINE: Final = re.compile(_LINE_END + _LINE_END)
LONGEST_BLANK_LINE: Final = len(b"\r\n\r\n")
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LINES: Final = re.compile(rb"\r\n|\n|\r")


def fields(event: bytes) -> tuple[str, bytes | None]:
    """Its name, empty where it has none, and its data: the lines joined, None where it has none."""
    name, data = b"", []
    for line in _LINES.split(event):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return name.decode(errors="replace"), b"\n".join(data) if data else None


def split_events(stream: bytes) -> Iterator[bytes]:
    """The data of each event of a stream that is all there, or of as much of it as was kept."""
    for event in BLANK_LINE.split(stream.removeprefix(BYTE_ORDER_MARK)):
        if data := fields(event)[1]:
            yield data
