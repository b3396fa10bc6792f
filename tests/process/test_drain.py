"""The end of a sidecar: no stream is lost while there is time, and none ends without a word."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import HELLO, Reply, post, read_reply, request_bytes
from tests.waiting import LONGEST

STREAMS = 12
VARIETY: tuple[Mapping[str, Any], ...] = ({}, {"stream": True}, {"unknown": 1})
HELD = {**HELLO, "stream": True, "metadata": {"simulate": "hold=2"}}


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(STREAMS + 1) as pool:
        yield pool


def begin(callers: ThreadPoolExecutor, port: int, provider: SimulatedProvider, body: Any = HELD) -> list[Future[Reply]]:
    """Calls under way, each at the provider."""
    replies = [callers.submit(post, port, body) for _ in range(STREAMS)]
    provider.wait_for_calls(STREAMS)
    return replies


def last_event(reply: Reply) -> Any:
    return json.loads(reply.body.decode().strip().splitlines()[-1].removeprefix("data: "))


def asked(address: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=LONGEST)
    connection.request("GET", path)
    response = connection.getresponse()
    with response:
        return response.status, response.read().decode().strip()


def refuses_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_no_stream_is_lost_while_the_deadline_allows(
    make_document: DocumentMaker, provider: SimulatedProvider, callers: ThreadPoolExecutor, tmp_path: Path
) -> None:
    config = written(tmp_path, make_document(lifecycle={"drain_seconds": 60}))
    with SidecarProcess(config) as sidecar, socket.create_connection(("127.0.0.1", sidecar.port)) as idle:
        idle.sendall(request_bytes())
        assert read_reply(idle).status == 200
        provider.clear()
        replies = begin(callers, sidecar.port, provider)
        sidecar.signal()
        sidecar.records.wait("draining")
        assert idle.recv(1) == b""  # closed, which comes after listening has stopped
        assert refuses_connections(sidecar.port)
        for call in provider.calls:
            call.release()
        assert [last_event(reply.result())["type"] for reply in replies] == ["response.completed"] * STREAMS
        assert sidecar.exit_code() == 0
    records = sidecar.records.of("call")
    assert [record["call.outcome"] for record in records] == ["served"] * (STREAMS + 1)
    assert sidecar.records.of("plain") == []


def test_streams_cut_by_the_deadline_end_with_the_error_event_and_a_record(
    make_document: DocumentMaker, provider: SimulatedProvider, callers: ThreadPoolExecutor, tmp_path: Path
) -> None:
    with SidecarProcess(written(tmp_path, make_document(lifecycle={"drain_seconds": 0.5}))) as sidecar:
        replies = begin(callers, sidecar.port, provider)
        sidecar.signal()
        for reply in replies:
            event = last_event(reply.result())
            assert (event["type"], event["code"]) == ("error", "sidecar_shutting_down")
            assert event["error"]["code"] == "sidecar_shutting_down"
        assert sidecar.exit_code() == 0
    for call in provider.calls:
        assert call.hung_up.wait(LONGEST)
    records = sidecar.records.of("call")
    assert [record["error.type"] for record in records] == ["shut_down"] * STREAMS
    assert [record["usage.status"] for record in records] == ["interrupted"] * STREAMS


def test_calls_cut_before_their_answer_began_are_told_to_come_again(
    make_document: DocumentMaker, provider: SimulatedProvider, callers: ThreadPoolExecutor, tmp_path: Path
) -> None:
    silent = {**HELLO, "metadata": {"simulate": "hang"}}
    with SidecarProcess(written(tmp_path, make_document(lifecycle={"drain_seconds": 0.5}))) as sidecar:
        replies = begin(callers, sidecar.port, provider, silent)
        sidecar.signal()
        for future in replies:
            reply = future.result()
            assert (reply.status, reply.code) == (503, "sidecar_shutting_down")
            assert reply.headers["retry-after"] == "1"
        assert sidecar.exit_code() == 0
    records = sidecar.records.of("call")
    assert [record["error.type"] for record in records] == ["shutting_down"] * STREAMS
    assert {record["call.outcome"] for record in records} == {"shut_down"}


def test_a_call_whose_body_is_still_coming_in_gets_a_record(make_document: DocumentMaker, tmp_path: Path) -> None:
    with (
        SidecarProcess(written(tmp_path, make_document(lifecycle={"drain_seconds": 0.5}))) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port)) as caller,
    ):
        post(sidecar.port)
        caller.sendall(request_bytes()[:-1])
        post(sidecar.port)  # a round trip: the head above was read before this one's
        sidecar.signal()
        reply = read_reply(caller)
        assert (reply.status, reply.code, reply.headers["connection"]) == (503, "sidecar_shutting_down", "close")
        assert caller.recv(1) == b""
        assert sidecar.exit_code() == 0
    records = sidecar.records.of("call")
    assert [record["call.outcome"] for record in records] == ["served", "served", "shut_down"]
    assert records[-1]["error.type"] == "shutting_down"


def test_before_listening_stops_readiness_fails_and_calls_are_still_served(
    make_document: DocumentMaker, tmp_path: Path
) -> None:
    document = make_document(listen={"admin": "127.0.0.1:0"}, lifecycle={"announce_seconds": 600, "drain_seconds": 900})
    with SidecarProcess(written(tmp_path, document)) as sidecar:
        (admin,) = sidecar.records.wait("admin_listening")
        sidecar.records.wait("ready")
        assert asked(admin["address"], "/readyz") == (200, "ready")
        sidecar.signal()
        sidecar.records.wait("draining")
        assert asked(admin["address"], "/readyz") == (503, "draining")
        assert asked(admin["address"], "/livez") == (200, "alive")
        served, streamed, refused = (post(sidecar.port, {**HELLO, **more}) for more in VARIETY)
        assert [reply.status for reply in (served, streamed, refused)] == [200, 200, 400]
        assert {reply.headers["connection"] for reply in (served, streamed, refused)} == {"close"}
        sidecar.signal()
        assert sidecar.exit_code() == 0


def test_after_the_announcement_it_ends_by_itself(make_document: DocumentMaker, tmp_path: Path) -> None:
    with SidecarProcess(written(tmp_path, make_document(lifecycle={"announce_seconds": 0.1}))) as sidecar:
        sidecar.signal()
        assert sidecar.exit_code() == 0
    assert sidecar.records.of("draining")


def test_a_second_signal_ends_at_once(
    make_document: DocumentMaker, provider: SimulatedProvider, callers: ThreadPoolExecutor, tmp_path: Path
) -> None:
    with SidecarProcess(written(tmp_path, make_document(lifecycle={"drain_seconds": 3600}))) as sidecar:
        replies = begin(callers, sidecar.port, provider)
        sidecar.signal()
        sidecar.records.wait("draining")
        sidecar.signal()
        assert sidecar.exit_code() == 0
        for reply in replies:
            assert reply.exception() is not None
    assert len(sidecar.records.of("ending_at_once")) == 1
    assert [record["call.outcome"] for record in sidecar.records.of("call")] == ["shut_down"] * STREAMS


@pytest.mark.parametrize(
    "sent", [b"", b"POST / HT", b"\x16", b"\x16\x03\x01\x02\x00\x01"], ids=["-", "HTTP", "TLS", "hello"]
)
def test_a_connection_whose_head_has_not_come_does_not_hold_it_up(
    make_document: DocumentMaker, tmp_path: Path, sent: bytes
) -> None:
    """One whose head is coming is waited for, as long as heads have."""
    document = make_document(listen={"head_seconds": 2}, lifecycle={"drain_seconds": 3600})
    with (
        SidecarProcess(written(tmp_path, document)) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller,
    ):
        caller.sendall(sent)
        post(sidecar.port)  # a round trip: what was sent above was read before this
        sidecar.signal()
        assert sidecar.exit_code() == 0
        assert sidecar.records.of("plain") == []
