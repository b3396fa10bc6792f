"""Addon: a provider that can't be reached, or falls silent, ends the call in time; so does a caller that dawdles.

mitmproxy has one timeout for both directions, which closes the caller's connection without a word. Here the
provider's connection is cut instead; the caller then gets the refusal, or the error event, of `relay`.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final, Literal
from weakref import WeakKeyDictionary

from mitmproxy import http
from mitmproxy.connection import Client, Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.call import Call
from addons.calls import Calls
from addons.egress import Egress
from addons.foundry.refusals import Refusal

GRACE: Final = 2.0  # seconds for a call that was cut to end; then its caller is hung up on


class Deadlines:
    """In seconds: ``body`` for the caller to send it, ``connect``, ``read`` which is silence before the answer or
    within it, ``total`` for the whole answer. ``hang_up`` closes a caller's connection.
    """

    name = "sidecar-deadlines"

    def __init__(  # noqa: PLR0913 - the times stand by name
        self,
        calls: Calls,
        egress: Egress,
        hang_up: Callable[[Client], None],
        *,
        body: float,
        connect: float,
        read: float,
        total: float | None = None,
    ) -> None:
        self._calls = calls
        self._egress = egress
        self._hang_up = hang_up
        self._body = body
        self._connect = connect
        self._read = read
        self._total = math.inf if total is None else total
        self._connecting: WeakKeyDictionary[http.HTTPFlow, Server] = WeakKeyDictionary()
        self._timers: WeakKeyDictionary[http.HTTPFlow, asyncio.TimerHandle] = WeakKeyDictionary()

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        if call := self._calls.of(flow):
            self._timers[flow] = asyncio.get_running_loop().call_later(self._body, self._give_up, flow, call)

    def _give_up(self, flow: http.HTTPFlow, call: Call) -> None:
        call.refusal = call.refusal or Refusal("body_timeout", "The body did not arrive in listen.body_seconds.")
        self._hang_up(flow.client_conn)

    def request(self, flow: http.HTTPFlow) -> None:
        self._stop(flow)
        call = self._calls.of(flow)
        if call and call.released_at is not None:
            self._look_again(flow, call, min(self._connect, self._read, self._total))

    def server_connect(self, data: ServerConnectionHookData) -> None:
        if known := self._calls.current(data.client):
            self._connecting[known[0]] = data.server

    def response(self, flow: http.HTTPFlow) -> None:
        self._stop(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._stop(flow)

    def _look_again(self, flow: http.HTTPFlow, call: Call, delay: float) -> None:
        self._timers[flow] = asyncio.get_running_loop().call_later(delay, self._look, flow, call)

    def _look(self, flow: http.HTTPFlow, call: Call) -> None:
        assert call.released_at is not None
        connected = flow.server_conn.timestamp_tls_setup is not None
        end = call.last_activity + self._read if connected else call.released_at + self._connect
        if (left := min(end, call.released_at + self._total) - time.monotonic()) > 0:
            self._look_again(flow, call, min(left, self._read))
        else:
            self.cut(flow, call, "read" if connected else "connect")

    def cut(self, flow: http.HTTPFlow, call: Call, why: Literal["connect", "read", "shutdown"]) -> None:
        """Ends a call; `relay` tells the caller, if the call has left for the provider."""
        call.cut = why
        server = flow.server_conn if flow.server_conn.connected else self._connecting.get(flow)
        if server is not None:
            self._egress.cut(server)
        self._stop(flow)
        # where mitmproxy itself has failed, nobody tells the caller
        self._timers[flow] = asyncio.get_running_loop().call_later(GRACE, self._hang_up, flow.client_conn)

    def _stop(self, flow: http.HTTPFlow) -> None:
        if timer := self._timers.pop(flow, None):
            timer.cancel()
