"""More connections than there are descriptors: they are turned away, and everything else goes on."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from addons.exchange.connection_bounds import OF_ONE_PEER, RESERVED
from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import read_reply, request_bytes, send
from tests.waiting import eventually

LIMIT = 256
IDLE = 600


def operators_port(sidecar: SidecarProcess) -> int:
    (admin,) = sidecar.records.wait("admin_listening")
    return int(admin["address"].rpartition(":")[2])


@pytest.mark.parametrize("sent", [b"", b"GET /livez HT"], ids=["idle", "a head that does not end"])
def test_idle_connections_to_the_operators_port_leave_room_for_all_else(
    make_document: DocumentMaker, tmp_path: Path, sent: bytes
) -> None:
    document = make_document(listen={"admin": "127.0.0.1:0"})
    with SidecarProcess(written(tmp_path, document), descriptors=LIMIT) as sidecar, ExitStack() as askers:
        admin = operators_port(sidecar)
        for _ in range(IDLE):
            asker = askers.enter_context(socket.create_connection(("127.0.0.1", admin), 10))
            asker.sendall(sent)
        ask = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in range(3):
            assert send(admin, ask).status == 200
            assert send(sidecar.port, request_bytes()).status == 200
        told = sidecar.records.of("Unhandled error in task.")
    assert told == []


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\n"], ids=["idle", "a head that does not end"])
def test_idle_connections_take_no_more_than_their_share(
    make_document: DocumentMaker, tmp_path: Path, sent: bytes
) -> None:
    document = make_document(listen={"admin": "127.0.0.1:0"})
    with SidecarProcess(written(tmp_path, document), descriptors=LIMIT) as sidecar, ExitStack() as callers:
        admin = operators_port(sidecar)
        first = callers.enter_context(socket.create_connection(("127.0.0.1", sidecar.port), 10))
        for _ in range(IDLE):
            caller = callers.enter_context(socket.create_connection(("127.0.0.1", sidecar.port), 10))
            caller.sendall(sent)
        eventually(lambda: sidecar.records.of("connections_refused"))
        ask = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert [send(admin, ask).status for _ in range(3)] == [200] * 3
        first.sendall(request_bytes())
        assert read_reply(first).status == 200, "who was there before is served"
        with socket.create_connection(("127.0.0.1", sidecar.port), 10, ("127.0.0.2", 0)) as other:
            other.sendall(request_bytes())
            assert read_reply(other).status == 200, "one peer's share leaves room for others"
        told = sidecar.records.of("connections_refused")
    assert {each["most"] for each in told} == {LIMIT - RESERVED}
    assert len(told) < IDLE * OF_ONE_PEER / 10, "one line a second, however many there are"
