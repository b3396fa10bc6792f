"""The tables against the installed OpenAI SDK: whatever its types can say must have a row, allowed or refused."""

import pytest
from openai.types.responses import ResponseOutputItem, response_create_params

from addons.responses.fields import REQUEST
from addons.responses.items import ITEM
from tests.bodies.sdk_types import Walk

REQUESTS = (
    response_create_params.ResponseCreateParamsStreaming,
    response_create_params.ResponseCreateParamsNonStreaming,
)

OPAQUE_PLACES = {
    "tool.function.parameters": "a JSON Schema",
    "tool.function.output_schema": "a JSON Schema",
    "tool.tool_search.parameters": "a JSON Schema",
    "text_format.json_schema.schema": "a JSON Schema",
    "item.tool_search_call.arguments": "what the model asked of the caller's own search",
}

NOT_IN_THE_SDK = {
    "client_metadata": "Codex sends it; stripped",
    "item.custom_tool_call.status": "Codex sends it back",
    "item.custom_tool_call_output.name": "Codex sends it",
    "item.local_shell_call_output.call_id": "OpenAI's guide to the local shell sends it",
    "item.compaction.status": "every item may have one",
    "item.compaction_trigger.status": "every item may have one",
    "item.configuration_update.status": "every item may have one",
    "item.additional_tools.status": "every item may have one",
    "item.function_call.parsed_arguments": "openai-node's parse helper; stripped",
    "part.output_text.parsed": "openai-node's parse helper; stripped",
    "web_search_action.search.sources.name": "an API in place of a page, as in recorded answers",
    "tool.web_search.search_content_types": "Codex sends it",
    "tool.web_search_2025_08_26.search_content_types": "Codex sends it",
}


@pytest.fixture(scope="module")
def walk() -> Walk:
    walk = Walk()
    for request in REQUESTS:
        walk.compare(request, REQUEST, ())
    walk.compare(ResponseOutputItem, ITEM, ())  # what callers send back as it came
    return walk


def test_whatever_the_sdk_can_say_has_a_row(walk: Walk) -> None:
    assert walk.gaps == []


def test_the_walk_reached_the_depths(walk: Walk) -> None:
    assert {"item.message", "part.input_file", "tool.image_generation.svg", "annotation.url_citation"} <= set(walk.sdk)
    assert len(walk.sdk["tool"]) >= 18
    assert len(walk.sdk["item"]) >= 30
    assert len(walk.sdk["include"]) >= 8
    assert len(walk.sdk[""]) >= 34


def test_every_members_name_is_in_lower_case(walk: Walk) -> None:
    assert walk.not_in_lower_case == set()


def test_only_these_places_are_not_looked_into(walk: Walk) -> None:
    assert walk.opaque == set(OPAQUE_PLACES)


def test_a_row_the_sdk_does_not_know_is_explained(walk: Walk) -> None:
    assert walk.beyond_the_sdk == set(NOT_IN_THE_SDK)
