"""TLS as no well-behaved caller speaks it: it ends that caller's connection, and is no fault of the sidecar's."""

import os
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.proxy.client import HELLO, request_bytes
from tests.proxy.running import RunningSidecar
from tests.proxy.test_explicit import FOUNDRY, connected, explicit, open_tunnel
from tests.records import Records
from tests.waiting import LONGEST

__all__ = ["explicit"]

STREAM = {**HELLO, "stream": True, "metadata": {"simulate": "pause=0.05 events=100"}}


class Plain(Protocol):
    def sendall(self, data: bytes, /) -> object: ...
    def recv(self, size: int, /) -> bytes: ...


class Encrypted:
    """TLS over whatever carries bytes, another TLS too. Nobody is verified."""

    def __init__(self, below: Plain, name: str = "localhost") -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._until_done(self._tls.do_handshake)

    def sendall(self, data: bytes, /) -> None:
        self._tls.write(data)
        self._below.sendall(self._outgoing.read())

    def recv(self, size: int, /) -> bytes:
        return self._until_done(lambda: self._tls.read(size))

    def _until_done[T](self, step: Callable[[], T]) -> T:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._flush()
                piece = self._below.recv(65536)
                if not piece:
                    raise EOFError from None
                self._incoming.write(piece)
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        if said := self._outgoing.read():
            self._below.sendall(said)


def test_bytes_that_are_no_tls_amid_a_stream(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as connection:
        caller = Encrypted(connection)
        caller.sendall(request_bytes(STREAM))
        caller.recv(100)
        connection.sendall(b"\x17\x03\x03\x00\x20" + os.urandom(32))
        (record,) = records.wait()
    assert (record["call.outcome"], records.of("fault")) == ("caller_gone", [])
    (call,) = provider.calls
    assert call.hung_up.wait(LONGEST)


def test_tls_within_tls_is_not_read(sidecar: RunningSidecar, provider: SimulatedProvider) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as connection:
        outside = Encrypted(connection)
        with pytest.raises(ssl.SSLError):
            Encrypted(outside)
    assert provider.calls == []


def test_a_tunnel_has_one_tls_of_its_own(explicit: RunningSidecar, provider: SimulatedProvider) -> None:
    with connected(explicit) as connection:
        assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
        inside = Encrypted(connection, FOUNDRY)
        with pytest.raises(ssl.SSLError):
            Encrypted(inside, FOUNDRY)
    assert provider.calls == []
