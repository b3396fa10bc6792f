"""An exchange as a flow of mitmproxy's: its request without secrets, and the answer that the app got."""

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from mitmproxy import connection, http

from addons.call import Call
from addons.exchange.observing import Observed
from addons.exchange.request import SECRET_FIELDS
from addons.foundry.envelope import ErrorFormat, render
from addons.gates.route import without_port

SHOWN: Final = frozenset((
    b"host", b"connection", b"expect", b"upgrade", b"content-type", b"content-length", b"content-encoding",
    b"transfer-encoding", b"accept", b"accept-encoding", b"user-agent", b"attribution", b"traceparent",
    b"tracestate", b"x-b3-traceid", b"x-b3-spanid", b"x-b3-sampled", b"idempotency-key", b"x-client-request-id",
))  # fmt: skip
"""Header fields whose values a flow keeps. Any other may be a secret, so its name alone is kept."""

LEFT_OUT: Final = b"x-stainless-"
"""How the fields begin in which OpenAI's clients tell of themselves: nine rows, above each conversation."""

SHOWN_OF_FOUNDRY: Final = frozenset((b"content-type", b"content-length", b"transfer-encoding", b"date"))
"""The same for an answer of Foundry's own, whose fields may give an app its cookies and tokens."""

HIDDEN: Final = b"[REDACTED]"

type Fields = tuple[tuple[bytes, bytes], ...]

_SECRET: Final = frozenset(name.encode() for name in SECRET_FIELDS)


def flow_of(exchange: Observed) -> http.HTTPFlow:
    """The flow of an exchange whose head has come. It has the call's id."""
    call, now = exchange.call, time.time()
    client = connection.Client(
        peername=(call.peer or "", 0),
        sockname=("", 0),
        timestamp_start=now,
        timestamp_tls_setup=now if call.encrypted else None,
        tls=call.encrypted,
        sni=call.server_name,
    )
    flow = http.HTTPFlow(client, connection.Server(address=None), live=True)
    flow.id = call.id
    flow.request = _request(exchange, now)
    return flow


def _request(exchange: Observed, now: float) -> http.Request:
    call, request = exchange.call, exchange.request
    scheme = request.target.partition("://")[0] if call.authority else "https" if call.encrypted else "http"
    host, port = _host_and_port(call.authority or call.header("host") or "", scheme)
    return http.Request(
        host=host,
        port=port,
        method=call.method.encode(),
        scheme=scheme.encode("latin-1"),
        authority=call.authority.encode("latin-1"),
        path=call.target.partition("?")[0].encode("latin-1"),  # a query string may hold a token
        http_version=f"HTTP/{request.version}".encode(),
        headers=http.Headers(shown_fields(request.fields)),
        content=b"",
        trailers=None,
        timestamp_start=now,
        timestamp_end=None,
    )


def shown_fields(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """A request's header fields without secrets, and without those of which nobody asks."""
    kept = ((name, value) for name, value in fields if name.lower() not in _SECRET and not is_left_out(name))
    return tuple(_hidden(kept, SHOWN))


def is_left_out(name: bytes) -> bool:
    return name.lower().startswith(LEFT_OUT)


def put_head(flow: http.HTTPFlow, exchange: Observed) -> None:
    """The answer has a head, and passes."""
    assert exchange.call.status is not None
    fields = exchange.relay.outgoing
    if exchange.call.to == "foundry":
        fields = tuple(_hidden(fields, SHOWN_OF_FOUNDRY))
    flow.response = http.Response.make(exchange.call.status, b"", http.Headers(fields))
    flow.response.headers.fields = tuple(fields)  # `make` adds a length


def put_refusal(flow: http.HTTPFlow, call: Call, error_format: ErrorFormat) -> None:
    """The answer that the sidecar gave by itself."""
    assert call.refusal is not None
    status, headers, body = render(call.refusal, error_format)
    flow.response = http.Response.make(status, body, headers)


def plain(value: Any) -> Any:
    """A record's value as mitmproxy can save it."""
    match value:
        case dict():
            return {str(name): plain(member) for name, member in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(member) for member in value]
        case str():
            return str(value)  # an enum's member too
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)


def _hidden(fields: Iterable[tuple[bytes, bytes]], shown: frozenset[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in fields:
        yield name, value if name.lower() in shown else HIDDEN


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    """For what a page shows; nothing is dialled by it."""
    host = without_port(authority)
    port = authority.rpartition(":")[2]
    known = port.isascii() and port.isdigit() and len(port) < 6 and authority.removesuffix(f":{port}") != authority  # noqa: PLR2004 - digits of a port
    return host, int(port) if known else 443 if scheme == "https" else 80
