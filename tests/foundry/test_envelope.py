"""Refusals as they leave: member by member, and as the real SDKs of both worlds read them."""

import json
from typing import Any

import foundry_sdk
import httpx2
import openai
import pytest

from addons.foundry.envelope import ErrorFormat, render
from addons.foundry.refusals import KINDS, Refusal

ID = "6f8b2f6e-2f5b-4c55-9d3e-0c7b4f1f2a11"


def body_of(refusal: Refusal, error_format: ErrorFormat = "hybrid") -> Any:
    return json.loads(render(refusal, error_format)[2])


def test_the_whole_envelope() -> None:
    refusal = Refusal(
        "refused_feature", "tools[0] keeps state at the provider.", param="tools[0]", rule="ZERO_DATA_RETENTION",
        instance_id=ID,
    )  # fmt: skip
    status, headers, body = render(refusal)
    assert status == 400
    assert headers == {
        "x-request-id": ID,
        "cache-control": "no-store",
        "content-type": "application/json",
        "x-should-retry": "false",
        "QoS-Retry-Hint": "do-not-retry",
    }
    assert json.loads(body) == {
        "errorCode": "INVALID_ARGUMENT",
        "errorName": "LanguageModelService:InvalidRequest",
        "errorInstanceId": ID,
        "parameters": {
            "message": "tools[0] keeps state at the provider.",
            "safeParams": "{field=tools[0], policy=ZERO_DATA_RETENTION}",
            "unsafeParams": "{}",
        },
        "message": "tools[0] keeps state at the provider.",
        "error": {
            "message": f"tools[0] keeps state at the provider. (LanguageModelService:InvalidRequest, {ID})",
            "type": "invalid_request_error",
            "param": "tools[0]",
            "code": "unsupported_parameter",
        },
    }


@pytest.mark.parametrize(
    ("refusal", "parameters"),
    [
        (Refusal("missing_credentials", "m"), {}),
        (Refusal("unauthorized", "m", {"error": "EXPIRED"}), {"error": "EXPIRED"}),
        (Refusal("model_not_found", "m", {"modelId": "ri.x"}, param="model"), {"modelId": "ri.x"}),
        (
            Refusal("model_not_available", "m", {"languageModelRid": "ri.x"}, param="model", rule="GEORESTRICTION"),
            {"message": "m", "safeParams": "{languageModelRid=ri.x}", "unsafeParams": "{}"},
        ),
        (
            Refusal("invalid_json", "m", {"line": "3", "column": "6"}),
            {"message": "m", "safeParams": "{line=3, column=6}", "unsafeParams": "{}"},
        ),
        (
            Refusal("invalid_model", "m", param="model"),
            {"message": "m", "safeParams": "{field=model}", "unsafeParams": "{}"},
        ),
        (
            Refusal("unknown_field", "Take out 'x'.", param="x", rule="UNKNOWN"),
            {
                "message": "Request contained an unrecognized field",
                "safeParams": "{}",
                "unsafeParams": "{unrecognizedProperty=x}",
            },
        ),
    ],
)
def test_parameters(refusal: Refusal, parameters: dict[str, str]) -> None:
    assert body_of(refusal)["parameters"] == parameters


@pytest.mark.parametrize(
    ("error_format", "members"),
    [
        ("hybrid", {"errorCode", "errorName", "errorInstanceId", "parameters", "message", "error"}),
        ("foundry", {"errorCode", "errorName", "errorInstanceId", "parameters", "message"}),
        ("openai", {"error"}),
    ],
)
def test_formats(error_format: ErrorFormat, members: set[str]) -> None:
    assert set(body_of(Refusal("missing_body", "m"), error_format)) == members


def test_a_kind_foundry_has_no_name_for() -> None:
    body = body_of(Refusal("provider_overloaded", "Try later.", instance_id=ID))
    assert body == {
        "errorInstanceId": ID,
        "message": "Try later.",
        "error": {
            "message": f"Try later. ({ID})",
            "type": "server_error",
            "param": None,
            "code": "server_is_overloaded",
        },
    }


