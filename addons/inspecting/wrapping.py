"""Lines folded to a width, for a page that shows text as it stands.

Wide characters and emoji count as two columns, combining marks as none. Of unbroken runs such as base64 the two ends
are shown, and the length.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

BLANK: Final = " "
"""Stands for an empty line: mitmweb draws a line without a character with no height."""

_RUN: Final = re.compile(r"[\w+/=.:-]{100,}", re.ASCII)
_HEAD: Final = 24
_TAIL: Final = 8
_PIECES: Final = re.compile(r"\s+|\S+")
_INVISIBLE: Final = frozenset(("Mn", "Me", "Cf"))
_WIDE: Final = frozenset("WF")


def folded(text: str, width: int) -> Iterator[str]:
    """The lines of a text, none of them wider. What is folded goes on at its line's own indent."""
    for line in text.splitlines() or [""]:
        yield from _line(_RUN.sub(_ends, line), width) if line.strip() else [BLANK]


def columns(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_columns, text))


def _line(line: str, width: int) -> Iterator[str]:
    if columns(line) <= width:
        yield line
        return
    indent = line[: len(line) - len(line.lstrip())][: width // 2] or "  "
    taken = ""
    for piece in _PIECES.findall(line):
        if columns(taken) + columns(piece) <= width:
            taken += piece
        elif piece.isspace():
            if taken.strip():
                yield taken
                taken = indent
        else:
            if taken.strip():
                yield taken.rstrip()
                taken = indent
            *whole, taken = _cut(piece, width, taken, indent)
            yield from whole
    if taken.strip():
        yield taken.rstrip()


def _cut(word: str, width: int, begun: str, indent: str) -> list[str]:
    """A word that may be wider than a line, behind what has begun."""
    lines, room = [begun], width - columns(begun)
    for character in word:
        if (wide := _columns(character)) > room:
            lines.append(indent)
            room = width - columns(indent)
        lines[-1] += character
        room -= wide
    return lines


def _columns(character: str) -> int:
    if unicodedata.category(character) in _INVISIBLE:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def _ends(run: re.Match[str]) -> str:
    text = run[0]
    return f"{text[:_HEAD]}…{text[-_TAIL:]} [{len(text):,} characters]"
