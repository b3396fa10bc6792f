"""The names in HTTP's grammar."""

from typing import Final

NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""A pattern for names of headers and of parameters: what RFC 9110 §5.6.2 calls a token."""
