"""Calls that are served: what reaches the provider, what comes back, what is recorded."""

import gzip
import http.client
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PROVIDER_KEY
from tests.proxy.client import HELLO, TOKEN, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import LONGEST

PROJECT = "ri.compass.main.folder.1f2e3d4c"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_json_call_is_rewritten_answered_and_recorded(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    reply = post(
        sidecar.port,
        headers=[("Attribution", PROJECT), ("traceParent", TRACEPARENT), ("traceState", "a=b"), ("Cookie", "c=1")],
    )
    assert reply.status == 200
    assert reply.json["object"] == "response"

    (seen,) = provider.calls
    headers = {name.lower(): value for name, value in seen.headers}
    assert (seen.method, seen.target) == ("POST", "/v1/responses")
    assert headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == provider.url.removeprefix("https://").removesuffix("/v1")
    assert set(headers) == {
        "host", "content-type", "accept", "accept-encoding", "user-agent", "authorization", "content-length",
    }  # fmt: skip
    assert json.loads(seen.body) == {"model": "gpt-5.2", "input": "Hello, world", "store": False} | {
        name: value for name, value in json.loads(seen.body).items() if name in {"include", "prompt_cache_retention"}
    }

    (record,) = records.wait()
    assert record["call.outcome"] == "served"
    assert record["foundry.attribution"] == [PROJECT]
    assert record["foundry.model.rid"] == MODEL
    assert record["gen_ai.request.model"] == "gpt-5.2"
    assert record["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert record["parent_span_id"] == "b7ad6b7169203331"
    assert record["tracestate"] == "a=b"
    assert record["http.response.status_code"] == 200
    assert record["usage.status"] == "reported"
    assert record["gen_ai.usage.input_tokens"] == reply.json["usage"]["input_tokens"]
    assert record["gen_ai.response.id"] == reply.json["id"]
    assert record["call.outcome"] == "served"
    assert TOKEN not in records.everything()
    assert PROVIDER_KEY not in records.everything()
    assert "Hello, world" not in records.everything()


def test_a_stream_passes_as_it_came(sidecar: RunningSidecar, provider: SimulatedProvider, records: Records) -> None:
    reply = post(sidecar.port, {**HELLO, "stream": True})
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in reply.body.decode().splitlines() if line.startswith("data: ")]
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] == "response.completed"
    (record,) = records.wait()
    assert record["gen_ai.request.stream"] is True
    assert record["gen_ai.usage.output_tokens"] == events[-1]["response"]["usage"]["output_tokens"]
    assert record["gen_ai.response.time_to_first_chunk"] > 0


def test_account_headers_are_stripped_from_answers(sidecar: RunningSidecar) -> None:
    reply = post(sidecar.port)
    assert reply.headers["x-request-id"]
    for name in (
        "openai-organization",
        "openai-project",
        "set-cookie",
        "cf-ray",
        "alt-svc",
        "strict-transport-security",
    ):
        assert name not in reply.headers


def test_the_policys_changes_are_named_in_a_header(sidecar: RunningSidecar) -> None:
    assert "store;added" in post(sidecar.port).headers["sidecar-changes"]


@pytest.mark.parametrize(
    "body",
    [
        b'{ "model" :"%s",\n\t"input":"caf\\u00e9 \xc3\xa9 \\/", "temperature": 1.0e0, "store":false , "top_p":0.10 }',
        b'{"store": false, "input": "x", "\\u006dodel": "%s"}',
    ],
)
def test_every_byte_the_policy_had_no_reason_to_touch_stays(
    sidecar: RunningSidecar, provider: SimulatedProvider, body: bytes
) -> None:
    body = body.replace(b"%s", MODEL.encode())
    assert post(sidecar.port, body).status == 200
    (seen,) = provider.calls
    assert seen.body.startswith(body.replace(MODEL.encode(), b"gpt-5.2")[:-1].rstrip()[:-1])


def test_an_encoded_body_is_sent_on_plainly(sidecar: RunningSidecar, provider: SimulatedProvider) -> None:
    body = gzip.compress(json.dumps(HELLO).encode())
    assert post(sidecar.port, body, headers=[("Content-Encoding", "gzip")]).status == 200
    (seen,) = provider.calls
    assert "content-encoding" not in {name.lower() for name, _ in seen.headers}
    assert json.loads(seen.body)["input"] == "Hello, world"


def test_one_connection_carries_call_after_call(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    connection = http.client.HTTPConnection("localhost", sidecar.port)
    dialled = provider.dialled
    for _ in range(3):
        connection.request("POST", "//api/v2/llm/proxy/openai/v1/responses/", json.dumps(HELLO), _usual_headers())
        assert connection.getresponse().read()
    connection.close()
    assert provider.dialled == dialled + 1
    assert len(records.wait(count=3)) == 3


def _usual_headers() -> dict[str, str]:
    return {"Authorization": f"bearer {TOKEN}", "Content-Type": "application/json; charset=UTF-8"}


def test_many_callers_at_once_find_room_to_wait(sidecar: RunningSidecar) -> None:
    """While the sidecar is busy; mitmproxy's own queue would hold 100, and leave the others to try again."""
    busy = threading.Event()
    with ThreadPoolExecutor(1) as thread, ExitStack() as callers:
        blocked = thread.submit(sidecar.on_loop, lambda: busy.wait(LONGEST))
        try:
            address = ("127.0.0.1", sidecar.port)
            connections = [callers.enter_context(socket.create_connection(address, LONGEST)) for _ in range(300)]
        finally:
            busy.set()
        blocked.result()
        connections[-1].sendall(request_bytes())
        assert read_reply(connections[-1]).status == 200
