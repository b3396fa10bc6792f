"""Addon: which address may be dialled, and the provider's key, put on at the last moment.

The key never stands in a flow: the request carries a stand-in, and the key takes its place in the bytes handed
to TLS. So no view, saved flow, export or log can hold it (MITMPROXY §5).
"""

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mitmproxy import ctx, http, tls
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.secret import Secret

KEY_LIFETIME: Final = 1.0  # seconds a key file's content is trusted before it is looked at again
NOT_ALLOWED: Final = "the sidecar does not dial this address"


@dataclass(slots=True)
class _Key:
    source: Secret
    value: str = field(default="", repr=False)
    read_at: float = float("-inf")


class Egress:
    """``keys`` by region; ``addresses`` are the only ones that may be dialled."""

    name = "sidecar-egress"

    def __init__(self, keys: Mapping[str, Secret], addresses: frozenset[tuple[str, int]]) -> None:
        self._keys = {region: _Key(source) for region, source in keys.items()}
        self._addresses = addresses
        self._stand_ins: dict[bytes, bytes] = {}
        self._of_flow: dict[str, bytes] = {}

    async def stand_in(self, region: str, flow: http.HTTPFlow) -> str:
        """A random word that becomes the region's key on the wire, once, for this flow.

        Raises:
            SecretError: the key can't be read.
        """
        key = self._keys[region]
        if time.monotonic() - key.read_at > KEY_LIFETIME:
            key.value = await asyncio.to_thread(key.source.read)
            key.read_at = time.monotonic()
        word = f"provider-key-stand-in-{secrets.token_hex(16)}".encode()
        self._stand_ins[word] = key.value.encode()
        self._of_flow[flow.id] = word
        return word.decode()

    def redeem(self, head: bytes) -> bytes:
        """The request head with the stand-in replaced by the key; unchanged where there is none of ours."""
        before, mark, rest = head.partition(b"\r\nAuthorization: Bearer ")
        word, line_end, after = rest.partition(b"\r\n")
        key = self._stand_ins.pop(word, None) if mark else None
        return head if key is None else b"".join((before, mark, key, line_end, after))

    def server_connect(self, data: ServerConnectionHookData) -> None:
        server = data.server
        server.error = NOT_ALLOWED
        if server.address not in self._addresses or server.via is not None or server.transport_protocol != "tcp":
            raise NotAllowedError(f"{server.address} is no configured provider")
        server.alpn_offers = (b"http/1.1",)  # HTTP/2 would compress the stand-in out of sight
        server.error = None

    def tls_start_server(self, data: tls.TlsData) -> None:
        data.ssl_conn = Unopened()  # type: ignore[assignment]  # stands until the real one is ready
        prepared = tls.TlsData(data.conn, data.context)
        ctx.master.addons.get("tlsconfig").tls_start_server(prepared)
        data.ssl_conn = KeyedConnection(prepared.ssl_conn, self)  # type: ignore[assignment]  # delegates to the real one

    def response(self, flow: http.HTTPFlow) -> None:
        self._forget(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._forget(flow)

    def _forget(self, flow: http.HTTPFlow) -> None:
        if word := self._of_flow.pop(flow.id, None):
            self._stand_ins.pop(word, None)


class NotAllowedError(Exception):
    """Something would dial an address that no configuration names."""


class KeyedConnection:
    """A pyOpenSSL connection that puts the key in while it encrypts."""

    def __init__(self, inner: Any, egress: Egress) -> None:
        self._inner = inner
        self._egress = egress

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def sendall(self, data: bytes, flags: int = 0) -> int:
        if data.startswith(b"POST "):
            data = self._egress.redeem(data)
        return int(self._inner.sendall(data, flags))


class Unopened:
    """Stands where a TLS connection would: mitmproxy's own addon lets it be, and mitmproxy closes on it.

    The one asks for "is not None", the other for truth.
    """

    def __bool__(self) -> bool:
        return False
