"""What came out of the API may go back in: every output item of the SDK's types, in every form they give it."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from openai.types.responses import ResponseOutputItem
from pydantic import BaseModel, TypeAdapter

from addons.apis.policy_settings import PolicySettings
from addons.bodies.verdict import ABSENT, Json
from addons.foundry.models import Model
from tests.fuzz.second_judge import objections
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)

NEVER_OUT = {
    "file_search_call", "code_interpreter_call", "mcp_call", "mcp_list_tools", "mcp_approval_request",
    "mcp_approval_response", "program", "program_output",
}  # fmt: skip
"""Of tools that are always refused: no answer under this policy holds one."""

BY_SETTING: dict[str, dict[str, Any]] = {
    "web_search_call": {"web_search": "cache_only"},
    "image_generation_call": {"image_generation": "allow"},
    "computer_call": {"computer": "allow"},
    "computer_call_output": {"computer": "allow"},
    "tool_search_call": {"server_tool_search": "allow"},
    "tool_search_output": {"server_tool_search": "allow"},
}

WRITTEN: dict[str, Json] = {
    "image_url": "data:image/png;base64,iVBORw0KGgo=",
    "result": "iVBORw0KGgo=",
    "file_data": "data:text/plain;base64,QQ==",
    "encrypted_content": "gAAA",
    "ttl": "30m",
    "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True}],
}
"""Members that hold what a caller sent, so under this policy nothing else: by name."""

NEVER_SET = {"file_id", "file_url"}
"""They come out only where they went in."""

NEVER_TYPES = {"program", "container_reference", "file_citation", "container_file_citation", "file_path"}
"""Parts of items that belong to tools which are always refused."""


def samples(sdk: Any, name: str = "") -> Iterator[Json]:
    """Values of a type: every alternative of it at least once, every optional member absent, null and given."""
    while get_origin(sdk) is Annotated:
        sdk = get_args(sdk)[0]
    if name in WRITTEN:
        yield WRITTEN[name]
    elif get_origin(sdk) is Literal:
        yield from get_args(sdk)
    elif get_origin(sdk) is Union:
        for option in get_args(sdk):
            yield from [None] if option is type(None) else samples(option)
    elif get_origin(sdk) is list:
        yield []
        for inner in samples(get_args(sdk)[0]):
            yield [inner]
    elif get_origin(sdk) is dict:
        yield {"key": next(samples(get_args(sdk)[1]))}
    elif isinstance(sdk, type) and issubclass(sdk, BaseModel):
        yield from members(sdk)
    else:
        yield {str: "text", int: 1, float: 0.5, bool: True, object: {}}[sdk]


def members(sdk: type[BaseModel]) -> Iterator[Json]:
    known = {field.alias or name: field for name, field in sdk.model_fields.items() if name not in NEVER_SET}
    fields = {name: list(samples(field.annotation, name)) for name, field in known.items()}
    if set(fields.get("type", ())) & NEVER_TYPES:
        return
    needed = {name: fields[name][0] for name in fields if known[name].is_required()}
    if "encrypted_content" in fields:
        needed["encrypted_content"] = fields["encrypted_content"][0]  # the sidecar asks for it; see README, Policy
    yield needed
    yield {**needed, **{name: None for name in fields if name not in needed}}
    yield {name: values[-1] for name, values in fields.items() if values}
    for name, values in fields.items():
        for value in values:
            yield {**needed, name: value}


def kinds() -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for option in get_args(get_args(ResponseOutputItem)[0]):
        (kind,) = get_args(option.model_fields["type"].annotation)
        found[kind] = list(members(option))
    return found


KINDS = kinds()

RECORDED: list[Json] = [
    {"type": "web_search_call", "id": "ws_1", "status": "incomplete"},
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {
        "type": "search", "query": "weather: San Francisco, CA",
        "sources": [{"type": "api", "name": "oai-weather"}, {"type": "url", "url": "https://x.example"}],
    }},
    {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
        {"type": "output_text", "text": "{}", "annotations": [], "logprobs": [], "parsed": {"file_id": "x"}},
    ]},
    {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "status": "completed", "arguments": "{}",
     "parsed_arguments": {"server_url": "x"}},
    {"type": "image_generation_call", "id": "ig_1", "status": "failed", "result": None},
]  # fmt: skip
"""As answers and clients give them, beyond the types: openai-node's ``responses.parse`` adds what it parsed."""


def test_all_types_are_made() -> None:
    assert len(KINDS) >= 28
    assert set(KINDS) >= NEVER_OUT | set(BY_SETTING)
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseOutputItem)
    for kind in set(KINDS) - NEVER_OUT:
        for item in KINDS[kind]:
            adapter.validate_python(item)
    assert sum(map(len, KINDS.values())) > 200


@pytest.mark.parametrize("kind", sorted(set(KINDS) - NEVER_OUT))
@pytest.mark.parametrize("loose", [False, True], ids=["where its tool is allowed", "where all is allowed"])
def test_what_came_out_goes_back_in(kind: str, loose: bool) -> None:
    everything = {key: value for settings in BY_SETTING.values() for key, value in settings.items()}
    settings = PolicySettings.model_validate(everything if loose else BY_SETTING.get(kind, {}))
    for item in KINDS[kind]:
        body = {"store": False, "input": [item]}
        decided = judge(body, MODEL, settings)
        assert decided.refused == (), item
        left = decided.members.get("input", body["input"])
        assert left == [item] or left == [{name: value for name, value in item.items() if name != "id"}]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(BY_SETTING)))
def test_the_second_judge_says_the_same(kind: str) -> None:
    for item in KINDS[kind]:
        assert bool(list(objections({"input": [item]}))) == (kind in NEVER_OUT), item


@pytest.mark.parametrize("item", RECORDED, ids=str)
@pytest.mark.parametrize("search", ["cache_only", "allow", "strip"])
def test_recorded_history_goes_back_in(item: dict[str, Json], search: str) -> None:
    chosen = PolicySettings.model_validate({"web_search": search, "image_generation": "allow"})
    decided = judge({"store": False, "input": [item]}, MODEL, chosen)
    assert decided.refused == ()
    left = str(decided.members.get("input", [item]))
    assert "parsed" not in left
    assert ("web_search_call" in left) == (item["type"] == "web_search_call" and search != "strip")


@pytest.mark.parametrize("kind", sorted(NEVER_OUT))
def test_history_of_a_tool_that_is_never_allowed_is_refused(kind: str) -> None:
    choices = {"web_search": "allow", "image_generation": "allow", "computer": "allow", "server_tool_search": "allow"}
    for item in KINDS[kind]:
        assert judge({"input": [item]}, MODEL, PolicySettings.model_validate(choices)).refused


@pytest.mark.parametrize("kind", sorted({"web_search_call", "image_generation_call", "computer_call"}))
def test_an_id_is_no_reason_to_refuse(kind: str) -> None:
    """An item that says nothing but how it ended leaves without the id by which it might be looked up."""
    item = {"type": kind, "id": "x_1", "status": "failed"}
    decided = judge({"store": False, "input": [item]}, MODEL, PolicySettings.model_validate(BY_SETTING[kind]))
    assert decided.refused == ()
    assert decided.members == {"input": [{"type": kind, "status": "failed"}]}
    assert [change.path for change in decided.changes] == ["input[0].id"]
    assert ABSENT not in decided.members.values()
