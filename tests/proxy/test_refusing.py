"""Calls that are refused: nothing is dialled, the caller reads why, one record is written."""

import base64
import json
import socket

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PATH, SettingsMaker
from tests.proxy.client import HELLO, TOKEN, Reply, post, read_reply, request_bytes, send
from tests.proxy.running import RunningSidecar
from tests.records import Records


def jwt_with(scope: str) -> str:
    parts = ({"alg": "none"}, {"sub": "someone", "scope": scope})
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + ".c2ln"


CASES = [
    ({"target": "/v1/responses"}, 404, "unknown_url"),
    ({"target": "/api/v2/ontologies"}, 404, None),
    ({"target": PATH + "/resp_1"}, 404, None),
    ({"method": "GET", "target": PATH + "/resp_1"}, 404, None),
    ({"target": PATH.replace("responses", "completions")}, 404, None),
    ({"host": "evil.example"}, 404, None),
    ({"method": "GET", "body": b""}, 405, None),
    ({"method": "GET", "body": b"", "headers": [("Upgrade", "websocket"), ("Connection", "Upgrade")]}, 426, None),
    ({"target": PATH + "%2fx"}, 400, "invalid_target"),
    ({"target": "http://api.openai.com" + PATH}, 400, "invalid_target"),
    ({"target": "/" + "a" * 9000}, 414, None),
    ({"headers": [("X-Big", "a" * 70_000)]}, 431, None),
    ({"without": ["authorization"]}, 401, "missing_credentials"),
    ({"headers": [("Authorization", "Basic abc")]}, 401, "invalid_api_key"),
    ({"headers": [("Authorization", "Bearer two words")]}, 401, "invalid_api_key"),
    ({"headers": [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]}, 401, "invalid_api_key"),
    ({"headers": [("Authorization", "Bearer " + jwt_with("api:read"))]}, 403, "missing_scope"),
    ({"headers": [("attribution", "not-a-rid")]}, 400, "invalid_attribution"),
    ({"headers": [("Content-Type", "text/plain")]}, 415, "unsupported_media_type"),
    ({"without": ["content-type"]}, 415, "unsupported_media_type"),
    ({"headers": [("Content-Encoding", "compress")]}, 415, "unsupported_media_type"),
    ({"headers": [("Content-Encoding", "gzip")]}, 400, "invalid_json"),
    ({"body": b""}, 400, "missing_body"),
    ({"body": b"  "}, 400, "missing_body"),
    ({"body": b"[]"}, 400, "invalid_json"),
    ({"body": b'{"model": 1, "model": 2}'}, 400, "invalid_json"),
    ({"body": b'{"model": NaN}'}, 400, "invalid_json"),
    ({"body": b'{"model": "\xff"}'}, 400, "invalid_json"),
    ({"body": {"input": "x"}}, 400, "invalid_model"),
    ({"body": {"model": "gpt-5.2", "input": "x"}}, 400, "invalid_model"),
    ({"body": {"model": MODEL + "-x", "input": "x"}}, 404, "model_not_found"),
    ({"body": {**HELLO, "store": True}}, 400, "unsupported_parameter"),
    ({"body": {**HELLO, "previous_response_id": "resp_1"}}, 400, "unsupported_parameter"),
    ({"body": {**HELLO, "no_such_field": 1}}, 400, "unknown_parameter"),
    ({"body": {**HELLO, "Model": MODEL}}, 400, "invalid_json"),
]


@pytest.mark.parametrize(("request_", "status", "code"), CASES, ids=[str(case[0])[:60] for case in CASES])
def test_refused(
    sidecar: RunningSidecar,
    provider: SimulatedProvider,
    records: Records,
    request_: dict[str, object],
    status: int,
    code: str | None,
) -> None:
    dialled = provider.dialled
    reply = post(sidecar.port, **request_)  # type: ignore[arg-type]  # keywords of any kind
    assert reply.status == status
    assert reply.code == code if code else reply.body == b""
    assert reply.headers["cache-control"] == "no-store"
    assert provider.dialled == dialled
    (record,) = records.wait()
    assert record["policy.decision"] == "refused"
    assert record["http.response.status_code"] == status
    assert record["refusal.instance_id"] == reply.headers["x-request-id"]
    assert "usage.status" not in record
    assert TOKEN not in records.everything()


def test_a_refusal_is_read_by_both_kinds_of_clients(sidecar: RunningSidecar) -> None:
    reply = post(sidecar.port, {**HELLO, "tools": [{"type": "mcp", "server_label": "x", "server_url": "https://x"}]})
    assert reply.json["errorName"] == "LanguageModelService:InvalidRequest"
    assert reply.json["message"] in reply.json["error"]["message"]
    assert reply.json["error"]["param"].startswith("tools[0]")
    assert reply.headers["x-should-retry"] == "false"
    assert reply.headers["qos-retry-hint"] == "do-not-retry"


@pytest.fixture
def small(make_settings: SettingsMaker) -> RunningSidecar:
    return RunningSidecar(make_settings(policy={"max_body_bytes": 2000}))


BIG = json.dumps({"model": MODEL, "input": "x" * 3000}).encode()


def chunked() -> bytes:
    pieces = [BIG[i : i + 500] for i in range(0, len(BIG), 500)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = request_bytes(b"", headers=[("Transfer-Encoding", "chunked")], without=["content-length"])
    return head + body


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(request_bytes(BIG), id="declared"),
        pytest.param(chunked(), id="chunked"),
        pytest.param(
            request_bytes(__import__("gzip").compress(BIG), headers=[("Content-Encoding", "gzip")]), id="encoded"
        ),
    ],
)
def test_a_body_over_the_cap(
    small: RunningSidecar, provider: SimulatedProvider, records: Records, request_: bytes
) -> None:
    dialled = provider.dialled
    with small:
        reply = send(small.port, request_)
    assert (reply.status, reply.code) == (413, "request_too_large")
    assert reply.json["errorName"] == "Default:RequestEntityTooLarge"
    assert provider.dialled == dialled
    (record,) = records.wait()
    assert record["policy.decision"] == "refused"


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        request_bytes(b"0\r\n\r\n", headers=[("Content-Length", "5"), ("Transfer-Encoding", "chunked")]),
    ],
)
def test_broken_http_is_answered_in_json(sidecar: RunningSidecar, provider: SimulatedProvider, request_: bytes) -> None:
    dialled = provider.dialled
    reply = send(sidecar.port, request_)
    assert (reply.status, reply.code) == (400, "invalid_target")
    assert provider.dialled == dialled


def test_a_refused_call_leaves_its_connection_usable(sidecar: RunningSidecar) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port)) as connection:
        replies: list[Reply] = []
        for request_ in (request_bytes(b"[]"), request_bytes(target="/nothing"), request_bytes()):
            connection.sendall(request_)
            replies.append(read_reply(connection))
    assert [reply.status for reply in replies] == [400, 404, 200]