def test_the_providers_own_error_is_relayed_as_it_came() -> None:
    error = {"message": "Bad input.", "type": "invalid_request_error", "param": None, "code": None, "more": [1]}
    refusal = Refusal("provider_rejected", "Bad input.", {"errorMessage": "Bad input."}, provider_error=error)
    assert body_of(refusal)["error"] == body_of(refusal, "openai")["error"] == error
    assert body_of(refusal)["parameters"] == {"errorMessage": "Bad input."}


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refusal("method_not_allowed", headers={"Allow": "POST"}), {"Allow": "POST"}),
        (Refusal("missing_credentials"), {"WWW-Authenticate": "Bearer"}),
        (Refusal("unauthorized"), {"WWW-Authenticate": 'Bearer error="invalid_token"'}),
        (Refusal("unauthorized", headers={"WWW-Authenticate": "Basic"}), {"WWW-Authenticate": "Basic"}),
        (Refusal("rate_limited", headers={"Retry-After": "7"}), {"Retry-After": "7"}),
        (Refusal("ledger_unavailable", headers={"Retry-After": "5"}), {"Retry-After": "5"}),
        (Refusal("provider_overloaded", headers={"retry-after": "9"}), {"retry-after": "9"}),
    ],
)  # fmt: skip
def test_further_headers(refusal: Refusal, expected: dict[str, str]) -> None:
    headers = render(refusal)[1]
    assert headers.items() >= expected.items()
    assert len({*map(str.lower, headers)}) == len(headers)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_renders(name: str) -> None:
    kind = KINDS[name]
    status, headers, body = render(Refusal(name, "m", instance_id=ID))
    assert status == kind.status
    assert headers["x-request-id"] == ID
    assert headers["cache-control"] == "no-store"
    assert ("x-should-retry" in headers) == ("QoS-Retry-Hint" in headers) == kind.final
    assert headers.get("Retry-After") == ("1" if status == 503 else None)
    assert ("content-type" in headers) == (body != b"") == (not kind.empty)


# -- as the SDKs read it

EXCEPTIONS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}


@pytest.mark.parametrize("error_format", ["hybrid", "openai"])
@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.empty])
def test_openai_python_raises_its_own_exception(name: str, error_format: ErrorFormat) -> None:
    kind = KINDS[name]
    refusal = Refusal(name, "What is wrong.", {"a": "b"}, param="input[0]", instance_id=ID)
    calls = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        calls.append(request)
        status, headers, body = render(refusal, error_format)
        return httpx2.Response(status, headers={**headers, "retry-after-ms": "1"}, content=body)

    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as http,
        openai.OpenAI(api_key="k", http_client=http, max_retries=1) as sdk,
        pytest.raises(openai.APIStatusError) as caught,
    ):
        sdk.responses.create(model="m", input="i")

    error = caught.value
    assert type(error) is EXCEPTIONS.get(kind.status, openai.APIStatusError)
    assert (error.code, error.type, error.param) == (kind.openai_code, kind.openai_type, "input[0]")
    assert error.request_id == ID
    assert isinstance(error.body, dict)
    source = f"{kind.error_name}, {ID}" if kind.error_name else ID
    assert error.body["message"] == f"What is wrong. ({source})"
    assert len(calls) == (1 if kind.final else 2)


@pytest.mark.parametrize("error_format", ["hybrid", "foundry"])
def test_foundrys_python_sdk_finds_its_members(error_format: ErrorFormat) -> None:
    refusal = Refusal("invalid_attribution", "m", {"header": "attribution"}, instance_id=ID)
    error = foundry_sdk.BadRequestError(body_of(refusal, error_format))
    assert (error.name, error.error_code) == ("InvalidAttributionHeader", "INVALID_ARGUMENT")
    assert (error.parameters, error.error_instance_id) == ({"header": "attribution"}, ID)
