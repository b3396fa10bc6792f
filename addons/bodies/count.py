"""How much a JSON text holds, told from its bytes: before any object is made of them."""

from collections.abc import Iterator
from typing import Final

_SEPARATORS: Final = (b",", b"[", b"{")
_OTHERS: Final = bytes(set(range(256)) - set(b"".join(_SEPARATORS)))
_STEP: Final = 64 * 1024  # bytes looked at before it is asked again whether they were enough; they fit into the cache

_OPENED, _MEMBER = b"{:"
_BACKSLASH: Final = b"\\"
_NO_MARKS: Final = bytes(set(range(256)) - set(b"{:}"))


def holds_more_than(body: bytes, most: int) -> bool:
    """Whether the text holds more than ``most`` values, as they are counted here.

    One, and one more for each comma, ``[`` and ``{`` outside of strings: that is each value at any level once, but an
    empty list or object twice. What is no JSON gets some answer, and no error; it is for the parser.

    Three bytes hold two separators at most (``[],``). So the end of a text need not be looked at when too few bytes
    are left; and where there are few separators even with those in strings, strings need not be told apart.
    """
    seen = at = 0
    while seen < most:
        surely_few = 3 * (most - seen) // 2
        left = len(body) - at
        if left < surely_few or not left:
            return False
        end = min(at + _STEP, len(body))
        if any(body.find(each, at, end) >= 0 for each in _SEPARATORS):  # a tenth of the work where there is none
            seen += len(body[at:end].translate(None, _OTHERS))
        at = end
    seen = 0
    for piece in _outside_strings(body):
        seen += len(piece.translate(None, _OTHERS))
        if seen >= most:
            return True
    return False


def an_object_holds_more_than(body: bytes, most: int) -> bool:
    """Whether some object of the text has more than ``most`` members, its own alone.

    Of what is no JSON this is so up to the first fault, beyond which the parser makes nothing.
    """
    if body.count(b":") <= most:
        return False
    around: list[int] = []  # members so far of the objects around
    members = 0
    for mark in _marks(body):
        if mark == _MEMBER:
            members += 1
            if members > most:
                return True
        elif mark == _OPENED:
            around.append(members)
            members = 0
        elif around:
            members = around.pop()
        else:
            return False  # more is closed than was open: beyond here the parser makes nothing
    return False


def _marks(body: bytes) -> Iterator[int]:
    """``{``, ``:`` and ``}`` outside of strings."""
    for piece in _outside_strings(body):
        yield from piece.translate(None, _NO_MARKS)


def _outside_strings(body: bytes) -> Iterator[bytes]:
    """What stands outside of strings, a step at a time: no single operation keeps other threads waiting."""
    in_string = escaped = False
    for at in range(0, len(body), _STEP):
        step = body[at + escaped : at + _STEP].replace(_BACKSLASH * 2, b"")
        escaped = step.endswith(_BACKSLASH)
        parts = step.replace(_BACKSLASH + b'"', b"").split(b'"')
        yield b"".join(parts[in_string::2])
        in_string ^= len(parts) % 2 == 0
