import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from openai.auth import _workload as sdk

from addons.provider_credentials.settings import IdentitySettings
from addons.provider_credentials.token_exchange import IssuedToken, read_answer, request
from addons.sources.http_client import HttpAnswer
from tests.provider_credentials.endpoint import SUBJECT_TOKEN
from tests.provider_credentials.endpoint import issued as reply
from tests.verifiers.servers import serving

SETTINGS = IdentitySettings(identity_provider_id="wip_1", service_account_id="sa_1", token_file=Path("token"))


def answer(status: int, body: bytes | str) -> HttpAnswer:
    return HttpAnswer(status, body if isinstance(body, bytes) else body.encode())


@pytest.mark.parametrize("token_type", ["jwt", "id"])
def test_the_request_is_the_one_openais_own_sdk_makes(token_type: Any) -> None:
    own = SETTINGS.model_copy(update={"token_type": token_type})
    identity: sdk.WorkloadIdentity = {
        "identity_provider_id": own.identity_provider_id,
        "service_account_id": own.service_account_id,
        "provider": {"token_type": token_type, "get_token": lambda: SUBJECT_TOKEN},
    }

    async def main() -> tuple[str, Any]:
        async def say(_: object) -> Any:
            return reply()

        async with serving(say) as served:
            auth = sdk.WorkloadIdentityAuth(workload_identity=identity, token_exchange_url=served.url)
            token = await asyncio.to_thread(auth.get_token)
            return token, json.loads(served.requests[0].body)

    token, sent = asyncio.run(main())
    assert json.loads(request(own, SUBJECT_TOKEN)) == sent
    assert read_answer(answer(*reply()[:2]), SUBJECT_TOKEN).token == token.encode()


def test_the_defaults_are_those_of_openais_own_sdk() -> None:
    assert SETTINGS.url == sdk.DEFAULT_TOKEN_EXCHANGE_URL
    assert SETTINGS.refresh_buffer_seconds == sdk.DEFAULT_REFRESH_BUFFER_SECONDS


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (reply(), IssuedToken(b"short-lived", 3600)),
        (reply(seconds=0.5), IssuedToken(b"short-lived", 0.5)),
        (reply(seconds=1e300), IssuedToken(b"short-lived", 86_400)),
        (reply(token_type="bearer", issued_token_type="urn:x:access_token"), IssuedToken(b"short-lived", 3600)),
        (reply(token_type=None), IssuedToken(b"short-lived", 3600)),
    ],
    ids=["usual", "half a second", "for ever", "as RFC 8693 has it", "no type, as OpenAI's SDK takes it"],
)  # fmt: skip
def test_taken(said: Any, expected: IssuedToken) -> None:
    assert read_answer(answer(*said), SUBJECT_TOKEN) == expected


LIES: dict[str, tuple[int, bytes | str, str]] = {
    "no JSON": (200, "<html>", "no JSON object"),
    "nothing": (200, "", "no JSON object"),
    "a list": (200, "[]", "no JSON object"),
    "nested without end": (200, b"[" * 100_000, "no JSON object"),
    "no token": (*reply(access_token=None)[:2], "access_token"),
    "an empty token": (*reply("")[:2], "access_token"),
    "a token that ends the header": (*reply("a\r\nX-Evil: 1")[:2], "access_token"),
    "a token with a space": (*reply("a b")[:2], "access_token"),
    "a token that is no ASCII": (*reply("t\u00f6ken")[:2], "access_token"),
    "a token of a megabyte": (*reply("a" * 1_000_000)[:2], "access_token"),
    "a token that is a list": (*reply(access_token=["a"])[:2], "access_token"),
    "the pod's own token": (*reply(SUBJECT_TOKEN)[:2], "the token that was sent"),
    "another kind of token": (*reply(token_type="N_A")[:2], "token_type"),
    "proof of possession": (*reply(token_type="DPoP")[:2], "token_type"),
    "no end": (*reply(expires_in=None)[:2], "expires_in"),
    "an end in words": (*reply(expires_in="3600")[:2], "expires_in"),
    "an end that is true": (*reply(expires_in=True)[:2], "expires_in"),
    "over already": (*reply(seconds=0)[:2], "expires_in"),
    "over long ago": (*reply(seconds=-10)[:2], "expires_in"),
    "not a number of seconds": (200, '{"access_token": "a", "expires_in": NaN}', "expires_in"),
    "a token, but not found": (404, reply()[1], "status 404"),
    "a token, but created": (201, reply()[1], "status 201"),
    "elsewhere": (302, "", "status 302"),
    "an OAuth error": (400, '{"error": "invalid_grant", "error_description": "x"}', "status 400 (invalid_grant)"),
    "an error that quotes": (403, json.dumps({"error": f"no {SUBJECT_TOKEN}"}), "status 403"),
    "a failure": (500, "oops", "status 500"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body", "message"), LIES.values(), ids=LIES)
def test_not_taken(status: int, body: bytes | str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_answer(answer(status, body), SUBJECT_TOKEN)
    assert message in str(caught.value)
    assert SUBJECT_TOKEN not in str(caught.value)
    assert "short-lived" not in str(caught.value)
