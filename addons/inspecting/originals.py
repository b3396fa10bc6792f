"""What the caller itself sent, as a flow keeps it.

The Checkpoint replaces ``flow.request`` by the request that leaves, so that whoever looks at a flow sees what the
provider saw. Where flows are looked at, ``keep`` puts the caller's own request beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mitmproxy import http

KEY: Final = "sidecar.request"
"""In ``flow.metadata``: ``{method, target, headers: [[name, value], …], body: bytes}``, plain values alone."""

MAX_KEPT: Final = 1024 * 1024
"""Bytes of a body up to which a request is kept: a view holds very many flows."""


@dataclass(frozen=True, slots=True)
class Original:
    """``target`` is the path, or a whole URL where the caller sent one; ``body`` is as it came, still encoded."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


def keep(flow: http.HTTPFlow) -> None:
    """Puts the request into the flow's metadata. Secret headers must be off it already."""
    sent = _read(flow.request)
    if len(sent.body) <= MAX_KEPT:
        headers = [list(header) for header in sent.headers]
        flow.metadata[KEY] = {"method": sent.method, "target": sent.target, "headers": headers, "body": sent.body}


def original(flow: http.HTTPFlow) -> Original | None:
    """The caller's own request; None where the flow holds only the one that left.

    A flow of a refused call was never rewritten, nor one that no sidecar saw: there it is ``flow.request``.
    """
    if kept := flow.metadata.get(KEY):
        headers = tuple((str(name), str(value)) for name, value in kept["headers"])
        return Original(kept["method"], kept["target"], headers, kept["body"])
    return _read(flow.request)


def header_table(fields: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Header fields by lower-case name, the values of one name in the order they came."""
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in fields:
        headers[name.lower()] = (*headers.get(name.lower(), ()), value)
    return headers


def header_fields(request: http.Request) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.fields)


def _read(request: http.Request) -> Original:
    target = f"{request.scheme}://{request.authority}{request.path}" if request.authority else request.path
    return Original(request.method, target, header_fields(request), request.raw_content or b"")
