"""What an app itself sent, and what left of it, as a flow keeps the two.

``flow.request`` is what the app sent, less its secrets. What left for the provider lies beside it in the flow's
metadata. In files saved by 0.1 it is the other way round.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from mitmproxy import http

from addons.call import Outbound

LEFT: Final = "sidecar.left"
"""In ``flow.metadata``: ``{method, url, headers: [[name, value], …], body: bytes or None}``, plain values alone."""

SENT_BY_0_1: Final = "sidecar.request"
"""In the metadata of a flow saved by 0.1: what the app sent, where the flow's request is what left."""

STAND_IN_BY_0_1: Final = "Bearer provider-key-stand-in-"
"""How such a request's credential begins. No flow of today has any."""

MAX_KEPT: Final = 1024 * 1024
"""Bytes of a body that left up to which it is kept: a view holds very many flows."""


@dataclass(frozen=True, slots=True)
class Original:
    """``target`` is the path, or a whole URL where the caller sent one; ``body`` is as it came, still encoded."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


def keep_left(flow: http.HTTPFlow, outbound: Outbound) -> None:
    """Puts what leaves into the flow's metadata; the credential it leaves with is in no ``Outbound``."""
    flow.metadata[LEFT] = {
        "method": outbound.method,
        "url": f"https://{outbound.host}:{outbound.port}{outbound.path}",
        "headers": [list(header) for header in outbound.headers],
        "body": outbound.body if len(outbound.body) <= MAX_KEPT else None,
    }


def left(flow: http.HTTPFlow) -> dict[str, Any] | None:
    """What left, as ``LEFT`` has it; None where nothing did."""
    if SENT_BY_0_1 in flow.metadata:
        headers = [list(header) for header in _fields(flow.request)]
        return {"headers": headers, "body": flow.request.raw_content or b""}
    return flow.metadata.get(LEFT)


def original(flow: http.HTTPFlow) -> Original | None:
    """What the app sent; None for a flow saved by 0.1 that holds only what left."""
    if kept := flow.metadata.get(SENT_BY_0_1):
        headers = tuple((str(name), str(value)) for name, value in kept["headers"])
        return Original(kept["method"], kept["target"], headers, kept["body"])
    request = flow.request
    if request.headers.get("authorization", "").startswith(STAND_IN_BY_0_1):
        return None
    target = f"{request.scheme}://{request.authority}{request.path}" if request.authority else request.path
    return Original(request.method, target, _fields(request), request.raw_content or b"")


def header_table(fields: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Header fields by lower-case name, the values of one name in the order they came."""
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in fields:
        headers[name.lower()] = (*headers.get(name.lower(), ()), value)
    return headers


def _fields(request: http.Request) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.fields)
