"""Chat completions, embeddings and the models by openai-python, its strict validation on, alone and for Foundry."""

from typing import Any

import openai
import pydantic
import pytest
from foundry_sdk.v2.language_models.utils import get_foundry_token, get_http_client, get_openai_base_url
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider
from tests.clients.left import assert_left_as_promised
from tests.clients.played import EMBEDDINGS
from tests.clients.started import Started
from tests.clients.test_foundry_sdk import PROJECTS, foundry
from tests.clients.test_openai_python import client
from tests.conftest import MODEL

__all__ = ["client", "foundry"]

PATH = "/v1/chat/completions"
HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]
WEATHER = ChatCompletionToolParam(
    type="function",
    function={
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
)


class Person(pydantic.BaseModel):
    name: str
    age: int | None


def test_a_question(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    completion = client.chat.completions.create(model=MODEL, messages=HI, n=2)
    assert [str(choice.message.content)[: len(GREETING)] for choice in completion.choices] == [GREETING] * 2
    assert completion.usage
    assert_left_as_promised(provider, path=PATH)


@pytest.mark.parametrize("usage", [None, False, True])
def test_a_stream(client: openai.OpenAI, provider: SimulatedProvider, sidecar: Started, usage: bool | None) -> None:
    options: Any = openai.omit if usage is None else {"include_usage": usage}
    stream = client.chat.completions.create(model=MODEL, messages=HI, stream=True, stream_options=options)
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices).startswith(GREETING)
    assert [bool(chunk.usage) for chunk in chunks if not chunk.choices] == ([True] if usage else [])
    assert chunks[-1].choices == [] if usage else chunks[-1].choices[0].finish_reason == "stop"
    assert_left_as_promised(provider, path=PATH)
    record = sidecar.record()
    assert (record["openai.api.type"], record["usage.status"]) == ("chat_completions", "reported")


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the client's, of what its own helper made
def test_structured_output(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    """What the parse helper made goes back as it is, in the second turn."""
    first = client.chat.completions.parse(model=MODEL, messages=HI, response_format=Person).choices[0].message
    assert isinstance(first.parsed, Person)
    with client.chat.completions.stream(model=MODEL, messages=HI, response_format=Person) as stream:
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Person)
    again: Any = [*HI, first, *HI]
    assert client.chat.completions.create(model=MODEL, messages=again).choices
    assert_left_as_promised(provider, 3, path=PATH)


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the client's, of what its own helper made
def test_a_function_tool_goes_round(client: openai.OpenAI, provider: SimulatedProvider, streamed: bool) -> None:
    """The message goes back as it is: one that the stream's helper put together has more members than the API knows."""
    provider.script("tool_call", "")
    if streamed:
        with client.chat.completions.stream(model=MODEL, messages=HI, tools=[WEATHER]) as stream:
            first: Any = stream.get_final_completion().choices[0].message
    else:
        first = client.chat.completions.create(model=MODEL, messages=HI, tools=[WEATHER]).choices[0].message
    assert first.tool_calls
    (called,) = first.tool_calls
    conversation: list[Any] = [*HI, first, {"role": "tool", "tool_call_id": called.id, "content": "snow"}]
    second = client.chat.completions.create(model=MODEL, messages=conversation, tools=[WEATHER])
    assert "4 characters" in str(second.choices[0].message.content)
    assert_left_as_promised(provider, 2, path=PATH)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the client's, of what its own helper made
def test_a_function_tool_goes_round_by_the_stream_helper(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    """It leaves the place of the pieces in the message that it puts together."""
    provider.script("tool_call", "")
    with client.chat.completions.stream(model=MODEL, messages=HI, tools=[WEATHER]) as stream:
        first: Any = stream.get_final_completion().choices[0].message
    (called,) = first.tool_calls
    assert called.index == 0
    conversation: list[Any] = [*HI, first, {"role": "tool", "tool_call_id": called.id, "content": "snow"}]
    assert client.chat.completions.create(model=MODEL, messages=conversation, tools=[WEATHER]).choices
    left = provider.calls[-1].json()["messages"][1]["tool_calls"][0]
    assert set(left) == {"id", "type", "function"}


@pytest.mark.parametrize("how", ["cut=3", "end=3", "error_event"])
def test_a_stream_that_breaks_off_raises(client: openai.OpenAI, provider: SimulatedProvider, how: str) -> None:
    provider.script(how)
    stream = client.chat.completions.create(model=MODEL, messages=HI, stream=True)
    assert next(stream).choices
    with pytest.raises(openai.APIError):
        list(stream)


def test_a_refusal_says_what_is_wrong(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=HI, store=True)
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "store")
    assert provider.dialled == 0


def test_embeddings(client: openai.OpenAI, provider: SimulatedProvider, sidecar: Started) -> None:
    answer = client.embeddings.create(model=EMBEDDINGS, input=["a", "b"], dimensions=8, encoding_format="float")
    assert [len(each.embedding) for each in answer.data] == [8, 8]
    assert [call.target for call in provider.calls] == ["/v1/embeddings"]
    assert sidecar.record()["gen_ai.operation.name"] == "embeddings"


def test_the_models(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    assert {MODEL, EMBEDDINGS} <= {model.id for model in client.models.list()}
    assert provider.dialled == 0


def test_palantirs_helpers(sidecar: Started, foundry: Any, provider: SimulatedProvider) -> None:
    foundry(sidecar)
    client = openai.OpenAI(
        api_key=get_foundry_token(preview=True),
        base_url=get_openai_base_url(preview=True),
        http_client=get_http_client(preview=True),  # type: ignore[arg-type]  # of the older httpx; taken at run time
    )
    with client:
        assert client.chat.completions.create(model=MODEL, messages=HI).choices
        assert sidecar.record()["foundry.attribution"] == PROJECTS
        assert len(client.embeddings.create(model=EMBEDDINGS, input="a").data[0].embedding) == 1536
        assert provider.calls[-1].json()["encoding_format"] == "base64"  # the client asks for it by itself
        assert client.models.list().data
