"""Addon: a call that is refused by its headers is answered at once, though a large body is still on its way.

mitmproxy answers when it has read the body and holds it until then. Here the refusal goes out first, and what comes
of the body is dropped as it comes, so that the connection can serve the next call; were it closed instead, a caller
that is still sending would see a broken connection in place of its answer. mitmproxy gives addons no way to do this,
so one function of its HTTP layer is extended. Only calls that were refused come here: none of them can leave.
"""

import asyncio
from collections.abc import Callable
from typing import Final
from weakref import WeakSet

from mitmproxy import http
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import Client
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import HttpStream
from mitmproxy.proxy.layers.http._events import RequestHeaders
from mitmproxy.proxy.layers.http._hooks import HttpResponseHeadersHook

from addons.as_tried import as_tried
from addons.calls import Calls

LARGE: Final = 64 * 1024
"""Bytes. A smaller body has mostly come with the headers, and the answer needs no detour."""

_STOCK: Final = HttpStream.state_wait_for_request_headers

EXPECTED: Final = (
    (HttpStream.send_response, "(self, already_streamed: bool = False)"),
    (HttpStream.flow_done, "(self)"),
    (HttpStream.check_killed, "(self, emit_error_hook: bool)"),
)
"""What is made use of."""


class EarlyAnswers:
    """``body`` is the seconds a refused caller has for the rest of its body; ``hang_up`` closes its connection.

    Stands behind all addons that may refuse a call at its headers.
    """

    name = "sidecar-early-answers"

    def __init__(self, calls: Calls, hang_up: Callable[[Client], None], *, body: float) -> None:
        self._calls = calls
        self._hang_up = hang_up
        self._body = body
        self._early: WeakSet[http.HTTPFlow] = WeakSet()

    def load(self, _loader: Loader) -> None:
        if not as_tried(EXPECTED, "early_answers_left_off"):
            return

        def state(stream: HttpStream, event: RequestHeaders) -> layer.CommandGenerator[None]:
            yield from _STOCK(stream, event)
            if stream.client_state == stream.state_consume_request_body and stream.flow in self._early:
                yield from _answer(stream)

        HttpStream.state_wait_for_request_headers = state  # type: ignore[method-assign]  # as said above

    def done(self) -> None:
        HttpStream.state_wait_for_request_headers = _STOCK  # type: ignore[method-assign]  # as above

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        call = self._calls.of(flow)
        length = flow.request.headers.get("content-length", "")
        if call is None or call.refusal is None or not (length.isascii() and length.isdigit()):
            return
        if int(length) > LARGE or "expect" in flow.request.headers:
            flow.request.headers.pop("expect", None)  # mitmproxy would ask for the body
            self._early.add(flow)

    def response(self, flow: http.HTTPFlow) -> None:
        if flow in self._early:
            asyncio.get_running_loop().call_later(self._body, self._look, flow.client_conn)

    def _look(self, client: Client) -> None:
        """With a next call under way the body has come. One that has not looks just like an idle connection."""
        if client.connected and self._calls.current(client) is None:
            self._hang_up(client)


def _answer(stream: HttpStream) -> layer.CommandGenerator[None]:
    """As mitmproxy answers at the body's end."""
    stream.client_state = _drop  # what came while hooks ran
    yield HttpResponseHeadersHook(stream.flow)
    if (yield from stream.check_killed(True)):
        return
    yield from stream.send_response()
    if stream.server_state == stream.state_done:
        yield from stream.flow_done()


def _drop(_event: events.Event) -> layer.CommandGenerator[None]:
    yield from ()
