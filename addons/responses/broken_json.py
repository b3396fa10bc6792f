"""A JSON object that broke off, made whole again: what must follow so that a parser takes it, with members of ours."""

import re
from typing import Final

from addons.responses.abridgement import Abridgement

_HALF_WORD: Final = re.compile(rb"(?:t|tr|tru|f|fa|fal|fals|n|nu|nul)\Z")
_HALF_NUMBER: Final = re.compile(rb"(?:[+-]|\d[.eE])\Z")
_WORDS: Final = {b"t": b"true", b"f": b"false", b"n": b"null"}


def rest_of(read: Abridgement, recent: bytes, members: bytes) -> bytes | None:
    """What makes a whole object of the document that ``read`` has seen; its last members are ``members``.

    ``recent``: the document's last bytes, five at least. ``members`` as they stand between the brackets; of two
    members of one name parsers take the last. None where nothing can help: the document is whole, no object, or
    could not be read.
    """
    if not (read.brackets or read.followed or read.in_string or read.stopped):
        return b"{" + members + b"}"
    if read.stopped or not read.brackets.startswith(b"{"):
        return None
    rest = _rest_of_value(read, recent)
    if len(read.brackets) > 1:
        rest += _rest_of_place(read)
        rest += b"".join(b"}" if bracket == ord("{") else b"]" for bracket in reversed(read.brackets[1:]))
    elif read.followed and read.last in {b"{", b","}:  # a name without its value
        rest += b":null"
    elif read.last == b":" and not read.followed:
        rest += b"null"
    first = len(read.brackets) == 1 and not read.followed and read.last in {b"{", b","}
    return rest + (b"" if first else b",") + members + b"}"
