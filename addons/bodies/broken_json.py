"""A JSON object that broke off, made whole again: what must follow so that a parser takes it, with members of ours."""

import re
from typing import Final

from addons.bodies.abridgement import Abridgement

_HALF_WORD: Final = re.compile(rb"(?:t|tr|tru|f|fa|fal|fals|n|nu|nul)\Z")
_HALF_NUMBER: Final = re.compile(rb"(?:[+-]|\d[.eE])\Z")
_WORDS: Final = {b"t": b"true", b"f": b"false", b"n": b"null"}


def rest_of(read: Abridgement, recent: bytes, members: bytes) -> bytes | None:
    """What makes a whole object of the document that ``read`` has seen; ``members`` become its last.

    ``recent``: the last bytes of the document, four at least where it has them. ``members``: as they stand between
    the brackets; of two members of one name parsers take the last. None where nothing can help: the document is
    whole, is no object, or could not be read.
    """
    if not (read.brackets or read.followed or read.in_string or read.stopped):
        return b"{" + members + b"}"
    if read.stopped or not read.brackets.startswith(b"{"):
        return None
    rest = _rest_of_token(read, recent) + _rest_of_member(read)
    rest += b"".join(b"}" if bracket == ord("{") else b"]" for bracket in reversed(read.brackets[1:]))
    is_first = read.brackets == b"{" and read.last == b"{" and not read.followed
    return rest + (b"" if is_first else b",") + members + b"}"


def _rest_of_token(read: Abridgement, recent: bytes) -> bytes:
    if read.in_string:
        missing = {0: b"", 1: b"\\"}.get(len(read.escape), b"0" * (len(b"\\u0000") - len(read.escape)))
        return missing + b'"'
    if half := _HALF_WORD.search(recent):
        return _WORDS[half[0][:1]][len(half[0]) :]
    return b"0" if _HALF_NUMBER.search(recent) else b""


def _rest_of_member(read: Abridgement) -> bytes:
    """What ends the member or the list's value of which the last token is a part."""
    if read.brackets.endswith(b"{") and read.last in {b"{", b","}:
        return b":null" if read.followed else b'"":null' if read.last == b"," else b""
    return b"null" if read.last in {b":", b","} and not read.followed else b""
