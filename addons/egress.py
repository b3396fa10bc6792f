"""Addon: which address may be dialled, and the provider's key, put on at the last moment.

The key never stands in a flow: the request carries a stand-in, and the key takes its place in the bytes handed
to TLS. So no view, saved flow, export or log can hold it (MITMPROXY §5). The same goes for the caller's own
credentials, and for the body, of a call that is passed on to Foundry itself.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary, ref

from mitmproxy import ctx, http, tls
from mitmproxy.connection import Client, Connection, Server
from mitmproxy.net.http import http1
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.call import Call, Outbound
from addons.foundry_addresses import FoundryAddresses, NotAllowedError
from addons.passthrough import Passthrough
from addons.rules import Rules
from addons.sealed import BEARER, Place, Seal, SealedConnection

STAND_IN: Final = "-stand-in-"  # what every stand-in holds
KEY_STAND_IN: Final = f"provider-key{STAND_IN}"
CALLERS_STAND_IN: Final = f"callers-own{STAND_IN}"
NOT_ALLOWED: Final = "the sidecar does not dial this address"


class Way(NamedTuple):
    """How one call leaves.

    ``allowed`` are the addresses that may be dialled for it, each with the name its certificate must bear.
    ``credentials`` are the header lines that take the place of the one with the stand-in. Of the body ``shown`` is
    what the flow holds, and ``hidden`` what it does not.
    """

    address: tuple[str, int]
    allowed: Mapping[tuple[str, int], str]
    stand_in: str
    credentials: bytes
    shown: bytes = b""
    hidden: bytes = b""


class Egress:
    name = "sidecar-egress"

    def __init__(self, passthrough: Passthrough) -> None:
        self._passthrough = passthrough
        self._foundry = FoundryAddresses()
        # for the call a client is busy with: what may be dialled, and the name the certificate there must bear
        self._open: WeakKeyDictionary[Client, Mapping[tuple[str, int], str]] = WeakKeyDictionary()
        self._seals: dict[bytes, Seal] = {}
        self._words: WeakKeyDictionary[http.HTTPFlow, bytes] = WeakKeyDictionary()
        self._keys: WeakKeyDictionary[http.HTTPFlow, bytes] = WeakKeyDictionary()
        # weakly: what a task that has failed keeps leads back to its connection
        self._tasks: WeakKeyDictionary[Connection, ref[asyncio.Task[object]]] = WeakKeyDictionary()

    async def seal(self, flow: http.HTTPFlow, call: Call, outbound: Outbound, rules: Rules) -> None:
        """Makes the flow's request the judged one. Its credentials are a stand-in, good for these bytes and once.

        Raises:
            SecretError: the region's key can't be read.
            NotAllowedError: no configuration names the host.
            Refusal: Foundry's name can't be resolved, or leads to this machine.
        """
        if call.to == "foundry":
            way = await self._to_foundry(flow.client_conn, call, outbound, rules)
            call.credentials, call.outbound = {}, replace(outbound, body=b"")  # they are in the seal alone
        else:
            assert outbound.region
            key = self._keys[flow] = await rules.keys[outbound.region].read()
            way = _to_provider(outbound, rules, key)
        if way.address not in way.allowed:
            raise NotAllowedError(f"{way.address} is no configured provider")
        flow.request = request_of(outbound, way)
        head = http1.assemble_request_head(flow.request)
        word = way.stand_in.encode()
        self._words[flow] = word
        self._seals[word] = Seal(
            call=call,
            flow=flow,
            place=Place(way.address, way.allowed[way.address]),
            head=head,
            body=way.shown,
            wire=head.replace(BEARER[2:] + word + b"\r\n", way.credentials, 1) + way.hidden,
        )
        self._open[flow.client_conn] = way.allowed

    async def _to_foundry(self, client: Client, call: Call, outbound: Outbound, rules: Rules) -> Way:
        address = await self._foundry.look_up(outbound.host, client, rules.foundry)
        return Way(
            address,
            {address: outbound.host},
            f"{CALLERS_STAND_IN}{secrets.token_hex(16)}",
            b"".join(_line(name, value) for name, values in call.credentials.items() for value in values),
            hidden=outbound.body,
        )

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
        name = self._open.get(data.client, {}).get(server.address or ("", 0))
        if name is None or not server.tls or server.via is not None or server.transport_protocol != "tcp":
            raise NotAllowedError(f"{server.address} is no configured provider")
        server.sni = name  # which is also the name that the certificate is held to
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
            prepared.ssl_conn,
            Place(data.conn.address, data.conn.sni),
            lambda word: self._seals.pop(word, None),
            partial(self.cut, data.conn),
        )

    def cut(self, connection: Connection) -> None:
        """Closes a provider's connection as mitmproxy itself would; the `error` hook of its flow follows."""
        if (known := self._tasks.get(connection)) and (task := known()):
            task.cancel("closed by the sidecar")

    def response(self, flow: http.HTTPFlow) -> None:
        self._forget(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._forget(flow)
        self._foundry.forget(flow.client_conn)  # it may have moved

    def _forget(self, flow: http.HTTPFlow) -> None:
        if word := self._words.pop(flow, None):
            self._seals.pop(word, None)


def _to_provider(outbound: Outbound, rules: Rules, key: bytes) -> Way:
    return Way(
        (outbound.host, outbound.port),
        rules.addresses,
        f"{KEY_STAND_IN}{secrets.token_hex(16)}",
        BEARER[2:] + key + b"\r\n",
        shown=outbound.body,
    )


def request_of(outbound: Outbound, way: Way) -> http.Request:
    """The request that leaves, as the flow holds it. A new one, so that nothing of the caller's can be left in it."""
    authorization = ("Authorization", f"Bearer {way.stand_in}")
    headers = [*outbound.headers, authorization, ("Content-Length", str(len(outbound.body)))]
    return http.Request(
        host=way.address[0],
        port=way.address[1],
        method=outbound.method.encode(),
        scheme=b"https",
        authority=b"",
        path=outbound.path.encode(),
        http_version=b"HTTP/1.1",
        headers=http.Headers([(name.encode(), value.encode("latin-1")) for name, value in headers]),
        content=way.shown,
        trailers=None,
        timestamp_start=time.time(),
        timestamp_end=time.time(),
    )


def _line(name: str, value: str) -> bytes:
    return f"{name.title()}: {value}\r\n".encode("latin-1")


class Unopened:
    """Stands where a TLS connection would: mitmproxy's own addon lets it be, and mitmproxy closes on it.

    The one asks for "is not None", the other for truth.
    """

    def __bool__(self) -> bool:
        return False
