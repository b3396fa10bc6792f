"""Verifiers that ask over the network, through a real proxy and against real servers."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httputil import HTTPServerRequest

from addons.configuration.settings import Settings
from addons.foundry.caller import SCOPE
from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import TOKEN, Reply, post
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.verifiers.background import served
from tests.verifiers.servers import NOBODY, Answer, Served, always

VERIFIERS = ["introspection", "foundry"]
SERVED: dict[str, dict[str, Any]] = {
    "introspection": {"active": True, "sub": "alice", "scope": SCOPE},
    "foundry": {"id": "alice", "username": "a name", "attributes": {}},
}
UNREACHABLE = (503, "service_unavailable")


@pytest.fixture
def caller(tmp_path: Path) -> Any:
    (tmp_path / "secret").write_text("client-secret")

    def settings(verifier: str, url: str, deadline: float = 10) -> dict[str, Any]:
        own: dict[str, Any] = {"url": url, "deadline_seconds": deadline}
        if verifier == "introspection":
            own |= {"client_id": "sidecar", "client_secret": {"file": tmp_path / "secret"}}
        else:
            own |= {"subjects": {"alice": {"scopes": [SCOPE]}}}
        return {"verifier": verifier, verifier: own}

    return settings


def call(settings: Settings) -> Reply:
    with RunningSidecar(settings) as sidecar:
        return post(sidecar.port)


def about_the_caller(asked: Served) -> list[HTTPServerRequest]:
    """What was asked on behalf of the call; the sidecar also asks for itself, to know whether it is ready."""
    return [request for request in asked.requests if TOKEN in repr((list(request.headers.get_all()), request.body))]


def told(reply: Reply) -> tuple[int, str | None]:
    return reply.status, reply.code


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_good_token_is_asked_about_once_and_stays_here(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, caller: Any, verifier: str
) -> None:
    with served(always(200, json.dumps(SERVED[verifier]))) as asked:
        with RunningSidecar(make_settings(caller=caller(verifier, asked.url))) as sidecar:
            replies = [post(sidecar.port) for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 200, 200]
        (request,) = about_the_caller(asked)
    if verifier == "introspection":
        assert request.body_arguments["token"] == [TOKEN.encode()]
        assert request.headers["authorization"].startswith("Basic ")
    else:
        assert (request.path, request.headers["authorization"]) == ("/multipass/api/me", f"Bearer {TOKEN}")
    assert {record["caller"] for record in records.wait(count=3)} == {"alice"}
    assert TOKEN not in records.everything()
    assert TOKEN not in repr([(seen.headers, seen.body) for seen in provider.calls])


@pytest.mark.parametrize(
    ("verifier", "answer", "expected"),
    [
        ("introspection", (200, json.dumps({"active": False})), (401, "invalid_api_key")),
        ("introspection", (200, json.dumps(SERVED["introspection"] | {"scope": "api:read"})), (403, "missing_scope")),
        ("introspection", (200, json.dumps(SERVED["introspection"] | {"exp": 1})), (401, "invalid_api_key")),
        ("introspection", (401, "{}"), UNREACHABLE),  # it is the sidecar that was refused
        ("introspection", (500, ""), UNREACHABLE),
        ("introspection", (200, "<html>"), UNREACHABLE),
        ("introspection", (302, "", {"Location": "/elsewhere"}), UNREACHABLE),
        ("foundry", (200, json.dumps(SERVED["foundry"] | {"id": "bob"})), (403, "missing_scope")),
        ("foundry", (401, "{}"), (401, "invalid_api_key")),
        ("foundry", (403, "{}"), (401, "invalid_api_key")),
        ("foundry", (500, ""), UNREACHABLE),
        ("foundry", (200, "<html>"), UNREACHABLE),
        ("foundry", (302, "", {"Location": "/elsewhere"}), UNREACHABLE),
    ],
)
def test_a_token_that_is_not_proven_good(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    caller: Any,
    verifier: str,
    answer: tuple[Any, ...],
    expected: tuple[int, str],
) -> None:
    with served(always(*answer)) as asked:
        reply = call(make_settings(caller=caller(verifier, asked.url)))
        assert len(about_the_caller(asked)) == 1
    assert_refused(reply, expected, provider, records)


async def never(_request: HTTPServerRequest) -> Any:
    await asyncio.Event().wait()


@pytest.fixture(params=["nobody listens", "accepts and is silent", "never answers"])
def out_of_reach(request: pytest.FixtureRequest) -> Iterator[str]:
    answer: Answer = never
    if request.param == "nobody listens":
        yield NOBODY
    elif request.param == "accepts and is silent":
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    else:
        with served(answer) as asked:
            yield asked.url


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_verifier_out_of_reach(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    caller: Any,
    verifier: str,
    out_of_reach: str,
) -> None:
    reply = call(make_settings(caller=caller(verifier, out_of_reach, deadline=0.2)))
    assert_refused(reply, UNREACHABLE, provider, records)


def assert_refused(reply: Reply, expected: tuple[int, str], provider: SimulatedProvider, records: Records) -> None:
    assert told(reply) == expected
    assert ("retry-after" in reply.headers) == (expected == UNREACHABLE)
    assert ("x-should-retry" in reply.headers) == (expected != UNREACHABLE)
    assert (provider.dialled, provider.calls) == (0, [])
    (record,) = records.wait()
    assert (record["policy.decision"], record["http.response.status_code"]) == ("refused", expected[0])
    assert TOKEN not in records.everything()
    assert b"client-secret" not in reply.body
