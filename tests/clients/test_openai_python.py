"""openai-python by itself, its strict validation on: what it can ask, and what it raises."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import openai
import pydantic
import pytest
from openai.types.responses import FunctionToolParam, ResponseInputParam

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider
from tests.clients.left import assert_left_as_promised
from tests.clients.started import TOKEN, TOKEN_WITHOUT_SCOPE, Started
from tests.conftest import MODEL

WEATHER = FunctionToolParam(
    type="function",
    name="weather",
    description="The weather of a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    strict=True,
)


def client_of(sidecar: Started, token: str = TOKEN) -> openai.OpenAI:
    return openai.OpenAI(
        api_key=token,
        base_url=sidecar.base_url,
        max_retries=0,
        http_client=httpx2.Client(trust_env=False),
        _strict_response_validation=True,
    )


@pytest.fixture
def client(sidecar: Started) -> Iterator[openai.OpenAI]:
    with client_of(sidecar) as client:
        yield client


class Person(pydantic.BaseModel):
    name: str
    age: int | None
    friends: list["Person"]


def test_a_question(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    response = client.responses.create(model=MODEL, input="Hi")
    assert response.output_text.startswith(GREETING)
    assert response.usage is not None
    assert response._request_id is not None
    assert_left_as_promised(provider)


def test_a_stream(client: openai.OpenAI, provider: SimulatedProvider, sidecar: Started) -> None:
    with client.responses.stream(model=MODEL, input="Hi") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        assert "".join(deltas) == stream.get_final_response().output_text
    assert_left_as_promised(provider)
    record = sidecar.record()
    assert (record["gen_ai.request.stream"], record["call.outcome"], record["usage.status"]) == (
        True,
        "served",
        "reported",
    )


@pytest.mark.parametrize("how", ["parse", "stream"])
def test_structured_output(client: openai.OpenAI, provider: SimulatedProvider, how: str) -> None:
    if how == "parse":
        parsed = client.responses.parse(model=MODEL, input="Hi", text_format=Person).output_parsed
    else:
        with client.responses.stream(model=MODEL, input="Hi", text_format=Person) as stream:
            parsed = stream.get_final_response().output_parsed
    assert isinstance(parsed, Person)
    assert_left_as_promised(provider)


def test_a_function_tool_and_its_reasoning_go_round(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    """The whole output of the first turn, sealed reasoning included, goes back in the second."""
    provider.script("reasoning tool_call", "")
    conversation: ResponseInputParam = [{"role": "user", "content": "How is the weather in Bern?"}]
    first = client.responses.create(model=MODEL, input=conversation, tools=[WEATHER])
    called = next(item for item in first.output if item.type == "function_call")
    conversation += [item.to_dict() for item in first.output]  # type: ignore[misc]  # as the documentation shows it
    conversation.append({"type": "function_call_output", "call_id": called.call_id, "output": "snow"})
    second = client.responses.create(model=MODEL, input=conversation, tools=[WEATHER])
    assert json.loads(called.arguments).keys() == {"city"}
    assert "4 characters" in second.output_text
    _, body = assert_left_as_promised(provider, 2)
    (reasoning,) = [item for item in body["input"] if item.get("type") == "reasoning"]
    assert reasoning["encrypted_content"]


BAD, UNKNOWN = openai.BadRequestError, openai.NotFoundError
REFUSALS: list[tuple[Mapping[str, Any], type[openai.APIStatusError], str, str]] = [
    ({"extra_body": {"temprature": 1}}, BAD, "unknown_parameter", "temprature"),
    ({"store": True}, BAD, "unsupported_parameter", "store"),
    ({"previous_response_id": "resp_1"}, BAD, "unsupported_parameter", "previous_response_id"),
    ({"tools": [{"type": "web_search"}]}, BAD, "unsupported_parameter", "tools[0]"),
    ({"model": "gpt-5.2"}, BAD, "invalid_model", "model"),
    ({"model": "ri.language-model-service..language-model.gpt-99"}, UNKNOWN, "model_not_found", "model"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(("asked", "error", "code", "param"), REFUSALS)
def test_a_refusal_raises(
    client: openai.OpenAI,
    provider: SimulatedProvider,
    sidecar: Started,
    asked: Mapping[str, Any],
    error: type[openai.APIStatusError],
    code: str,
    param: str,
    stream: bool,
) -> None:
    create: Any = client.responses.create
    with pytest.raises(error) as raised:
        create(**{"model": MODEL, "input": "Hi", "stream": stream, **asked})
    assert type(raised.value) is error
    assert (raised.value.code, raised.value.param) == (code, param)
    record = sidecar.record()
    assert raised.value.request_id == record["refusal.instance_id"]
    assert record["refusal.instance_id"] in raised.value.message
    assert provider.dialled == 0


@pytest.mark.parametrize(
    ("token", "error", "code"),
    [
        (TOKEN_WITHOUT_SCOPE, openai.PermissionDeniedError, "missing_scope"),
        ("somebody-else", openai.AuthenticationError, "invalid_api_key"),
        ("no bearer token", openai.AuthenticationError, "invalid_api_key"),
    ],
)
def test_a_caller_who_may_not(
    sidecar: Started, provider: SimulatedProvider, token: str, error: type[openai.APIStatusError], code: str
) -> None:
    with client_of(sidecar, token) as client, pytest.raises(error) as raised:
        client.responses.create(model=MODEL, input="Hi")
    assert raised.value.code == code
    assert (
        raised.value.request_id
    )  # of a caller whom nobody knows the log need not hold it: few have a line of their own
    assert raised.value.request_id in raised.value.message
    assert provider.dialled == 0


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(
    ("directive", "error", "status", "code"),
    [
        ("status=400 code=invalid_value", openai.BadRequestError, 400, "invalid_value"),
        ("status=401", openai.InternalServerError, 500, "upstream_auth_failure"),
        ("status=429 retry_after=2", openai.RateLimitError, 429, "rate_limit_exceeded"),
        ("status=429 code=insufficient_quota", openai.InternalServerError, 503, "provider_quota"),
        ("status=500", openai.InternalServerError, 500, "upstream_error"),
        ("status=503", openai.InternalServerError, 503, "server_is_overloaded"),
        ("html", openai.InternalServerError, 500, "upstream_error"),
        ("garbage", openai.InternalServerError, 500, "upstream_error"),
    ],
)
def test_a_provider_that_fails(
    client: openai.OpenAI,
    provider: SimulatedProvider,
    directive: str,
    error: type[openai.APIStatusError],
    status: int,
    code: str,
    stream: bool,
) -> None:
    provider.script(directive)
    with pytest.raises(error) as raised:
        client.responses.create(model=MODEL, input="Hi", stream=stream)
    assert (raised.value.status_code, raised.value.code) == (status, code)
    assert raised.value.request_id
    assert raised.value.response.headers.get("retry-after") == ("2" if "retry_after" in directive else None) or (
        status == 503
    )


@pytest.mark.parametrize("directive", ["cut=3", "end=3"])
def test_a_stream_that_breaks_raises_when_it_does(
    client: openai.OpenAI, provider: SimulatedProvider, sidecar: Started, directive: str
) -> None:
    provider.script(directive)
    events: list[str] = []
    with (
        pytest.raises(openai.APIError) as raised,
        client.responses.create(model=MODEL, input="Hi", stream=True) as stream,
    ):
        events.extend(event.type for event in stream)
    assert not isinstance(raised.value, openai.APIConnectionError)
    assert raised.value.code == "stream_truncated"
    assert events[0] == "response.created"
    assert sidecar.record()["call.outcome"] == "truncated"


def test_the_providers_own_error_event_passes_as_it_came(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    """OpenAI's is flat, and openai-python hands such an event on, with or without a sidecar."""
    provider.script("error_event")
    with client.responses.create(model=MODEL, input="Hi", stream=True) as stream:
        *_, last = stream
    assert last.type == "error"
    assert last.code == "server_error"


def test_an_overloaded_provider_is_asked_again(sidecar: Started, provider: SimulatedProvider) -> None:
    """The SDK's own retries work through the sidecar."""
    provider.script("status=429 retry_after=0", "")
    with client_of(sidecar).with_options(max_retries=1) as client:
        assert client.responses.create(model=MODEL, input="Hi").output_text.startswith(GREETING)
    assert_left_as_promised(provider, 2)
    assert [sidecar.record().get("request.retry_count") for _ in range(2)] == [0, 1]


def test_a_policys_no_is_not_asked_again(sidecar: Started) -> None:
    with client_of(sidecar).with_options(max_retries=2) as client, pytest.raises(openai.BadRequestError):
        client.responses.create(model=MODEL, input="Hi", store=True)
    sidecar.record()
    assert sidecar.lines.empty()
