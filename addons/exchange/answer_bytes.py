"""Answers as bytes: heads, and the refusals that the sidecar gives by itself. Framing towards callers is made here."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Final, Literal

from addons.foundry.envelope import ErrorFormat, render
from addons.foundry.refusals import Refusal

type Fields = Sequence[tuple[bytes, bytes]]
type Framing = Literal["length", "chunked", "close", "none"]
"""How the caller knows where a body ends: by the length among the fields, by chunks, by the connection's end; or
there is no body."""

CLOSE: Final = (b"Connection", b"close")
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

_PHRASES: Final = {status.value: status.phrase.encode() for status in HTTPStatus}
_BODILESS: Final = frozenset({204, 304})


def head(status: int, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Status line and fields, to the blank line."""
    lines = [b"HTTP/1.1 %d %s" % (status, _PHRASES.get(status, b""))]
    lines += [name + b": " + value for name, value in fields]
    return b"\r\n".join((*lines, b"", b""))


def framing_of(status: int, *, version: str, method: str, length: bool) -> Framing:
    """How an answer is framed. ``length``: its length is known and among its fields."""
    if method == "HEAD" or status in _BODILESS:
        return "none"
    if length:
        return "length"
    return "chunked" if version == "1.1" else "close"


def chunk(payload: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def refusal_bytes(
    refusal: Refusal, error_format: ErrorFormat, *, close: bool, method: str = "POST", more: Fields = ()
) -> bytes:
    """The whole answer for a refusal, as bytes. ``more`` are further header fields."""
    status, headers, body = render(refusal, error_format)
    fields = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    fields += [*more, (b"Content-Length", b"%d" % len(body))]
    if close:
        fields = [field for field in fields if field[0] != b"Connection"] + [CLOSE]
    return head(status, fields) + (b"" if method == "HEAD" else body)
