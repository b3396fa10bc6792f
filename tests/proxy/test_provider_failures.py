"""What a caller gets when the provider fails, and what is recorded of it."""

import gzip
import json
import re
import socket
import threading
from contextlib import ExitStack
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import LONGEST, eventually

STREAM = {**HELLO, "stream": True}
CHUNK_EDGE = re.compile(rb"\r\n[0-9a-f]+\r\n")
WHOLE_STREAM = 20  # events of the simulated provider's answer to it


@pytest.mark.parametrize(
    ("directive", "status", "code", "name"),
    [
        ("status=400 code=invalid_value", 400, "invalid_value", "LanguageModelService:LlmHttpClientError"),
        ("status=409", 400, ..., "LanguageModelService:LlmHttpClientError"),
        ("status=422", 400, ..., "LanguageModelService:LlmHttpClientError"),
        ("status=401 code=invalid_api_key", 500, "upstream_auth_failure", "Default:Internal"),
        ("status=403", 500, "upstream_auth_failure", "Default:Internal"),
        ("status=401 code=incorrect_hostname", 500, "upstream_auth_failure", "Default:Internal"),
        ("status=404", 404, "model_not_found", "LanguageModelService:LanguageModelNotAvailable"),
        (
            "status=429 code=rate_limit_exceeded",
            429,
            "rate_limit_exceeded",
            "LanguageModelService:AzurePortalQosException",
        ),
        ("status=429 code=insufficient_quota", 503, "provider_quota", None),
        ("status=429 code=billing_not_active", 503, "provider_quota", None),
        ("status=400 code=billing_hard_limit_reached", 503, "provider_quota", None),
        ("status=402", 503, "provider_quota", None),
        ("status=500", 500, "upstream_error", "Default:Internal"),
        ("status=502", 500, "upstream_error", "Default:Internal"),
        ("status=504", 500, "upstream_error", "Default:Internal"),
        ("status=503", 503, "server_is_overloaded", None),
        ("redirect=https://elsewhere.example/v1/responses", 500, "upstream_error", "Default:Internal"),
        # it was reached and may have done the work, so that a second try might pay twice
        ("reset", 500, "upstream_error", "Default:Internal"),
        ("garbage", 500, "upstream_error", "Default:Internal"),
    ],
)
@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["json", "stream"])
def test_a_failure_before_the_answer(
    sidecar: RunningSidecar,
    provider: SimulatedProvider,
    records: Records,
    body: dict[str, object],
    directive: str,
    status: int,
    code: object,
    name: str | None,
) -> None:
    provider.script(directive)
    reply = post(sidecar.port, body)
    assert reply.status == status
    assert reply.headers["content-type"] == "application/json"
    assert code is ... or reply.code == code
    assert reply.json.get("errorName") == name
    assert "location" not in reply.headers
    (record,) = records.wait()
    assert record["call.outcome"] == "provider_error"
    assert record["http.response.status_code"] == status
    assert len(provider.calls) == 1


@pytest.mark.parametrize(
    ("directive", "alarm"),
    [
        ("status=401 code=invalid_api_key", "provider_credentials"),
        ("status=429 code=insufficient_quota", "provider_quota"),
        ("status=400 code=billing_hard_limit_reached", "provider_quota"),
        ("status=401 code=incorrect_hostname", "georestriction"),
        ("status=403 code=data_residency_mismatch", "georestriction"),
    ],
)
def test_what_an_operator_must_know_at_once_is_an_alarm(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records, directive: str, alarm: str
) -> None:
    provider.script(directive)
    post(sidecar.port)
    (raised,) = records.wait("alarm")
    assert raised["alarm"] == alarm


def test_retry_after_is_kept(sidecar: RunningSidecar, provider: SimulatedProvider) -> None:
    provider.script("status=429 code=rate_limit_exceeded retry_after=7")
    reply = post(sidecar.port)
    assert reply.headers["retry-after"] == "7"
    assert "x-should-retry" not in reply.headers


