"""Names in HTTP: their grammar, and those that end at the next hop."""

from typing import Final

NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""A pattern for names of headers and of parameters: what RFC 9110 §5.6.2 calls a token."""

HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
"""Fields of one connection, whichever way they go; what ``Connection`` names comes to them (RFC 9110 §7.6.1)."""
