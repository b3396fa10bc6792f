"""A refusal does not wait for a body that nobody will read."""

import contextlib
import gc
import json
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import openai
import pytest

from addons.call import Call
from addons.exchange.services import Services
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.proxy.client import HELLO, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import LONGEST, eventually

SIZE = 20_000_000
REFUSED = [("attribution", "no-rid")]
LARGE_BODY: Mapping[str, Any] = {**HELLO, "instructions": "x" * SIZE}


@pytest.fixture(params=["plain", "tls"])
def connection(request: pytest.FixtureRequest, sidecar: RunningSidecar) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as plain:
        if request.param == "plain":
            yield plain
        else:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(plain, server_hostname="localhost") as encrypted:
                yield encrypted


def head(length: int, *lines: tuple[str, str]) -> bytes:
    """A request's head alone, which says that so many bytes follow."""
    return request_bytes(b"", headers=[*REFUSED, ("Content-Length", str(length)), *lines])


def test_the_answer_comes_before_the_body_and_the_connection_serves_on(
    connection: socket.socket, provider: SimulatedProvider, records: Records
) -> None:
    for _ in range(2):
        connection.sendall(head(SIZE))
        reply = read_reply(connection)
        assert (reply.status, reply.code) == (400, "invalid_attribution")
        assert "connection" not in reply.headers
        connection.sendall(b"x" * SIZE)
    connection.sendall(request_bytes())
    assert read_reply(connection).status == 200
    outcomes = [record["call.outcome"] for record in records.wait(count=3)]
    assert outcomes == ["refused", "refused", "served"]
    (call,) = provider.calls
    assert json.loads(call.body)["input"] == HELLO["input"]


def test_a_body_on_its_way_is_not_taken_for_a_call(
    connection: socket.socket, provider: SimulatedProvider, records: Records
) -> None:
    """What is dropped is counted to the byte: a call hidden in it is none, and the one behind it is one."""
    hidden = request_bytes() * 300
    connection.sendall(head(len(hidden)) + hidden + request_bytes())
    assert [read_reply(connection).status for _ in range(2)] == [400, 200]
    records.wait(count=2)
    assert len(provider.calls) == 1


@pytest.mark.parametrize("length", [1, SIZE])
def test_whoever_asks_first_is_told_before_it_sends(connection: socket.socket, length: int) -> None:
    connection.sendall(head(length, ("Expect", "100-continue")))
    assert read_reply(connection).status == 400


def test_whoever_asks_first_and_may_is_asked_for_the_body(sidecar: RunningSidecar) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
        request = request_bytes(headers=[("Expect", "100-continue")])
        split = request.index(b"\r\n\r\n") + 4
        caller.sendall(request[:split])
        assert caller.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        caller.sendall(request[split:])
        assert read_reply(caller).status == 200


def test_a_body_that_never_comes_is_not_waited_for(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    with (
        RunningSidecar(make_settings(listen={"body_seconds": 0.5})) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller,
    ):
        caller.sendall(head(SIZE))
        assert read_reply(caller).status == 400
        assert caller.recv(1) == b""
        records.wait()
    assert provider.calls == []


def test_a_caller_that_leaves_amid_its_body_leaves_nothing_behind(sidecar: RunningSidecar, records: Records) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
        caller.sendall(head(SIZE))
        assert read_reply(caller).status == 400
        with contextlib.suppress(OSError):
            caller.sendall(b"x" * (SIZE // 2))
    records.wait()
    assert post(sidecar.port).status == 200
    assert len(records.wait(count=2)) == 2
    assert records.of("fault") == []


def test_a_real_sdk_reads_the_refusal(sidecar: RunningSidecar, provider: SimulatedProvider) -> None:
    with openai.OpenAI(
        api_key="token",
        base_url=f"{sidecar.url}/api/v2/llm/proxy/openai/v1",
        default_headers=dict(REFUSED),
        max_retries=0,
    ) as client:
        for _ in range(3):
            with pytest.raises(openai.BadRequestError) as caught:
                client.responses.create(model=MODEL, input="Hello", instructions="x" * SIZE)
            assert caught.value.code == "invalid_attribution"
    assert provider.calls == []


def test_a_judged_call_with_a_large_body_is_read_whole(sidecar: RunningSidecar, provider: SimulatedProvider) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port), 30) as caller:
        caller.sendall(request_bytes(LARGE_BODY))
        assert read_reply(caller).status == 200
    (call,) = provider.calls
    assert len(json.loads(call.body)["instructions"]) == SIZE


def test_a_caller_that_resets_in_the_moment_of_its_answer_is_no_fault(
    make_settings: SettingsMaker, caplog: pytest.LogCaptureFixture, records: Records
) -> None:
    """Its end is said on a socket that the kernel has closed meanwhile."""
    gone = threading.Event()

    def alter(services: Services) -> None:
        record = services.record

        def late(call: Call) -> Mapping[str, Any]:
            gone.wait(LONGEST)
            return record(call)

        services.record = late

    with RunningSidecar(make_settings(), alter=alter) as sidecar:
        with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
            caller.sendall(head(SIZE, ("Connection", "close")))
            assert caller.recv(10)
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.set()
        records.wait()
        eventually(lambda: not sidecar.part("sidecar-listener").callers)
        sidecar.on_loop(gc.collect)  # which is when an exception is told that nobody has asked for
    assert caplog.records == []
    assert records.of("fault") == []
