"""Addon: opens the Call, runs the gates, and alone lets a call out.

mitmproxy forwards a request when an addon fails. So the first statement of both hooks arms a refusal, and
the last statement of ``request`` alone takes it off, after every gate has returned (DESIGN "One door").
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final
from weakref import WeakKeyDictionary

import structlog
from mitmproxy import http
from mitmproxy.proxy.mode_specs import RegularMode

from addons.call import Call
from addons.calls import Calls
from addons.egress import Egress
from addons.foundry.envelope import ErrorFormat, render
from addons.foundry.refusals import Refusal
from addons.foundry.trace import read_trace
from addons.gates.order import run
from addons.inspecting.originals import header_fields, header_table, keep
from addons.rules import InForce, Rules

SECRET_HEADERS: Final[tuple[str, ...]] = ("authorization", "proxy-authorization", "cookie", "api-key", "x-api-key")
"""Taken off the flow before any view of it can be saved or shown."""

SHOWN_HEADERS: Final = frozenset((
    b"host", b"connection", b"expect", b"upgrade", b"content-type", b"content-length", b"content-encoding",
    b"transfer-encoding", b"accept", b"accept-encoding", b"user-agent", b"attribution", b"traceparent",
    b"tracestate", b"x-b3-traceid", b"x-b3-spanid", b"x-b3-sampled", b"idempotency-key", b"x-client-request-id",
))  # fmt: skip
"""Those whose values the flow keeps; of any other, which may be a secret of a kind nobody knows here, the name."""

HIDDEN: Final = b"[REDACTED]"

_SECRET: Final = frozenset(name.encode() for name in SECRET_HEADERS)

_log = structlog.get_logger("sidecar.checkpoint")


class Checkpoint:
    """``keep_requests`` has the flow keep what the caller sent beside what left; only for looking at flows.

    ``before_release`` is awaited once every gate has passed; it may still refuse the call.
    """

    name = "sidecar-checkpoint"

    def __init__(  # noqa: PLR0913 - one parameter a part it works with
        self,
        calls: Calls,
        egress: Egress,
        in_force: InForce,
        error_format: ErrorFormat = "hybrid",
        *,
        keep_requests: bool = False,
        before_release: Sequence[Callable[[Call], Awaitable[None]]] = (),
    ) -> None:
        self._calls = calls
        self._egress = egress
        self._in_force = in_force
        self._rules: WeakKeyDictionary[http.HTTPFlow, Rules] = WeakKeyDictionary()  # those the call began under
        self._error_format: ErrorFormat = error_format
        self._keep_requests = keep_requests
        self._before_release = before_release
        # one for all calls: it stands in the way, and is only sent where a fault leaves it there
        self._armed = response_of(Refusal("fault", "The call was not judged, so it was not sent."), error_format)

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        flow.response = self._armed
        call = None
        try:
            call = _open(flow)
            self._calls.open(flow, call)
            rules = self._rules[flow] = self._in_force.rules
            await run(rules.gates.head, call)
        except BaseException as error:  # noqa: BLE001 - whatever escapes, the call must not
            self._refuse(flow, call, error)

    async def request(self, flow: http.HTTPFlow) -> None:
        call, body = self._calls.of(flow), flow.request.raw_content or b""
        if call is not None and call.to == "foundry":
            flow.request.data.content = b""  # no gate looks into it, and it may hold credentials
        if call is not None and call.refusal is not None and flow.response is not None:
            return
        if flow.response is None:
            flow.response = self._armed
        try:
            call = _seen_before(call)
            call.wire_body = body
            rules = self._rules[flow]
            await run(rules.gates.body, call)
            call.wire_body = b""
            await self._leave(flow, call, rules)
        except BaseException as error:  # noqa: BLE001 - whatever escapes, the call must not
            self._refuse(flow, call, error)
        else:
            flow.response = None

    async def _leave(self, flow: http.HTTPFlow, call: Call, rules: Rules) -> None:
        """Turns the flow into what was judged; the refusal still stands when this returns."""
        expected = rules.every_gate[call.to]
        if tuple(call.passed) != expected:
            raise RuntimeError(f"gates passed: {call.passed}, expected: {expected}")
        if call.outbound is None:
            raise RuntimeError("no gate said where the call goes")
        if self._keep_requests:
            keep(flow)
        for prepare in self._before_release:
            await prepare(call)
        await self._egress.seal(flow, call, call.outbound, rules)
        call.released_at = call.last_activity = time.monotonic()

    def _refuse(self, flow: http.HTTPFlow, call: Call | None, error: BaseException) -> None:
        refusal = error if isinstance(error, Refusal) else self._fault(error)
        refusal.__traceback__ = refusal.__cause__ = refusal.__context__ = None  # their frames would keep the flow
        if call is not None:
            call.refusal = refusal
            call.released_at = None
            call.credentials = {}
        flow.response = response_of(refusal, self._error_format)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error

    def _fault(self, error: BaseException) -> Refusal:
        _log.error("fault", exc_info=error)
        return Refusal(
            "fault",
            "The sidecar met a fault of its own; nothing was sent to the provider. Its log has the details.",
            detail=type(error).__name__,
        )


def response_of(refusal: Refusal, error_format: ErrorFormat) -> http.Response:
    """A refusal as mitmproxy sends it."""
    status, headers, body = render(refusal, error_format)
    return http.Response.make(status, body, headers)


def _open(flow: http.HTTPFlow) -> Call:
    request = flow.request
    headers = header_table(header_fields(request))
    credentials = {name: headers.pop(name) for name in SECRET_HEADERS if name in headers}
    target = request.path
    request.path = target.partition("?")[0]  # a query string may hold a token
    request.headers.fields = tuple(_shown(request.headers.fields))
    return Call(
        method=request.method,
        target=target,
        headers=headers,
        trace=read_trace(headers),
        authority=request.authority,
        listener="proxy" if isinstance(flow.client_conn.proxy_mode, RegularMode) else "reverse",
        encrypted=flow.client_conn.tls_established,
        server_name=flow.client_conn.sni,
        credentials=credentials,
    )


def _shown(fields: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in fields:
        lowered = name.lower()
        if lowered not in _SECRET:
            yield name, value if lowered in SHOWN_HEADERS else HIDDEN


def _seen_before(call: Call | None) -> Call:
    if call is None:
        raise RuntimeError("the request was not seen at its headers")
    return call
