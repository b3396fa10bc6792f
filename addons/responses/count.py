"""How many values a JSON text holds, told from its bytes: before any object is made of them."""

import functools
import re
from typing import Final

_SEPARATORS: Final = b",[{"
_OTHERS: Final = bytes(set(range(256)) - set(_SEPARATORS))


def holds_more_than(body: bytes, most: int) -> bool:
    """Whether the text holds more than ``most`` values, as they are counted here.

    One, and one more for each comma, ``[`` and ``{`` outside of strings: that is each value at any level once, but an
    empty list or object twice. What is no JSON gets some answer, and no error; it is for the parser.
    """
    if 3 * most > 2 * len(body):  # three bytes hold two at most: "[],"
        return False
    if len(body.translate(None, _OTHERS)) < most:  # strings hold some of these, which only makes them more
        return False
    return _more_than(most).match(body) is not None


@functools.lru_cache(maxsize=4)
def _more_than(most: int) -> re.Pattern[bytes]:
    """Matches so many separators, each with what comes before it. Possessive: nothing is kept for a way back."""
    string = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    other = rb'[^",\[{]*+'
    return re.compile(rb"(?s:%b(?:%b%b)*+[,\[{]){%d}+" % (other, string, other, max(most, 1)))
