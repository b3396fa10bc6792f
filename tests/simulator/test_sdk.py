"""The real openai-python against the simulated provider, its strict validation on, over TLS and plain HTTP."""

import json
import ssl
from collections.abc import Iterator

import httpx2
import openai
import pydantic
import pytest
from openai.types.responses import FunctionToolParam

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider


@pytest.fixture
def client(provider: SimulatedProvider) -> Iterator[openai.OpenAI]:
    provider.api_key = "sk-simulated"
    tls = provider.url.startswith("https")
    verify = ssl.create_default_context(cafile=str(provider.ca_file)) if tls else True
    with openai.OpenAI(
        api_key="sk-simulated",
        base_url=provider.url,
        max_retries=0,
        http_client=httpx2.Client(verify=verify, trust_env=False),
        _strict_response_validation=True,
    ) as client:
        yield client


class Person(pydantic.BaseModel):
    name: str
    age: int | None
    friends: list["Person"]


def test_create(client: openai.OpenAI) -> None:
    response = client.responses.create(model="gpt-5.2", input="Hi", store=False)
    assert response.output_text.startswith(GREETING)
    assert response.usage is not None
    assert response._request_id is not None


def test_stream(client: openai.OpenAI) -> None:
    with client.responses.stream(model="gpt-5.2", input="Hi") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        assert "".join(deltas) == stream.get_final_response().output_text
    assert len(deltas) > 5


def test_structured_output(client: openai.OpenAI) -> None:
    response = client.responses.parse(model="gpt-5.2", input="Hi", text_format=Person)
    assert response.output_parsed is not None
    assert response.output_parsed.name == "simulated"


def test_tool_loop(client: openai.OpenAI) -> None:
    class Weather(pydantic.BaseModel):
        city: str

    tool = openai.pydantic_function_tool(Weather)["function"]
    tools = [{"type": "function", **tool}]
    first = client.responses.create(model="gpt-5.2", input="Weather?", tools=tools, tool_choice="required")  # type: ignore[call-overload]  # the shape is the API's
    (call,) = first.output
    assert Weather(**json.loads(call.arguments)).city
    history = [
        {"role": "user", "content": "Weather?"},
        call.to_dict(),
        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
    ]
    second = client.responses.create(model="gpt-5.2", input=history, tools=tools, tool_choice="required")  # type: ignore[call-overload]  # the shape is the API's
    assert "The tool returned 5 characters" in second.output_text


def test_streamed_tool_call(client: openai.OpenAI) -> None:
    tool = FunctionToolParam(type="function", name="weather", parameters={"type": "object"}, strict=False)
    with client.responses.stream(model="gpt-5.2", input="Hi", tools=[tool], tool_choice="required") as stream:
        (call,) = stream.get_final_response().output
    assert call.type == "function_call"
    assert (call.name, call.arguments) == ("weather", "{}")


def test_reasoning(client: openai.OpenAI) -> None:
    with client.responses.stream(
        model="gpt-5.2",
        input="Hi",
        reasoning={"effort": "low", "summary": "auto"},
        include=["reasoning.encrypted_content"],
    ) as stream:
        item, _ = stream.get_final_response().output
    assert item.type == "reasoning"
    assert item.encrypted_content
    assert item.summary[0].text


@pytest.mark.parametrize(
    ("line", "error", "code"),
    [
        ("status=400", openai.BadRequestError, None),
        ("status=401", openai.AuthenticationError, "invalid_api_key"),
        ("status=403", openai.PermissionDeniedError, "unsupported_country_region_territory"),
        ("status=404", openai.NotFoundError, "model_not_found"),
        ("status=429", openai.RateLimitError, "rate_limit_exceeded"),
        ("status=429 code=insufficient_quota", openai.RateLimitError, "insufficient_quota"),
        ("status=500", openai.InternalServerError, None),
        ("status=503", openai.InternalServerError, "server_is_overloaded"),
        ("reset", openai.APIConnectionError, None),
        ("garbage", openai.APIConnectionError, None),
        ("cut=1", openai.APIConnectionError, None),
    ],
)
def test_errors(
    client: openai.OpenAI, provider: SimulatedProvider, line: str, error: type[openai.APIError], code: str | None
) -> None:
    provider.script(line)
    with pytest.raises(error) as caught:
        client.responses.create(model="gpt-5.2", input="Hi")
    assert caught.value.code == code


def test_error_event_comes_last(client: openai.OpenAI) -> None:
    asked = {"simulate": "error_event events=1"}
    with client.responses.create(model="gpt-5.2", input="Hi", stream=True, metadata=asked) as stream:
        *_, last = stream
    assert last.type == "error"
    assert last.code == "server_error"


def test_the_key_is_checked(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-other").responses.create(model="gpt-5.2", input="Hi")
    assert len(provider.calls) == 1
