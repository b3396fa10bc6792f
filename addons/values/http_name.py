"""The names in HTTP's grammar."""

from typing import Final

NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""What RFC 9110 calls a token: a pattern for names of headers and of parameters (§5.6.2)."""
