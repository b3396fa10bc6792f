"""The server-sent events in which a finished response streams."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from addons.simulator.answer import pieces
from addons.simulator.directives import Directives

type Json = dict[str, Any]


def events(response: Json, how: Directives, *, obfuscated: bool = True) -> Iterator[bytes]:
    """Each event of the stream as it goes on the wire, ``event:`` and ``data:`` lines and an empty one.

    ``obfuscated`` pads deltas as the API does unless ``stream_options.include_obfuscation`` is false.
    """
    for number, event in enumerate(_stream(response, how)):
        kind = event["type"]
        numbered = {"type": kind, "sequence_number": number} | event
        if obfuscated and kind.endswith(".delta"):
            numbered["obfuscation"] = "x" * (16 - len(event["delta"]) % 16)
        yield f"event: {kind}\ndata: {json.dumps(numbered, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def _stream(response: Json, how: Directives) -> Iterator[Json]:
    begun = response | {"status": "in_progress", "output": [], "usage": None, "completed_at": None}
    begun |= {"error": None, "incomplete_details": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        started, inner = _ITEMS[item["type"]]
        emptied = item | started
        if "status" in item:
            emptied["status"] = "in_progress"
        yield {"type": "response.output_item.added", "output_index": index, "item": emptied}
        place = {"item_id": item["id"], "output_index": index}
        for event in inner(item, how):
            yield event | place
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    if how.error_event:
        yield {"type": "error", "code": "server_error", "message": "Simulated: the stream failed.", "param": None}
    else:
        yield {"type": f"response.{response['status']}", "response": response}


def _message(item: Json, how: Directives) -> Iterator[Json]:
    for index, part in enumerate(item["content"]):
        at = {"content_index": index}
        yield {"type": "response.content_part.added", "part": part | {"text": ""}, **at}
        for delta in pieces(part["text"], how.events):
            yield {"type": "response.output_text.delta", "delta": delta, "logprobs": [], **at}
        yield {"type": "response.output_text.done", "text": part["text"], "logprobs": [], **at}
        yield {"type": "response.content_part.done", "part": part, **at}


def _reasoning(item: Json, _how: Directives) -> Iterator[Json]:
    for index, part in enumerate(item["summary"]):
        at = {"summary_index": index}
        yield {"type": "response.reasoning_summary_part.added", "part": part | {"text": ""}, **at}
        for delta in pieces(part["text"], None):
            yield {"type": "response.reasoning_summary_text.delta", "delta": delta, **at}
        yield {"type": "response.reasoning_summary_text.done", "text": part["text"], **at}
        yield {"type": "response.reasoning_summary_part.done", "part": part, **at}


def _function_call(item: Json, _how: Directives) -> Iterator[Json]:
    for delta in pieces(item["arguments"], None):
        yield {"type": "response.function_call_arguments.delta", "delta": delta}
    yield {"type": "response.function_call_arguments.done", "name": item["name"], "arguments": item["arguments"]}


def _custom_tool_call(item: Json, _how: Directives) -> Iterator[Json]:
    for delta in pieces(item["input"], None):
        yield {"type": "response.custom_tool_call_input.delta", "delta": delta}
    yield {"type": "response.custom_tool_call_input.done", "input": item["input"]}


# By output item: the members that are still empty when it is added, and the events between that and its end.
_ITEMS: Final[Mapping[str, tuple[Json, Callable[[Json, Directives], Iterator[Json]]]]] = {
    "message": ({"content": []}, _message),
    "reasoning": ({"summary": []}, _reasoning),
    "function_call": ({"arguments": ""}, _function_call),
    "custom_tool_call": ({"input": ""}, _custom_tool_call),
}
