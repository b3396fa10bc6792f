"""A JSON document of any size, read in pieces split anywhere: a short one with the few members that are wanted.

How: a stack of the open brackets tells where a piece ends. Directly inside a wanted object the document is read token
by token. Whatever lies deeper, or is not wanted, passes in long runs, which one regular expression matches; it is
copied where the value is wanted and forgotten where it is not. So memory is bounded by what is kept.

Documents are not validated: of a valid one the wanted members are told exactly, in their order, duplicates and all;
of any other as much as could be made out.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

type WantedMembers = Mapping[str, WantedMembers | None]
"""Wanted members by name: None for a whole value, or the members wanted of the object that stands there."""

MAX_VALUE_BYTES: Final = 16 * 1024  # of one wanted value
MAX_BYTES: Final = 64 * 1024  # of all of them, about
MAX_ANSWER_DEPTH: Final = 1000  # Python's json, which reads the answer in a caller's program, gives up at about there
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_MAX_KEY_BYTES: Final = 128  # a wanted name with every character escaped is shorter

_SPACE: Final = re.compile(rb"[ \t\r\n]+")
_LITERAL: Final = re.compile(rb'[^ \t\r\n"{}\[\]:,]+')
_LITERALS_BEGIN: Final = b"-0123456789tfn"
_STRING: Final = re.compile(rb'(?:[^"\\]++|\\(?:u[0-9A-Fa-f]{4}|[^u]))*+')
_LONGEST_ESCAPE: Final = len(b"\\u0000")
_WHOLE_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
# Text without a bracket, and what nests at most three deep in it: the fewer brackets are taken one by one, the faster.
# (No group may capture here: Python 3.13 fails on groups that capture inside possessive repeats.)
_FLAT = rb'[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+"'
_LEAF = rb"[\[{](?:" + _FLAT + rb")*+[\]}]"
_TWIG = rb"[\[{](?:" + _FLAT + rb"|" + _LEAF + rb")*+[\]}]"
_BRANCH = rb"[\[{](?:" + _FLAT + rb"|" + _TWIG + rb")*+[\]}]"
_RUN: Final = re.compile(rb"(?:" + _FLAT + rb"|" + _BRANCH + rb")*+", re.DOTALL)
_QUOTE, _OPENING, _CLOSING, _BEFORE_KEY = b'"', (b"{", b"["), (b"}", b"]"), (b"{", b",")


class Abridgement:
    """Feed it a document piece by piece; it never raises.

    Attributes:
        unread: a wanted value was too long to keep, and null stands in its place; or the document is too deep,
            or no JSON.
    """

    def __init__(self, wanted: WantedMembers) -> None:
        self.unread = False
        self.stopped = False  # nothing behind this point is read
        # where the document stands
        self.brackets = bytearray()  # the open ones
        self.last = b""  # the last bracket, comma or colon
        self.followed = False  # whether anything but white space came since
        self.in_string = False
        self.escape = b""  # the beginning of an escape whose rest is still to come
        # what is kept of it
        self._kept = bytearray()
        self._value_at: int | None = None  # where in ``_kept`` the value begins that is being copied
        self._path: list[WantedMembers] = []  # what is wanted of the outermost open brackets, all of them objects
        self._wanted: WantedMembers | None = wanted  # of the value that comes next
        self._skip = False  # the value that comes next is not wanted at all
        self._key = bytearray()  # the last one of a wanted object, as it is written
        self._in_key = False
        self._in_literal = False

    @property
    def complete(self) -> bool:
        """Whether the document is complete, with nothing after it."""
        return self.followed and not (self.brackets or self.in_string or self.stopped)

    def document(self) -> bytes:
        """The document reduced to the wanted members. A value that is incomplete becomes null."""
        kept = bytes(self._kept)
        if self._value_at is not None and not self.complete:
            kept = kept[: self._value_at] + b"null"
        return kept + b"}" * len(self._path)

    def feed(self, piece: bytes) -> None:
        if not self.followed and not self.brackets:
            piece = piece.lstrip(_BYTE_ORDER_MARK)
        piece, self.escape = self.escape + piece, b""
        at = 0
        while at < len(piece) and not self.stopped:
            if self.in_string:
                at = self._string(piece, at)
            elif len(self.brackets) > len(self._path):
                at = self._inside(piece, at)
            else:
                at = self._token(piece, at)

    def _string(self, piece: bytes, at: int) -> int:
        """Reads on in a string, to its end or the end of the piece."""
        found = _STRING.match(piece, at)
        end = found.end() if found else at
        ended = piece.startswith(_QUOTE, end)
        if not ended and end < len(piece):  # an escape that is not whole, or none at all
            if len(piece) - end < _LONGEST_ESCAPE:
                self._copy(piece, at, end)
                self.escape = piece[end:]
                return len(piece)
            end += 1
        self._copy(piece, at, end + ended)
        if ended:
            self.in_string = False
            if self._in_key:
                self._in_key = False
            elif len(self.brackets) == len(self._path):
                self._value_at = None
        return end + ended

    def _inside(self, piece: bytes, at: int) -> int:
        """Reads on inside a value that is an object or a list, copied whole or not at all, up to its next bracket."""
        found = _RUN.match(piece, at)
        end = found.end() if found else at
        self._pass_run(piece[at:end])
        byte = piece[end : end + 1]
        self._copy(piece, at, end + 1)
        if byte == _QUOTE:
            self.in_string = self.followed = True
        elif byte in _OPENING:
            self._open(byte)
        elif byte in _CLOSING:
            self._close(byte)
            if len(self.brackets) == len(self._path):
                self._value_at = None
        return end + 1

    def _pass_run(self, run: bytes) -> None:
        text = _WHOLE_STRING.sub(_QUOTE, run) if _QUOTE in run else run
        separator = max(text.rfind(b","), text.rfind(b":"))
        behind = text[separator + 1 :].strip()
        if separator >= 0:
            self.last, self.followed = text[separator : separator + 1], False
        if behind:
            self.followed = True
        if behind.endswith(_CLOSING):  # the separator lies inside of what this bracket closes
            self.last = behind[-1:]

    def _token(self, piece: bytes, at: int) -> int:
        """Reads one token outside of all brackets or directly inside a wanted object."""
        if literal := _LITERAL.match(piece, at):
            return self._literal(piece, at, literal.end())
        if self._in_literal:
            self._in_literal = False
            self._value_at = None
        if space := _SPACE.match(piece, at):
            return space.end()
        byte = piece[at : at + 1]
        if byte == _QUOTE:
            self._begin_string()
            self._copy(piece, at, at + 1)
        elif byte in _OPENING:
            self._begin_value(is_object=byte == b"{")
            self._copy(piece, at, at + 1)
            self._open(byte)
        elif self._path:
            self._end_member(byte)
        else:
            self._stop()  # a comma, a colon or a closing bracket where no bracket is open
        return at + 1

    def _end_member(self, byte: bytes) -> None:
        """A colon, a comma or a closing bracket directly inside a wanted object."""
        if byte in _CLOSING:
            self._close(byte)
            self._path.pop()
            self._kept += b"}"
            return
        self.last, self.followed = byte, False
        if byte == b":":
            name = _name(self._key)
            self._skip = name not in self._path[-1]
            self._wanted = self._path[-1].get(name)

    def _literal(self, piece: bytes, at: int, end: int) -> int:
        if not self._in_literal:  # else it began in the last piece
            if piece[at] not in _LITERALS_BEGIN:
                self._stop()
            self._begin_value()
        self._in_literal = self.followed = True
        self._copy(piece, at, end)
        return end

    def _begin_string(self) -> None:
        if self._path and self.last in _BEFORE_KEY and not self.followed:
            self._in_key = True
            self._key.clear()
        else:
            self._begin_value()
        self.in_string = self.followed = True

    def _begin_value(self, *, is_object: bool = False) -> None:
        """A value begins directly inside a wanted object, or the document does."""
        if self.followed or (self._path and self.last != b":"):
            self._stop()
            return
        if self._skip:
            return
        if len(self._kept) > MAX_BYTES:
            self.unread = True
            return
        if self._path:
            self._kept += (b"" if self._kept.endswith(b"{") else b",") + self._key + b":"
        if is_object and self._wanted is not None:
            self._kept += b"{"
            self._path.append(self._wanted)
        else:
            self._value_at = len(self._kept)

    def _copy(self, piece: bytes, start: int, end: int) -> None:
        if self._in_key:
            self._key += piece[start : min(end, start + _MAX_KEY_BYTES - len(self._key))]
        elif self._value_at is not None:
            self._kept += piece[start:end]
            if len(self._kept) - self._value_at > MAX_VALUE_BYTES:
                self._kept[self._value_at :] = b"null"
                self._value_at = None
                self.unread = True

    def _open(self, bracket: bytes) -> None:
        self.brackets += bracket
        self.last, self.followed = bracket, False
        if len(self.brackets) > MAX_ANSWER_DEPTH:
            self._stop()

    def _close(self, bracket: bytes) -> None:
        opened = b"{" if bracket == b"}" else b"["
        if not self.brackets.endswith(opened):
            self._stop()
            return
        self.brackets.pop()
        self.last, self.followed = bracket, True

    def _stop(self) -> None:
        self.stopped = self.unread = True


def _name(key: bytes | bytearray) -> str:
    """The name that a key stands for; empty for one that was too long to be kept whole."""
    try:
        return str(json.loads(key))
    except ValueError:
        return ""
