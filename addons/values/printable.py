"""Makes text that others wrote safe to show on a terminal or a page."""

import re
from typing import Final

_REPLACED: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters, which a terminal obeys
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # characters that change the direction of text (Unicode annex 9)
    "\u2028\u2029\u00ad\u200b\u2060-\u2064\ufeff\ud800-\udfff]"  # line ends, invisible characters, surrogates
)


def printable(text: str) -> str:
    """The text with ``?`` for each character that is invisible, or that controls how text is shown."""
    return _REPLACED.sub("?", text)
