"""Addon: which address may be dialled, and the provider's key, put on at the last moment.

The key never stands in a flow: the request carries a stand-in, and the key takes its place in the bytes handed
to TLS. So no view, saved flow, export or log can hold it (MITMPROXY §5).
"""

import asyncio
import secrets
import time
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary, ref

from mitmproxy import ctx, http, tls
from mitmproxy.connection import Client, Connection, Server
from mitmproxy.net.http import http1
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.call import Call, Outbound
from addons.passthrough import Passthrough
from addons.rules import Rules
from addons.sealed import Seal, SealedConnection

STAND_IN: Final = "provider-key-stand-in-"  # how every stand-in begins
NOT_ALLOWED: Final = "the sidecar does not dial this address"


class Egress:
    name = "sidecar-egress"

    def __init__(self, passthrough: Passthrough) -> None:
        self._passthrough = passthrough
        self._rules: WeakKeyDictionary[Client, Rules] = WeakKeyDictionary()  # of the call a client is busy with
        self._seals: dict[bytes, Seal] = {}
        self._words: WeakKeyDictionary[http.HTTPFlow, bytes] = WeakKeyDictionary()
        self._keys: WeakKeyDictionary[http.HTTPFlow, bytes] = WeakKeyDictionary()
        # weakly: what a task that has failed keeps leads back to its connection
        self._tasks: WeakKeyDictionary[Connection, ref[asyncio.Task[object]]] = WeakKeyDictionary()

    async def seal(self, flow: http.HTTPFlow, call: Call, outbound: Outbound, rules: Rules) -> None:
        """Makes the flow's request the judged one. Its key is a stand-in, good for these bytes and once.

        Raises:
            SecretError: the region's key can't be read.
        """
        key = await rules.keys[outbound.region].read()
        word = f"{STAND_IN}{secrets.token_hex(16)}"
        flow.request = request_of(outbound, word)
        head = http1.assemble_request_head(flow.request)
        self._words[flow] = word.encode()
        self._seals[word.encode()] = Seal(
            call=call,
            flow=flow,
            address=(outbound.host, outbound.port),
            word=word.encode(),
            head=head,
            body=outbound.body,
            key=key,
        )
        self._rules[flow.client_conn] = rules
        self._keys[flow] = key

    def quotes_key(self, flow: http.HTTPFlow, text: bytes) -> bool:
        """Whether a text holds the key that this call left with."""
        key = self._keys.get(flow)
        return key is not None and key in text

    async def server_connect(self, data: ServerConnectionHookData) -> None:
        server = data.server
        server.error = NOT_ALLOWED
        if self._passthrough.concerns(data):
            server.address = await self._passthrough.address_of(data)
            server.error = None
            return
        rules = self._rules.get(data.client)
        allowed = rules is not None and server.address in rules.addresses
        if not allowed or not server.tls or server.via is not None or server.transport_protocol != "tcp":
            raise NotAllowedError(f"{server.address} is no configured provider")
        if task := asyncio.current_task():  # holds this connection to its end
            self._tasks[server] = ref(task)
        server.alpn_offers = (b"http/1.1",)  # HTTP/2 would compress the stand-in out of sight
        server.error = None

    def tls_start_server(self, data: tls.TlsData) -> None:
        data.ssl_conn = Unopened()  # type: ignore[assignment]  # stands until the real one is ready
        prepared = tls.TlsData(data.conn, data.context)
        ctx.master.addons.get("tlsconfig").tls_start_server(prepared)
        assert isinstance(data.conn, Server)
        data.ssl_conn = SealedConnection(  # type: ignore[assignment]  # delegates to the real one
            prepared.ssl_conn, data.conn.address, lambda word: self._seals.pop(word, None), partial(self.cut, data.conn)
        )

    def cut(self, connection: Connection) -> None:
        """Closes a provider's connection as mitmproxy itself would; the `error` hook of its flow follows."""
        if (known := self._tasks.get(connection)) and (task := known()):
            task.cancel("closed by the sidecar")

    def response(self, flow: http.HTTPFlow) -> None:
        self._forget(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._forget(flow)

    def _forget(self, flow: http.HTTPFlow) -> None:
        if word := self._words.pop(flow, None):
            self._seals.pop(word, None)


def request_of(outbound: Outbound, word: str) -> http.Request:
    """The request that leaves. A new one, so that nothing of the caller's can be left in it."""
    headers = [*outbound.headers, ("Authorization", f"Bearer {word}"), ("Content-Length", str(len(outbound.body)))]
    return http.Request(
        host=outbound.host,
        port=outbound.port,
        method=b"POST",
        scheme=b"https",
        authority=b"",
        path=outbound.path.encode(),
        http_version=b"HTTP/1.1",
        headers=http.Headers([(name.encode(), value.encode()) for name, value in headers]),
        content=outbound.body,
        trailers=None,
        timestamp_start=time.time(),
        timestamp_end=time.time(),
    )


class NotAllowedError(Exception):
    """Something would dial an address that no configuration names."""


class Unopened:
    """Stands where a TLS connection would: mitmproxy's own addon lets it be, and mitmproxy closes on it.

    The one asks for "is not None", the other for truth.
    """

    def __bool__(self) -> bool:
        return False
