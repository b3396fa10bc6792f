import asyncio
import json
from typing import Any

import pytest

from addons.foundry.caller import SCOPE, Caller
from addons.sources.http_client import HttpClient
from addons.verifiers.multipass import Multipass
from addons.verifiers.sections import MultipassSettings
from tests.verifiers.refusals import run, verdict
from tests.verifiers.servers import NOBODY, Reply, always, serving

UNREACHABLE = "verifier_unreachable"
RID = "ri.compass.main.folder.a"
SUBJECTS = {
    "id-of-alice": {"scopes": [SCOPE], "projects": [RID]},
    "bob": {"scopes": [SCOPE]},
}


def me(**changes: Any) -> str:
    return json.dumps({"id": "id-of-alice", "username": "bob", "attributes": {}} | changes)


def verifier(url: str, deadline: float = 5, **changes: Any) -> Multipass:
    settings = MultipassSettings.model_validate({"url": url, "subjects": SUBJECTS} | changes)
    return Multipass(settings, HttpClient(deadline))


def refused(error: Any) -> str:
    return json.dumps({"errorCode": "UNAUTHORIZED", "errorName": "Default:Unauthorized", "parameters": error})


CASES: list[tuple[tuple[int, str], dict[str, Any], Caller | str]] = [
    ((200, me()), {}, Caller("id-of-alice", frozenset({SCOPE}), frozenset({RID}))),
    ((200, me(id="x")), {}, Caller("x", frozenset())),  # alive, but holds nothing
    ((200, me(id="x")), {"default": {"scopes": [SCOPE]}}, Caller("x", frozenset({SCOPE}))),
    ((200, me()), {"default": {"scopes": []}}, Caller("id-of-alice", frozenset({SCOPE}), frozenset({RID}))),
    ((200, me(id="x", username="id-of-alice")), {}, Caller("x", frozenset())),  # a name is not an id
    ((401, ""), {}, "INVALID"),
    ((401, refused({"error": "EXPIRED"})), {}, "EXPIRED"),
    ((401, refused({"error": "INVALID"})), {}, "INVALID"),
    ((401, refused({"error": ["EXPIRED"]})), {}, "INVALID"),
    ((401, refused("EXPIRED")), {}, "INVALID"),
    ((401, "[]"), {}, "INVALID"),
    ((403, me()), {}, "INVALID"),
    *(((status, me()), {}, UNREACHABLE) for status in (201, 301, 302, 307, 400, 404, 407, 429, 500, 502, 503)),
    *(((200, body), {}, UNREACHABLE) for body in (
        "", "<html>", "[]", "{}", '{"username": "bob"}', me(id=7), me(id=""), me(id="a\n"), me(id=None), "[" * 100_000,
    )),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "changes", "expected"), CASES, ids=range(len(CASES)))
def test_answers(reply: tuple[int, str], changes: dict[str, Any], expected: Caller | str) -> None:
    async def main() -> Caller | str:
        async with serving(always(*reply, {"Location": "/elsewhere"})) as served:
            found = await verdict(verifier(served.url, **changes), "the-token")
            assert [request.path for request in served.requests] == ["/multipass/api/me"]
            return found

    assert run(main()) == expected


@pytest.mark.parametrize("base", ["", "/", "/behind/a/path/"])
def test_the_request(base: str) -> None:
    async def main() -> None:
        async with serving(always(200, me())) as served:
            await verifier(served.url + base).verify("the-token")
            (request,) = served.requests
            assert (request.method, request.uri) == ("GET", f"{base.rstrip('/')}/multipass/api/me")
            assert request.headers["Authorization"] == "Bearer the-token"

    run(main())


def test_nobody_there() -> None:
    assert run(verdict(verifier(NOBODY), "the-token")) == UNREACHABLE


def test_too_slow() -> None:
    async def never(_: Any) -> Reply:
        await asyncio.Event().wait()
        return 200, me()

    async def main() -> Caller | str:
        async with serving(never) as served:
            return await verdict(verifier(served.url, 0.2), "the-token")

    assert run(main()) == UNREACHABLE
