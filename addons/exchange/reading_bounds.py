"""Bounds of what a caller may send that is no call yet."""

from typing import Final

MOST_HEAD: Final = 256 * 1024
"""Bytes of a head. Over the route gate's own bounds, so that a head it refuses is read, refused and recorded."""

USUAL_HEAD: Final = 8 * 1024
"""Bytes of a head that take nothing of what all longer heads may hold together."""

MOST_FIELDS: Final = 1_000
"""Header fields of a head."""

MOST_WAITING: Final = 64
"""Requests that wait for their turn. What comes behind is kept as bytes: as a request it takes many times as much."""

MOST_FRAMING: Final = 64 * 1024
"""Bytes in a row that frame a body and hold nothing of it: chunk sizes, their extensions, trailers."""

MOST_EMPTY: Final = 64
"""Bytes of empty lines before a request; some old clients send one (RFC 9112 §2.2)."""
