"""Secrets made at random for one run, and the search for them in whatever form they may have leaked."""

import base64
import re
import secrets
from collections.abc import Iterator
from typing import Final, NamedTuple

HALF: Final = 20  # characters
MARK: Final = 8  # of them
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
"""The same in plain text, in URLs and in JSON."""


class Leak(NamedTuple):
    """``kind`` is what was planted, ``where`` the case it was planted in, ``form`` how it stood in ``surface``."""

    surface: str
    kind: str
    where: str
    form: str


class Planted(NamedTuple):
    kind: str
    where: str
    core: str  # two halves


class Canaries:
    """Plants values, and looks for either half of each. ``kind`` says what a value is to the sidecar."""

    def __init__(self) -> None:
        self._planted: list[Planted] = []
        self._mark = _letters(MARK)  # begins every half: most texts hold none, and are quickly searched
        self._plain = re.compile(self._mark.encode() + b"[%s]{%d}" % (LETTERS.encode(), HALF - MARK))
        self._signs = list(encoded(self._mark))

    def __len__(self) -> int:
        return len(self._planted)

    def plant(self, kind: str, where: str) -> str:
        """A new value: what of it is random has no character that any encoding of text would change."""
        core = "".join(self._mark + _letters(HALF - MARK) for _ in range(2))
        self._planted.append(Planted(kind, where, core))
        return core

    def search(self, surface: str, text: bytes | str, kinds: frozenset[str]) -> list[Leak]:
        """Every value of these kinds that the text holds, in plain or encoded."""
        found = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        halves = {("plain", half.decode()) for half in self._plain.findall(found.lower())}
        for form, sign in self._signs:
            beyond = found.lower() if form == "hex" else found
            if sign in beyond:  # rare enough to look for each
                halves |= {
                    (form, half)
                    for half in self._halves()
                    for kind, needle in encoded(half)
                    if kind == form and needle in beyond
                }
        return [
            Leak(surface, kind, where, form)
            for kind, where, core in self._planted
            if kind in kinds
            for form in ("plain", "hex", "base64")
            if {(form, core[:HALF]), (form, core[HALF:])} & halves
        ]

    def _halves(self) -> Iterator[str]:
        for planted in self._planted:
            yield from (planted.core[:HALF], planted.core[HALF:])


def _letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))


def encoded(text: str) -> Iterator[tuple[str, bytes]]:
    """How it looks as hex, and as base64, which reads three bytes at a time wherever the text happens to begin."""
    plain = text.encode()
    yield "hex", plain.hex().encode()
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + plain)
        yield "base64", whole[(0, 2, 3)[offset] : len(whole) - 4]
