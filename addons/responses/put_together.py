"""A streamed answer put together again: one Response object, as far as its events went.

The terminal event repeats the whole response; until it came, the items are built from their deltas. Nothing here
raises: what is not understood is left out.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from addons.bodies.answer_facts import object_of
from addons.bodies.server_sent_event import split_events
from addons.responses.stream import TERMINAL

type Object = dict[str, Any]


def response_of(body: bytes) -> Object:
    """The response a stream told of. ``events`` in it counts the events, which no Response object has.

    Without a terminal event the status stays what ``response.created`` said. An ``error`` event becomes ``error``.
    """
    response: Object = {}
    items: dict[int, Object] = {}
    error: Any = None
    count = 0
    ended = False
    for data in split_events(body):
        count += 1
        event = object_of(data)
        kind = str(event.get("type"))
        if isinstance(event.get("response"), dict):
            response = event["response"]
            ended = ended or kind in TERMINAL
        elif kind == "error" or (event.get("error") and "type" not in event):
            error = event.get("error") or event
        elif take := TAKERS.get(kind):
            take(items, event)
    if not ended or not response.get("output"):
        response = {**response, "output": [_joined(items[index]) for index in sorted(items)]}
    if error:
        response = {**response, "error": error}
    return {**response, "events": count}


def _take_item(items: dict[int, Object], event: Object) -> None:
    if isinstance(item := event.get("item"), dict):
        items[_index(event, "output_index")] = item


def _appends(list_name: str, position: str, member: str, source: str) -> Callable[[dict[int, Object], Object], None]:
    """Takes a delta to the text of one part of an item's list."""

    def take(items: dict[int, Object], event: Object) -> None:
        item = items.setdefault(_index(event, "output_index"), {"type": source})
        parts = item.get(list_name)
        if not isinstance(parts, _Parts):
            parts = item[list_name] = _Parts()
        _append(parts.setdefault(_index(event, position), {}), member, event)

    return take


def _extends(member: str, source: str) -> Callable[[dict[int, Object], Object], None]:
    """Takes a delta to a text that stands in the item itself."""

    def take(items: dict[int, Object], event: Object) -> None:
        _append(items.setdefault(_index(event, "output_index"), {"type": source}), member, event)

    return take


TAKERS: Final[Mapping[str, Callable[[dict[int, Object], Object], None]]] = {
    "response.output_item.added": _take_item,
    "response.output_item.done": _take_item,
    "response.output_text.delta": _appends("content", "content_index", "text", "message"),
    "response.refusal.delta": _appends("content", "content_index", "refusal", "message"),
    "response.reasoning_summary_text.delta": _appends("summary", "summary_index", "text", "reasoning"),
    "response.reasoning_text.delta": _appends("content", "content_index", "text", "reasoning"),
    "response.function_call_arguments.delta": _extends("arguments", "function_call"),
    "response.custom_tool_call_input.delta": _extends("input", "custom_tool_call"),
    "response.mcp_call_arguments.delta": _extends("arguments", "mcp_call"),
}
"""What each event of a stream adds to its item (OpenAI's streaming reference)."""


class _Parts(dict[int, Object]):
    """Parts by their index, while their deltas come in."""


class _Pieces(list[str]):
    """A text by its deltas: joined once, at the end."""


def _append(target: Object, member: str, event: Object) -> None:
    pieces = target.get(member)
    if not isinstance(pieces, _Pieces):
        pieces = target[member] = _Pieces([pieces] if isinstance(pieces, str) else [])
    if isinstance(delta := event.get("delta"), str):
        pieces.append(delta)


def _joined(value: Any) -> Any:
    match value:
        case _Pieces():
            return "".join(value)
        case _Parts():
            return [_joined(value[index]) for index in sorted(value)]
        case dict():
            return {name: _joined(member) for name, member in value.items()}
        case _:
            return value


def _index(event: Object, name: str) -> int:
    value = event.get(name)
    return value if type(value) is int else 0
