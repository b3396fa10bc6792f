"""A new connection to a provider, step by step. Its deadline is the caller's, who cancels."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final

from addons.exchange.upstream.answer_reader import AnswerReader
from addons.exchange.upstream.destination import Destination, EgressProxy
from addons.exchange.upstream.failure import FailureKind, UpstreamFailure
from addons.exchange.upstream.keep_alive import keep_alive
from addons.exchange.upstream.name_lookup import Address, look_up
from addons.exchange.upstream.tls import TlsSession
from addons.exchange.upstream.tls_connection import TlsConnection

_READ: Final = 64 * 1024
MOST_HANDSHAKE: Final = 256 * 1024
"""Bytes of a peer's handshake, of which OpenSSL skips some without end; it reads certificates of 100 KB at most."""

_SUCCESS: Final = range(200, 300)
_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


async def dial(destination: Destination, gone: Callable[[TlsConnection], None]) -> TlsConnection:
    """TCP, the egress proxy's tunnel where there is one, and TLS with the server verified.

    Raises:
        UpstreamFailure: UNREACHABLE.
    """
    proxy = destination.proxy
    own = await _connect(*(destination.address if proxy is None else (proxy.host, proxy.port)))
    try:
        if proxy is not None:
            await _open_tunnel(own, proxy, destination.address)
        session = await _shake_hands(own, destination)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(partial(TlsConnection, session, gone), sock=own)
    except OSError as error:  # a reset
        own.close()
        raise _unreachable(f"the connection ended: {os.strerror(error.errno or 0)}") from None
    except BaseException:
        own.close()
        raise
    return connection


async def _connect(host: str, port: int) -> socket.socket:
    """The name's addresses are tried in the order that the resolver gives them."""
    detail = "no address"
    for family, kind, protocol, _, address in await _resolve(host, port):
        try:
            own = socket.socket(family, kind, protocol)
        except OSError as error:  # no descriptor is left
            detail = os.strerror(error.errno or 0)
            continue
        try:
            own.setblocking(False)
            keep_alive(own)
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(own, address)
        except OSError as error:
            own.close()
            detail = os.strerror(error.errno or 0)  # asyncio's own text names the address alone
        except BaseException:
            own.close()
            raise
        else:
            return own
    raise _unreachable(f"TCP: {detail}")


async def _resolve(host: str, port: int) -> list[Address]:
    with contextlib.suppress(OSError, ValueError):
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=_NUMERIC))  # asks nobody
    try:
        return await look_up(host, port)
    except OSError as error:
        raise _unreachable(f"DNS: {error.strerror or 'unknown'}") from None
    except ValueError:
        raise _unreachable("DNS: no valid name") from None


async def _open_tunnel(own: socket.socket, proxy: EgressProxy, address: tuple[str, int]) -> None:
    host, port = address
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n".encode()
    if proxy.authorization is not None:
        head += b"Proxy-Authorization: " + proxy.authorization + b"\r\n"
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(own, head + b"\r\n")
    reader = AnswerReader(answer_has_body=False)
    while reader.status is None:
        data = await loop.sock_recv(own, _READ)
        reader.feed(data)
        if reader.failure:
            raise _unreachable(f"the egress proxy's answer: {reader.failure.detail}")
        if not data:
            raise _unreachable("the egress proxy closed the connection")
    if reader.status not in _SUCCESS:
        raise _unreachable(f"the egress proxy answered {reader.status}")
    if reader.behind:  # it would be taken for the provider's
        raise _unreachable("the egress proxy sent bytes behind its answer")


async def _shake_hands(own: socket.socket, destination: Destination) -> TlsSession:
    loop = asyncio.get_running_loop()
    try:
        session = TlsSession(destination)
    except ValueError:
        raise _unreachable("TLS: no valid server name") from None
    data, done, received = b"", False, 0
    while not done:
        try:
            done = session.shake_hands(data)
        except ssl.SSLCertVerificationError as error:
            await _say(own, session)
            raise _unreachable(f"TLS: certificate verify failed: {error.verify_message}") from None
        except ssl.SSLError as error:
            await _say(own, session)
            raise _unreachable(f"TLS: {error.reason or 'handshake failed'}") from None
        await _say(own, session)
        if not done:
            data = await loop.sock_recv(own, _READ)  # which waits for nothing while there is something
            received += len(data)
            if not data:
                raise _unreachable("TLS: the connection was closed within the handshake")
            if received > MOST_HANDSHAKE:
                raise _unreachable("TLS: a handshake without end")
    return session


async def _say(own: socket.socket, session: TlsSession) -> None:
    if data := session.to_send():
        await asyncio.get_running_loop().sock_sendall(own, data)


def _unreachable(detail: str) -> UpstreamFailure:
    return UpstreamFailure(FailureKind.UNREACHABLE, detail)
