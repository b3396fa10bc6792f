"""Rate limits and concurrency caps through a real proxy."""

import socket
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.proxy.client import HELLO, post, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.stores.server import Store

PROJECT = "ri.compass.main.folder.a"
ATTRIBUTED = [("attribution", PROJECT)]
STREAM = {**HELLO, "stream": True}

ONE_REQUEST = {"default": {"requests_per_minute": 1}}
NO_TOKENS_TWICE = {"default": {"tokens_per_minute": 1000}}
MOST = {**HELLO, "max_output_tokens": 900}

OF_PROJECT = {PROJECT: {MODEL: {"requests_per_minute": 1}}}

CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("enrollment", {"enrollment": ONE_REQUEST}, {}, "ENROLLMENT"),
    ("project", {"project": OF_PROJECT}, {"headers": ATTRIBUTED}, "PROJECT"),
    ("user", {"user": ONE_REQUEST}, {}, "USER"),
    ("made-up project", {"user": ONE_REQUEST}, {"headers": ATTRIBUTED}, "USER"),
]


@pytest.mark.parametrize(("limits", "request_", "scope"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_one_call_too_many(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    limits: dict[str, Any],
    request_: dict[str, Any],
    scope: str,
) -> None:
    with RunningSidecar(make_settings(limits=limits)) as sidecar:
        assert post(sidecar.port, **request_).status == 200
        dialled = provider.dialled
        reply = post(sidecar.port, **request_)
    assert provider.dialled == dialled
    assert (reply.status, reply.code) == (429, "rate_limit_exceeded")
    assert reply.json["errorName"] == "LanguageModelService:RateLimitsExceeded"
    parameters = reply.json["parameters"]
    told = [parameters[name] for name in ("rateLimitScope", "rateLimitType", "limitPerMinute")]
    assert told == [scope, "REQUESTS", "1"]
    assert parameters["languageModelRid"] == MODEL
    assert reply.headers["x-ratelimit-limit-requests"] == "1"
    assert reply.headers["x-ratelimit-remaining-requests"] == "0"
    assert 0 < int(reply.headers["retry-after-ms"]) <= 1000 * int(reply.headers["retry-after"]) <= 121_000
    assert "x-should-retry" not in reply.headers
    served, refused = records.wait(count=2)
    assert "rate_limit.scope" not in served
    assert (refused["rate_limit.scope"], refused["rate_limit.type"]) == (scope, "REQUESTS")
    assert (refused["policy.decision"], refused["policy.rule"]) == ("refused", "RATE_LIMIT")


@pytest.mark.parametrize(
    ("directive", "body", "status", "again"),
    [
        ("usage=10,0,10,0", MOST, 200, 200),  # settled to what was used
        ("usage=10,0,10,0", {**MOST, "stream": True}, 200, 200),
        ("usage=10,0,980,0", MOST, 200, 429),
        ("failed", {**MOST, "stream": True}, 200, 429),  # nothing reported, so the estimate stands
        ("cut=3", {**MOST, "stream": True}, 200, 429),
        ("status=429", MOST, 429, 200),
        ("status=500", MOST, 500, 200),
        ("status=400", MOST, 400, 200),
        ("reset", MOST, 500, 429),  # what left stays charged
    ],
)
def test_what_a_call_costs(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    directive: str,
    body: dict[str, Any],
    status: int,
    again: int,
) -> None:
    provider.script(directive, "")
    with RunningSidecar(make_settings(limits={"user": NO_TOKENS_TWICE})) as sidecar:
        assert post(sidecar.port, body).status == status
        assert post(sidecar.port, MOST).status == again
    assert all(900 < record["rate_limit.estimated_tokens"] < 1000 for record in records.wait(count=2))


def test_a_caller_that_hangs_up_keeps_its_estimate(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    provider.script("pause=0.05 events=1000", "")
    with RunningSidecar(make_settings(limits={"user": NO_TOKENS_TWICE})) as sidecar:
        with socket.create_connection(("127.0.0.1", sidecar.port)) as connection:
            connection.sendall(request_bytes({**MOST, "stream": True}))
            assert connection.recv(65536)
        records.wait()
        assert post(sidecar.port, MOST).status == 429


def test_a_call_that_fails_after_the_limit_costs_nothing(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    settings = make_settings(limits={"user": ONE_REQUEST})
    own = settings.provider.regions["global"].api_key
    assert own
    key = own.file
    assert key
    content = key.read_text()
    key.unlink()
    with RunningSidecar(settings) as sidecar:
        assert post(sidecar.port).status == 503
        key.write_text(content)
        assert post(sidecar.port).status == 200
        assert post(sidecar.port).status == 429


def test_a_limit_of_zero_is_a_policys_no(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    with RunningSidecar(make_settings(limits={"user": {"default": {"tokens_per_minute": 0}}})) as sidecar:
        reply = post(sidecar.port)
    assert (reply.status, reply.code) == (403, "model_permission_denied")
    assert reply.headers["x-should-retry"] == "false"
    (record,) = records.wait()
    assert record["rate_limit.scope"] == "USER"


def test_warn_lets_pass_and_says_so(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    limits = {"mode": "warn", "user": ONE_REQUEST}
    with RunningSidecar(make_settings(limits=limits)) as sidecar:
        assert [post(sidecar.port).status for _ in range(2)] == [200, 200]
    first, second = records.wait(count=2)
    assert "rate_limit.warned" not in first
    assert (second["rate_limit.warned"], second["rate_limit.scope"]) == (True, "USER")
    assert second["call.outcome"] == "served"


@pytest.mark.parametrize(("cap", "scope"), [("per_caller", "CALLER"), ("total", "SIDECAR")])
def test_one_call_too_many_at_a_time(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, cap: str, scope: str
) -> None:
    provider.script("hang", "hang", "")
    with RunningSidecar(make_settings(limits={"concurrency": {cap: 2}})) as sidecar:
        with (
            socket.create_connection(("127.0.0.1", sidecar.port)) as first,
            socket.create_connection(("127.0.0.1", sidecar.port)) as second,
        ):
            for connection in (first, second):
                connection.sendall(request_bytes())
            provider.wait_for_calls(2)
            reply = post(sidecar.port)
            assert (reply.status, reply.headers["retry-after"]) == (429, "1")
            assert reply.json["parameters"] == {"rateLimitType": "CONCURRENCY", "rateLimitScope": scope}
        records.wait(count=3)
        assert [post(sidecar.port).status for _ in range(5)] == [200] * 5


def test_a_store_that_goes_and_comes_back(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, own_store: Store
) -> None:
    settings = make_settings(limits={"storage": own_store.url, "user": {"default": {"requests_per_minute": 2}}})
    with RunningSidecar(settings) as sidecar:
        assert post(sidecar.port).status == 200
        own_store.kill()
        reply = post(sidecar.port)
        assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "service_unavailable", "1")
        own_store.start()
        assert [post(sidecar.port).status for _ in range(3)] == [200, 200, 429]
    assert records.wait(count=2)[1]["error.type"] == "limits_unavailable"


def test_a_store_that_goes_while_a_call_is_under_way(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, own_store: Store
) -> None:
    provider.script("pause=0.05 events=10")
    settings = make_settings(limits={"storage": own_store.url, "user": NO_TOKENS_TWICE})
    with RunningSidecar(settings) as sidecar, socket.create_connection(("127.0.0.1", sidecar.port)) as connection:
        connection.sendall(request_bytes({**MOST, "stream": True}))
        assert connection.recv(65536)
        own_store.kill()
        (unsettled,) = records.wait("limits_not_settled")
    (record,) = records.wait()
    assert record["call.outcome"] == "served"
    assert unsettled["call.id"] == record["call.id"]


def test_a_store_that_is_away_may_be_done_without(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, own_store: Store
) -> None:
    limits = {"storage": own_store.url, "on_store_failure": "allow", "user": ONE_REQUEST}
    own_store.kill()
    with RunningSidecar(make_settings(limits=limits)) as sidecar:
        assert [post(sidecar.port).status for _ in range(2)] == [200, 200]
    assert {record["rate_limit.store"] for record in records.wait(count=2)} == {"unavailable, not limited"}
