"""Where the keys of an issuer lie, as its own document says."""

import json
from pathlib import Path
from typing import Any

import pytest
from tornado.httputil import HTTPServerRequest

from addons.foundry.alarm_names import Alarm
from addons.foundry.caller import Caller
from addons.verifiers.build import build_verifier
from addons.verifiers.discovery import key_set_address
from addons.verifiers.sections import JwtSettings
from addons.verifiers.settings import CallerSettings
from tests.sources.raised_alarms import Alarms
from tests.verifiers.refusals import run, verdict
from tests.verifiers.servers import Answer, Reply, always, serving
from tests.verifiers.tokens import AUDIENCE, ISSUER, RSA, jwk, key_set, signed

UNREACHABLE = "verifier_unreachable"
DOCUMENT = "/.well-known/openid-configuration"


def issuer(**changes: Any) -> Answer:
    """An issuer with document and keys; `changes` to the document, None takes a member out."""

    async def answer(request: HTTPServerRequest) -> Reply:
        if request.path == "/keys":
            return 200, key_set(jwk(RSA))
        said = {"issuer": ISSUER, "jwks_uri": f"{request.protocol}://{request.host}/keys"} | changes
        return 200, json.dumps({name: value for name, value in said.items() if value is not None})

    return answer


async def asked(answer: Answer, alarms: Alarms | None = None, **own: Any) -> tuple[Caller | str, list[str], list[Any]]:
    """The verdict on a good token, what was asked for, and with which credentials."""
    async with serving(answer) as served:
        settings = {"issuer": ISSUER, "audience": AUDIENCE, "discovery": served.url + DOCUMENT} | own
        verifier = build_verifier(
            CallerSettings.model_validate({"verifier": "jwt", "jwt": settings}), alarms or Alarms()
        )
        found = await verdict(verifier, signed())
        shown = [request.headers.get("Authorization") for request in served.requests]
        return found, [request.path for request in served.requests], shown


def test_the_document_says_where_the_keys_lie() -> None:
    found, paths, shown = run(asked(issuer()))
    assert isinstance(found, Caller)
    assert paths == [DOCUMENT, "/keys"]
    assert shown == [None, None]


@pytest.mark.parametrize(
    ("own", "url"),
    [
        ({"issuer": "https://a.example", "discovery": True}, "https://a.example/.well-known/openid-configuration"),
        ({"issuer": "https://a.example/", "discovery": True}, "https://a.example/.well-known/openid-configuration"),
        (
            {"issuer": "https://a.example/b/c", "discovery": True},
            "https://a.example/b/c/.well-known/openid-configuration",
        ),
        ({"issuer": "cluster", "discovery": "https://10.0.0.1/here"}, "https://10.0.0.1/here"),
        ({"issuer": "cluster", "jwks_url": "https://10.0.0.1/keys"}, "https://10.0.0.1/keys"),
    ],
)
def test_the_address_that_is_asked_first(own: dict[str, Any], url: str) -> None:
    assert key_set_address(JwtSettings.model_validate({"audience": AUDIENCE} | own)).url == url


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (issuer(issuer="https://evil.example"), "another issuer's"),
        (issuer(issuer=ISSUER + "/"), "another issuer's"),
        (issuer(issuer=None), "another issuer's"),
        (issuer(issuer=[ISSUER]), "another issuer's"),
        (issuer(jwks_uri=None), "names no jwks_uri"),
        (issuer(jwks_uri=7), "names no jwks_uri"),
        (issuer(jwks_uri="http://evil.example/keys"), "plain http is allowed only to loopback"),
        (issuer(jwks_uri="file:///etc/passwd"), "write an absolute URL"),
        (issuer(jwks_uri="https://user:word@issuer.example/"), "without user name"),
        (always(200, "<html>"), "not JSON"),
        (always(200, b"\xff\xfe"), "not JSON"),
        (always(200, b"[" * 100_000), "not JSON"),
        (always(200, "[]"), "another issuer's"),
        (always(404, ""), "status 404"),
        (always(302, "", {"Location": "/keys"}), "status 302"),
    ],
    ids=range(15),
)
def test_a_document_that_is_of_no_use(answer: Answer, why: str) -> None:
    alarms = Alarms()
    found, paths, _ = run(asked(answer, alarms))
    assert found == UNREACHABLE
    assert paths == [DOCUMENT]
    ((name, said),) = alarms.raised
    assert name == Alarm.CALLER_KEYS
    assert why in said


def test_credentials_are_shown_to_the_host_the_operator_wrote_alone(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("the-pods-own")
    credentials = {"file": str(tmp_path / "token")}

    async def main() -> None:
        found, _, shown = await asked(issuer(), credentials=credentials)
        assert isinstance(found, Caller)
        assert shown == ["Bearer the-pods-own"] * 2
        async with serving(issuer()) as elsewhere:
            found, paths, shown = await asked(issuer(jwks_uri=f"{elsewhere.url}/keys"), credentials=credentials)
            assert isinstance(found, Caller)
            assert (paths, shown) == ([DOCUMENT], ["Bearer the-pods-own"])
            assert [request.headers.get("Authorization") for request in elsewhere.requests] == [None]

    run(main())


def test_credentials_that_are_gone(tmp_path: Path) -> None:
    found, paths, _ = run(asked(issuer(), credentials={"file": str(tmp_path / "token")}))
    assert (found, paths) == (UNREACHABLE, [])
