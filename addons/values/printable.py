"""What others wrote, as it may stand on a terminal or a page."""

import re
from typing import Final

_ORDERS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # to terminals
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # to turn a line round (Unicode's bidirectional algorithm)
    "\u2028\u2029\u00ad\u200b\u2060-\u2064\ufeff\ud800-\udfff]"  # line ends, nothing at all, halves of characters
)


def printable(text: str) -> str:
    """With ``?`` for each character that is nothing to see, or an order to whatever shows it."""
    return _ORDERS.sub("?", text)
