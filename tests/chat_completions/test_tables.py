"""The tables against the installed OpenAI SDK: whatever its types can say must have a row, allowed or refused."""

import pytest
from openai.types.chat import ChatCompletionMessage, completion_create_params

from addons.chat_completions.fields import REQUEST
from addons.chat_completions.messages import MESSAGE
from tests.bodies.sdk_types import Walk

REQUESTS = (
    completion_create_params.CompletionCreateParamsStreaming,
    completion_create_params.CompletionCreateParamsNonStreaming,
)

OPAQUE_PLACES = {
    "tool.function.function.parameters": "a JSON Schema",
    "functions.parameters": "a JSON Schema",
    "response_format.json_schema.json_schema.schema": "a JSON Schema",
}

NOT_IN_THE_SDK = {
    "message.assistant.parsed": "the clients' parse helpers; stripped",
    "message.tool.name": "OpenAI's own examples send it",
    "service_tier.ultrafast": "the Responses API has it",
    "tool_call.custom.index": "the clients' stream helpers; stripped",
    "tool_call.function.index": "the clients' stream helpers; stripped",
    "tool_call.function.function.parsed_arguments": "the clients' parse helpers; stripped",
}


@pytest.fixture(scope="module")
def walk() -> Walk:
    walk = Walk()
    for request in REQUESTS:
        walk.compare(request, REQUEST, ())
    walk.compare(ChatCompletionMessage, MESSAGE, ())  # what callers send back as it came
    return walk


def test_whatever_the_sdk_can_say_has_a_row(walk: Walk) -> None:
    assert walk.gaps == []


def test_the_walk_reached_the_depths(walk: Walk) -> None:
    assert {"message.assistant", "part.file.file", "tool.custom.custom", "tool_call.function.function"} <= set(walk.sdk)
    assert walk.sdk["message"] == {"developer", "system", "user", "assistant", "tool", "function"}
    assert walk.sdk["part"] == {"text", "image_url", "input_audio", "file", "refusal"}
    assert len(walk.sdk[""]) >= 37


def test_every_members_name_is_in_lower_case(walk: Walk) -> None:
    names = {row for rows in walk.rows.values() for row in rows}
    assert {name for name in names if name != name.casefold()} == set()


def test_only_these_places_are_not_looked_into(walk: Walk) -> None:
    assert walk.opaque == set(OPAQUE_PLACES)


def test_a_row_the_sdk_does_not_know_is_explained(walk: Walk) -> None:
    extra = {f"{name}.{row}".removeprefix(".") for name, rows in walk.rows.items() for row in rows - walk.sdk[name]}
    assert extra == set(NOT_IN_THE_SDK)
