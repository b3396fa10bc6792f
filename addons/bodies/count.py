"""How many values a JSON text holds, told from its bytes: before any object is made of them."""

import functools
import re
from typing import Final

_SEPARATORS: Final = (b",", b"[", b"{")
_OTHERS: Final = bytes(set(range(256)) - set(b"".join(_SEPARATORS)))
_STEP: Final = 64 * 1024  # bytes looked at before it is asked again whether they were enough; they fit into the cache


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
    return _more_than(most).match(body) is not None


@functools.lru_cache(maxsize=4)
def _more_than(most: int) -> re.Pattern[bytes]:
    """Matches so many separators, each with what comes before it. Possessive: nothing is kept for a way back."""
    string = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    other = rb'[^",\[{]*+'
    return re.compile(rb"(?s:%b(?:%b%b)*+[,\[{]){%d}+" % (other, string, other, max(most, 1)))
