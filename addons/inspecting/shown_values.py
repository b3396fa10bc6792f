"""Values of a body in a line, built no further than they are shown; files and images by their type and size."""

import re
from collections.abc import Iterator
from typing import Final

from addons.bodies.verdict import Json
from addons.inspecting.pictures import LOOKED_AT, pixels

TEXT: Final = 20_000
"""Characters of one text."""

LINE: Final = 300
"""Characters of a value that must fit a line."""

_DATA_URL: Final = re.compile(r"data:([\w.+/-]*)((?:;[\w.=+-]+)*),")


def short(value: Json, longest: int = LINE) -> str:
    """A value in one line, built no further than it is shown."""
    if isinstance(value, str):
        return clip(inline(value) or value, longest)
    text = "".join(within(_written(value), longest))
    return text if len(text) <= longest else f"{text[:longest]} …"


def within(pieces: Iterator[str], longest: int) -> Iterator[str]:
    left = longest
    for piece in pieces:
        yield piece
        left -= len(piece)
        if left < 0:
            return


def _written(value: Json) -> Iterator[str]:
    """JSON, piece by piece; strings are clipped, since a piece is built before it is counted."""
    match value:
        case dict():
            yield "{"
            for position, (name, member) in enumerate(value.items()):
                yield f"{', ' if position else ''}{clip(str(name), LINE)}: "
                yield from _written(member)
            yield "}"
        case list():
            yield "["
            for position, member in enumerate(value):
                if position:
                    yield ", "
                yield from _written(member)
            yield "]"
        case str():
            yield f'"{clip(inline(value) or value, TEXT)}"'
        case None | bool():
            yield {None: "null", True: "true", False: "false"}[value]
        case _:
            yield str(value)


def clip(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]} [… {len(text) - longest:,} more characters]"


def inline(text: str) -> str | None:
    """``image/png, 12,345 bytes`` for a ``data:`` URL; None for anything else."""
    found = _DATA_URL.match(text)
    if not found:
        return None
    payload = len(text) - found.end()
    size = payload * 3 // 4 - text[-2:].count("=") if "base64" in found[2] else payload
    shape = pixels(text[found.end() : found.end() + 2 * LOOKED_AT]) if found[1].startswith("image/") else None
    return f"{found[1] or 'text/plain'}{f', {shape[0]} x {shape[1]} pixels' if shape else ''}, {size:,} bytes"


def file_size(text: str) -> str:
    return inline(text) or f"base64, {len(text) * 3 // 4 - text[-2:].count('='):,} bytes"
