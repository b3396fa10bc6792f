import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from addons.foundry.caller import SCOPE, Caller
from addons.sources.http_client import HttpClient
from addons.verifiers.introspection import Introspection
from addons.verifiers.sections import IntrospectionSettings
from tests.verifiers.refusals import run, verdict
from tests.verifiers.servers import NOBODY, Reply, always, serving

NOW = int(time.time())
UNREACHABLE = "verifier_unreachable"
ALICE = {"active": True, "sub": "alice", "scope": f"openid {SCOPE}"}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("s3:cr t\n")
    return path


def settings(url: str, secret: Path, **changes: Any) -> IntrospectionSettings:
    given = {"url": url, "client_id": "side:car", "client_secret": {"file": secret}}
    return IntrospectionSettings.model_validate(given | changes)


def alice(**changes: Any) -> Caller:
    return Caller("alice", frozenset({"openid", SCOPE}), **changes)


SAID: list[tuple[dict[str, Any], dict[str, Any], Caller | str]] = [
    (ALICE, {}, alice()),
    (ALICE | {"exp": NOW + 3600}, {}, alice(expires_at=NOW + 3600)),
    ({"active": True, "sub": "alice"}, {}, Caller("alice", frozenset())),
    ({"active": False}, {}, "INVALID"),
    ({"active": False, "sub": "alice", "scope": SCOPE}, {}, "INVALID"),
    (ALICE | {"exp": NOW - 1}, {}, "EXPIRED"),
    (ALICE | {"exp": str(NOW + 3600)}, {}, "INVALID"),
    (ALICE | {"scope": {SCOPE: 1}}, {}, "INVALID"),
    ({"active": True, "scope": SCOPE}, {}, "INVALID"),
    ({"active": True, "client_id": "p"}, {"subject_claim": "client_id"}, Caller("p", frozenset())),
    (ALICE | {"aud": "me"}, {"audience": "me"}, alice()),
    (ALICE | {"aud": ["other", "me"]}, {"audience": "me"}, alice()),
    (ALICE | {"aud": "me-too"}, {"audience": "me"}, "INVALID"),
    (ALICE | {"aud": {"me": 1}}, {"audience": "me"}, "INVALID"),
    (ALICE, {"audience": "me"}, "INVALID"),
    # not an answer to the question
    ({}, {}, UNREACHABLE),
    (ALICE | {"active": "true"}, {}, UNREACHABLE),
    (ALICE | {"active": 1}, {}, UNREACHABLE),
    (ALICE | {"active": None}, {}, UNREACHABLE),
]
NOISE: list[tuple[int, str | bytes]] = [
    *((status, json.dumps(ALICE)) for status in (201, 302, 400, 401, 403, 404, 429, 500, 503)),
    *((200, body) for body in ("", "<html>", "true", json.dumps([ALICE]), b"\xff", "[" * 100_000)),
]


async def asked(reply: tuple[int, str | bytes], secret: Path, **changes: Any) -> Caller | str:
    async with serving(always(*reply)) as served:
        return await verdict(Introspection(settings(served.url, secret, **changes), HttpClient(5)), "the-token")


@pytest.mark.parametrize(("said", "changes", "expected"), SAID, ids=range(len(SAID)))
def test_answers(said: dict[str, Any], changes: dict[str, Any], expected: Caller | str, secret: Path) -> None:
    assert run(asked((200, json.dumps(said)), secret, **changes)) == expected


@pytest.mark.parametrize("reply", NOISE, ids=range(len(NOISE)))
def test_noise_is_never_a_pass(reply: tuple[int, str | bytes], secret: Path) -> None:
    assert run(asked(reply, secret)) == UNREACHABLE


def test_the_request(secret: Path) -> None:
    async def main() -> None:
        async with serving(always(200, json.dumps(ALICE))) as served:
            verifier = Introspection(settings(served.url, secret), HttpClient(5))
            await verifier.verify("a+b/c~d==")
            secret.write_text("rotated")  # noqa: ASYNC240 - a few bytes, and nothing else runs
            await verifier.verify("t")
            first, second = served.requests
        assert (first.method, first.headers["Accept"]) == ("POST", "application/json")
        assert first.body == b"token=a%2Bb%2Fc~d%3D%3D&token_type_hint=access_token"
        assert credentials(first) == b"side%3Acar:s3%3Acr+t"
        assert credentials(second) == b"side%3Acar:rotated"

    def credentials(request: Any) -> bytes:
        return base64.b64decode(request.headers["Authorization"].removeprefix("Basic "))

    run(main())


def test_nobody_there(secret: Path) -> None:
    assert run(verdict(Introspection(settings(NOBODY, secret), HttpClient(5)), "the-token")) == UNREACHABLE


def test_too_slow(secret: Path) -> None:
    async def never(_: Any) -> Reply:
        await asyncio.Event().wait()
        return 200, json.dumps(ALICE)

    async def main() -> Caller | str:
        async with serving(never) as served:
            return await verdict(Introspection(settings(served.url, secret), HttpClient(0.2)), "the-token")

    assert run(main()) == UNREACHABLE


def test_a_secret_that_is_gone(secret: Path) -> None:
    verifier = Introspection(settings(NOBODY, secret), HttpClient(5))
    secret.unlink()
    assert run(verdict(verifier, "the-token")) == UNREACHABLE
    with pytest.raises(ValueError, match=r"^caller\.introspection\.client_secret: file .* can't be read"):
        Introspection(settings(NOBODY, secret), HttpClient(5))
