"""The tables against the installed OpenAI SDK: whatever its types can say must have a row, allowed or refused."""

from collections import defaultdict
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import pytest
from openai.types.responses import ResponseOutputItem, response_create_params
from pydantic import BaseModel
from typing_extensions import is_typeddict

from addons.responses.fields import REQUEST
from addons.responses.items import ITEM
from addons.responses.rows import OPAQUE, Either, Later, Leaf, Many, Members, Row, Typed, Values

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


class Walk:
    """Goes down an SDK type and a table side by side."""

    def __init__(self) -> None:
        self.gaps: list[str] = []
        self.opaque: set[str] = set()
        self.rows: dict[str, set[str]] = defaultdict(set)
        self.sdk: dict[str, set[str]] = defaultdict(set)

    def compare(self, sdk: Any, shape: Any, name: tuple[str, ...]) -> None:  # noqa: C901, PLR0912 - a case a shape
        sdk = _bare(sdk)
        match shape:
            case Row():
                if shape.shape is not None:
                    self.compare(sdk, shape.shape, name)
            case Later():
                self.compare(sdk, shape.of(), name)
            case _ if get_origin(sdk) is Union:
                for option in get_args(sdk):
                    if option is not type(None):
                        self.compare(option, shape, name)
            case Leaf():
                self._leaf(sdk, shape, name)
            case Either():
                self.compare(sdk, _option(sdk, shape), name)
            case Many():
                if not _is_list(sdk):
                    self.gaps.append(f"{'.'.join(name)}: the SDK has {sdk}, the table a list")
                else:
                    self.compare(get_args(sdk)[0], shape.of, name)
            case Values():
                self._values(sdk, shape)
            case Typed():
                self._typed(sdk, shape)
            case Members():
                self._members(sdk, shape, name)

    def _leaf(self, sdk: Any, shape: Leaf, name: tuple[str, ...]) -> None:
        if shape is OPAQUE:
            self.opaque.add(".".join(name))
        elif not shape.fits(_sample(sdk)):
            self.gaps.append(f"{'.'.join(name)}: the SDK's {sdk} is not {shape.noun}")

    def _values(self, sdk: Any, shape: Values) -> None:
        if values := _literals(sdk):  # a URL is any string to the SDK
            self.sdk[shape.name] |= values
            self.rows[shape.name].update(shape.rows)
            self.gaps += [f"{shape.name}: no row for {value!r}" for value in values - set(shape.rows)]

    def _typed(self, sdk: Any, shape: Typed) -> None:
        if get_origin(sdk) is dict:  # allowed_tools: the SDK leaves it open
            return
        types = _literals(_members(sdk)["type"]) or set(shape.rows)
        self.sdk[shape.name] |= types
        self.rows[shape.name].update(shape.rows)
        for kind in types:
            if kind in shape.rows:
                self.compare(sdk, shape.rows[kind], (shape.name, kind))
            else:
                self.gaps.append(f"{shape.name}: no row for type {kind!r}")

    def _members(self, sdk: Any, shape: Members, name: tuple[str, ...]) -> None:
        if not (is_typeddict(sdk) or _is_model(sdk)):
            self.gaps.append(f"{'.'.join(name)}: the SDK has {sdk}, the table an object")
            return
        self.rows[".".join(name)].update(shape.rows)
        for member, type_ in _members(sdk).items():
            self.sdk[".".join(name)].add(member)
            if member in shape.rows:
                self.compare(type_, shape.rows[member], (*name, member))
            else:
                self.gaps.append(f"{'.'.join((*name, member))}: no row")


def _bare(sdk: Any) -> Any:
    while get_origin(sdk) in (Required, NotRequired, Annotated):
        sdk = get_args(sdk)[0]
    return sdk.__value__ if hasattr(sdk, "__value__") else sdk


def _is_model(sdk: Any) -> bool:
    return isinstance(sdk, type) and issubclass(sdk, BaseModel)


def _is_list(sdk: Any) -> bool:
    return getattr(get_origin(sdk), "__name__", "") in ("list", "Iterable", "Sequence", "SequenceNotStr")


def _members(sdk: Any) -> dict[str, Any]:
    if _is_model(sdk):
        return {field.alias or name: field.annotation for name, field in sdk.model_fields.items()}
    return get_type_hints(sdk, include_extras=True)


def _literals(sdk: Any) -> set[str]:
    sdk = _bare(sdk)
    if get_origin(sdk) is Union:
        return {value for option in get_args(sdk) for value in _literals(option)}
    return {value for value in get_args(sdk) if isinstance(value, str)} if get_origin(sdk) is Literal else set()


def _sample(sdk: Any) -> Any:
    sdk = _bare(sdk)
    if get_origin(sdk) is Literal:
        return get_args(sdk)[0]
    if get_origin(sdk) is Union:
        return _sample(get_args(sdk)[0])
    if _is_list(sdk):
        return [_sample(get_args(sdk)[0])]
    if get_origin(sdk) is dict:
        return {"key": _sample(get_args(sdk)[1])}
    return {str: "text", int: 1, float: 0.5, bool: True}.get(sdk, object())


def _option(sdk: Any, shape: Either) -> Any:
    """The alternative that takes this type's kind of JSON value."""
    for option in shape.options:
        match option:
            case Many() if _is_list(sdk):
                return option
            case Typed() | Members() if is_typeddict(sdk) or _is_model(sdk):
                return option
            case Leaf() if option.fits(_sample(sdk)):
                return option
            case Values() if isinstance(_sample(sdk), str):
                return option
    raise AssertionError(f"no alternative takes {sdk}")


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
    names = {row for rows in walk.rows.values() for row in rows}
    assert {name for name in names if name != name.casefold()} == set()


def test_only_these_places_are_not_looked_into(walk: Walk) -> None:
    assert walk.opaque == set(OPAQUE_PLACES)


def test_a_row_the_sdk_does_not_know_is_explained(walk: Walk) -> None:
    extra = {f"{name}.{row}".removeprefix(".") for name, rows in walk.rows.items() for row in rows - walk.sdk[name]}
    assert extra == set(NOT_IN_THE_SDK)