def test_a_final_refusal_names_no_time_to_try_again(sidecar: RunningSidecar, provider: SimulatedProvider) -> None:
    provider.script("status=404 retry_after=7")
    reply = post(sidecar.port)
    assert reply.headers["x-should-retry"] == "false"
    assert not {"retry-after", "retry-after-ms"} & set(reply.headers)


@pytest.mark.parametrize("directive", ["cut=3", "end=3"])
def test_a_stream_that_breaks_off_ends_in_one_error_event(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records, directive: str
) -> None:
    provider.script(directive)
    reply = post(sidecar.port, STREAM)
    events = [json.loads(line[6:]) for line in reply.body.decode().splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events].count("error") == 1
    assert events[-1]["error"]["code"] == "stream_truncated"
    assert len(events) == 4
    (record,) = records.wait()
    assert record["call.outcome"] == "truncated"
    assert record["usage.status"] == "interrupted"
    assert record["error.type"] == "truncated"


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed", "error_event"])
def test_each_terminal_event_ends_a_stream_wholly(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records, kind: str
) -> None:
    provider.script("" if kind == "completed" else kind)
    reply = post(sidecar.port, STREAM)
    assert b"stream_truncated" not in reply.body
    (record,) = records.wait()
    assert record["call.outcome"] == ("served" if kind in {"completed", "incomplete"} else "provider_error")
    assert record.get("error.type") == (None if kind in {"completed", "incomplete"} else "provider_error")
    assert record["usage.status"] == ("reported" if kind in {"completed", "incomplete"} else "unknown")


