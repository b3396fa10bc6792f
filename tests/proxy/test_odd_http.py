"""HTTP as no well-behaved caller speaks it: answered or hung up on, and never a second reading of it upstream."""

import contextlib
import json
import re
import socket

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import PATH, SettingsMaker
from tests.proxy.client import HELLO, TOKEN, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import LONGEST, eventually

BODY = json.dumps(HELLO).encode()
CHUNKED = b"%x\r\n%s\r\n" % (len(BODY), BODY)


def head(*lines: bytes, version: bytes = b"1.1", host: bytes = b"localhost") -> bytes:
    """A good request's head with these lines added."""
    usual = [
        b"POST " + PATH.encode() + b" HTTP/" + version,
        b"Host: " + host,
        b"Authorization: Bearer " + TOKEN.encode(),
        b"Content-Type: application/json",
    ]
    return b"\r\n".join([*usual, *lines, b"", b""])


SIZED = b"Content-Length: %d" % len(BODY)
IN_CHUNKS = b"Transfer-Encoding: chunked"

CASES = [
    # what is sent, the status of each answer, calls that reach the provider
    pytest.param(head(SIZED) + BODY, [200], 1, id="as it should be"),
    pytest.param(head(SIZED, version=b"1.0") + BODY, [200], 1, id="HTTP/1.0"),
    pytest.param((head(SIZED) + BODY) * 2, [200, 200], 2, id="pipelined"),
    pytest.param(head(SIZED) + BODY + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", [200, 404], 1, id="one behind it"),
    pytest.param(head(SIZED, b"Connection: close") + BODY, [200], 1, id="close"),
    pytest.param(head(SIZED, b"Expect: 100-continue") + BODY, [200], 1, id="expect, and not waited for"),
    pytest.param(head(SIZED, b"Connection: Upgrade", b"Upgrade: h2c") + BODY, [200], 1, id="h2c"),
    pytest.param((head(SIZED, b"Connection: Upgrade", b"Upgrade: h2c") + BODY) * 3, [200] * 3, 3, id="h2c, pipelined"),
    pytest.param(head(SIZED, b"X-A: b\r\n c") + BODY, [400], 0, id="folded header"),
    pytest.param(head(SIZED, b"X-A: a\x00b") + BODY, [400], 0, id="NUL in a header that stays here"),
    pytest.param(head(SIZED, b"Idempotency-Key: a\x0bb") + BODY, [400], 0, id="control character in one that travels"),
    pytest.param(head(SIZED).replace(b"\r\n", b"\n") + BODY, [400], 0, id="bare line feeds"),
    pytest.param(head(IN_CHUNKS) + CHUNKED + b"0\r\n\r\n", [200], 1, id="chunks"),
    pytest.param(head(IN_CHUNKS) + CHUNKED.replace(b"\r\n", b";a=b\r\n", 1) + b"0\r\n\r\n", [200], 1, id="extension"),
    pytest.param(head(IN_CHUNKS) + CHUNKED + b"0\r\nX-T: 1\r\n\r\n", [200], 1, id="trailers"),
    pytest.param(head(SIZED) + BODY[:-1], [408], 0, id="a byte short"),
    pytest.param(head(IN_CHUNKS, SIZED) + CHUNKED + b"0\r\n\r\n", [400], 0, id="two lengths"),
    pytest.param(head(SIZED, b"Content-Length: 1") + BODY, [400], 0, id="two sizes"),
    pytest.param(head(b"Content-Length: -5") + BODY, [400], 0, id="negative size"),
    pytest.param(head(b"Content-Length: +5") + BODY, [400], 0, id="signed size"),
    pytest.param(head(b"Transfer-Encoding: xchunked") + BODY, [400], 0, id="unknown coding"),
    pytest.param(head(b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n", [400], 0, id="coding behind chunks"),
    pytest.param(head(SIZED, b"X-A : b") + BODY, [400], 0, id="space before a colon"),
    pytest.param(head(SIZED, b"Content-Type: text/plain") + BODY, [415], 0, id="two types"),
    pytest.param(head(SIZED, host=b"loc\xffalhost") + BODY, [404], 0, id="host of odd bytes"),
    pytest.param(head(b"Transfer-Encoding: \x0bchunked") + CHUNKED, [400], 0, id="coding behind a control character"),
    pytest.param(head(b"Transfer-Encoding: gzip, chunked") + CHUNKED, [400], 0, id="coding before chunks"),
    pytest.param(head(IN_CHUNKS, IN_CHUNKS) + CHUNKED + b"0\r\n\r\n", [400], 0, id="chunked twice"),
    pytest.param(head(IN_CHUNKS, version=b"1.0") + CHUNKED + b"0\r\n\r\n", [400], 0, id="chunks in HTTP/1.0"),
    pytest.param(head(SIZED, version=b"1.9") + BODY, [400], 0, id="HTTP/1.9"),
    pytest.param(head(SIZED, version=b"2.0") + BODY, [400], 0, id="HTTP/2.0"),
    pytest.param(b"POST " + PATH.encode() + b"\r\n\r\n", [400], 0, id="HTTP/0.9"),
    pytest.param(head(SIZED, b"X-A: a\rb") + BODY, [400], 0, id="CR in a header"),
    pytest.param(head(SIZED, b"no colon") + BODY, [400], 0, id="no colon"),
    pytest.param(head(SIZED, b"Content-Length: %d" % len(BODY)) + BODY, [400], 0, id="the same size twice"),
    pytest.param(b"POST " + PATH.encode() + b" HTTP/1.1\r\n\r\n", [400], 0, id="no host"),
    pytest.param(head(SIZED).replace(b"/", b"http:///", 1) + BODY, [400], 0, id="no authority"),
    pytest.param(b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n", [404], 0, id="CONNECT"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400], 0, id="HTTP/2 without asking"),
    pytest.param(head(SIZED).replace(b" /", b"  /", 1) + BODY, [400], 0, id="two spaces in the request line"),
    pytest.param(head(SIZED).replace(b"HTTP/1.1", b"RTSP/1.0", 1) + BODY, [400], 0, id="RTSP"),
    pytest.param(head(SIZED).replace(b"POST", b"SOURCE", 1).replace(b"HTTP/1.1", b"ICE/1.0", 1), [400], 0, id="ICE"),
    pytest.param(b"\x00\x01\x02\r\n\r\n", [400], 0, id="no HTTP"),
]


def told(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", answers)]


def served(records: Records) -> list[object]:
    return [record for record in records.of("call") if record["call.outcome"] == "served"]


@pytest.mark.parametrize(("sent", "statuses", "reached"), CASES)
def test_odd_http(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    sent: bytes,
    statuses: list[int],
    reached: int,
) -> None:
    answers = b""
    with (
        RunningSidecar(make_settings(listen={"body_seconds": 1.0})) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port)) as connection,
    ):
        connection.sendall(sent)
        connection.settimeout(LONGEST)
        while len(told(answers)) < len(statuses) and (piece := connection.recv(65536)):
            answers += piece
        eventually(lambda: len(served(records)) >= reached)
        connection.settimeout(0.25)  # nothing more is expected
        with contextlib.suppress(TimeoutError):
            while piece := connection.recv(65536):
                answers += piece
    assert told(answers) == statuses
    assert len(provider.calls) == reached
    for call in provider.calls:
        assert call.target == "/v1/responses"
        assert json.loads(call.body)["store"] is False
    assert len(served(records)) == reached


def test_a_caller_that_dawdles_is_hung_up_on(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    with (
        RunningSidecar(make_settings(listen={"body_seconds": 0.3})) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as connection,
    ):
        connection.sendall(request_bytes()[:-1])
        reply = read_reply(connection)
        assert (reply.status, reply.code, reply.headers["connection"]) == (408, "request_timeout", "close")
        assert connection.recv(100) == b""
        (record,) = records.wait()
    assert (record["call.outcome"], record["error.type"]) == ("caller_stalled", "body_timeout")
    assert provider.calls == []