def test_a_provider_that_never_answers_is_timed_out(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    provider.script("hang")
    settings = make_settings()
    settings = make_settings(provider=settings.provider.model_dump() | {"timeouts": {"read": 0.3}})
    with RunningSidecar(settings) as sidecar:
        reply = post(sidecar.port)
    assert (reply.status, reply.code) == (500, "timeout")
    assert reply.json["errorName"] == "LanguageModelService:LlmSocketTimeout"
    (call,) = provider.wait_for_calls(1)
    assert call.hung_up.wait(LONGEST)


def test_a_stream_that_falls_silent_is_ended(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    provider.script("pause=60")
    settings = make_settings()
    settings = make_settings(provider=settings.provider.model_dump() | {"timeouts": {"read": 0.5}})
    with RunningSidecar(settings) as sidecar:
        reply = post(sidecar.port, STREAM)
    assert b'"code":"timeout"' in reply.body
    (record,) = records.wait()
    assert record["call.outcome"] == "timed_out"


def test_a_stream_that_takes_too_long_in_all_is_ended(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    provider.script("pause=0.05 events=1000")
    settings = make_settings(provider=make_settings().provider.model_dump() | {"timeouts": {"total": 0.5}})
    with RunningSidecar(settings) as sidecar:
        reply = post(sidecar.port, STREAM)
    assert b'"code":"timeout"' in reply.body
    (record,) = records.wait()
    assert record["call.outcome"] == "timed_out"


@pytest.mark.parametrize("silent", [True, False], ids=["no handshake", "refused"])
def test_a_provider_that_can_not_be_reached(make_settings: SettingsMaker, records: Records, silent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=5) as listener:
        port = listener.getsockname()[1]
        if not silent:
            listener.close()
        base = make_settings().provider.model_dump()
        base["regions"]["global"]["url"] = f"https://127.0.0.1:{port}/v1"
        with RunningSidecar(make_settings(provider=base | {"timeouts": {"connect": 0.3 if silent else 20}})) as sidecar:
            reply = post(sidecar.port)
    expected = (500, "timeout") if silent else (503, "upstream_unreachable")
    assert (reply.status, reply.code) == expected
    (record,) = records.wait()
    assert record["call.outcome"] == ("timed_out" if silent else "provider_error")


def test_a_certificate_that_is_not_trusted(make_settings: SettingsMaker, records: Records) -> None:
    with SimulatedProvider() as stranger:  # its own authority, which the sidecar was not told of
        base = make_settings().provider.model_dump()
        base["regions"]["global"]["url"] = stranger.url
        with RunningSidecar(make_settings(provider=base)) as sidecar:
            reply = post(sidecar.port)
        assert stranger.calls == []
    assert (reply.status, reply.code) == (503, "upstream_unreachable")
    (record,) = records.wait()
    assert "ertificate" in record["refusal.detail"]


def test_a_caller_that_hangs_up_cancels_the_providers_work(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    provider.script("pause=0.05 events=1000")
    with socket.create_connection(("127.0.0.1", sidecar.port)) as connection:
        connection.sendall(request_bytes(STREAM))
        assert connection.recv(65536)
    (call,) = provider.wait_for_calls(1)
    assert call.hung_up.wait(LONGEST)
    (record,) = records.wait()
    assert record["call.outcome"] == "caller_gone"
    assert record["usage.status"] == "interrupted"


def test_a_caller_that_hangs_up_after_the_last_event_was_served(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    """Codex does so."""
    provider.script(f"hold={WHOLE_STREAM}")
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as connection:
        connection.sendall(request_bytes(STREAM))
        answer = b""
        while b"\n\n" not in CHUNK_EDGE.sub(b"", answer).partition(b"event: response.completed")[2]:
            answer += connection.recv(65536)
    (record,) = records.wait()
    assert (record["call.outcome"], record["usage.status"]) == ("served", "reported")
    assert "error.type" not in record


def test_a_stream_cut_after_its_last_event_was_whole(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    provider.script(f"cut={WHOLE_STREAM}")
    reply = post(sidecar.port, STREAM)
    assert b"event: response.completed" in reply.body
    assert b"event: error" not in reply.body
    (record,) = records.wait()
    assert (record["call.outcome"], record["usage.status"]) == ("served", "reported")


def test_a_caller_that_hangs_up_before_the_answer(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    provider.script("hang")
    with socket.create_connection(("127.0.0.1", sidecar.port)) as connection:
        connection.sendall(request_bytes())
        (call,) = provider.wait_for_calls(1)
    assert call.hung_up.wait(LONGEST)
    (record,) = records.wait()
    assert record["call.outcome"] == "caller_gone"
    assert "http.response.status_code" not in record


def test_after_a_failure_the_connection_still_serves(sidecar: RunningSidecar, provider: SimulatedProvider) -> None:
    provider.script("status=500", "")
    with socket.create_connection(("127.0.0.1", sidecar.port)) as connection:
        connection.sendall(request_bytes())
        assert read_reply(connection).status == 500
        connection.sendall(request_bytes())
        assert read_reply(connection).status == 200


def test_a_bound_on_requests_is_none_on_answers(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    with RunningSidecar(make_settings(policy={"max_body_bytes": 500})) as sidecar:
        reply = post(sidecar.port)
    assert reply.status == 200
    assert len(reply.body) > 500
    (record,) = records.wait()
    assert (record["call.outcome"], record["usage.status"]) == ("served", "reported")


def test_names_that_no_resolver_answers_keep_nobody_else_waiting(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body in an encoding is read on a thread, as names are looked up: more than there are threads hang at once."""
    resolve, over = socket.getaddrinfo, threading.Event()

    def silent(host: Any, *more: Any, **how: Any) -> Any:
        if host == "silent.invalid" and not how.get("flags"):
            over.wait(60)
        return resolve(host, *more, **how)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    region = {"url": "https://silent.invalid/v1", "api_key": {"env": "PATH"}}
    refused = gzip.compress(json.dumps({**HELLO, "store": True}).encode())
    with RunningSidecar(make_settings(provider={"regions": {"global": region}})) as sidecar, ExitStack() as callers:
        for _ in range(40):
            caller = callers.enter_context(socket.create_connection(("127.0.0.1", sidecar.port), 30))
            caller.sendall(request_bytes())
        eventually(lambda: len(sidecar.services.under_way) == 40)
        try:
            assert post(sidecar.port, refused, headers=[("Content-Encoding", "gzip")]).code == "unsupported_parameter"
        finally:
            over.set()
