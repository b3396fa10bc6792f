"""A streamed answer put together again: one completion, as far as its chunks went.

Nothing here raises: what is not understood is left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from addons.bodies.answer_facts import inside, object_of
from addons.bodies.server_sent_event import split_events
from addons.chat_completions.stream import DONE

type Object = dict[str, Any]
type Place = tuple[str | int, ...]
"""Where a text stands in a message, such as ``("tool_calls", 0, "function", "arguments")``."""

_SAID: Final = ("id", "model", "usage", "error")
_CALLED: Final[Mapping[str, tuple[str, ...]]] = {"function": ("name", "arguments"), "custom": ("name", "input")}


def completion_of(body: bytes) -> Object:
    """The completion that a stream told of. ``events`` in it counts the chunks, which no completion has."""
    completion: Object = {}
    choices: dict[int, Object] = {}
    count = 0
    for data in split_events(body):
        if data == DONE:
            continue
        count += 1
        chunk = object_of(data)
        completion |= {name: chunk[name] for name in _SAID if chunk.get(name) is not None}
        for given in _objects(chunk.get("choices")):
            choice = choices.setdefault(_index(given), {"index": _index(given), "texts": {}})
            choice |= {"finish_reason": given["finish_reason"]} if given.get("finish_reason") else {}
            for place, piece in _pieces(given.get("delta")):
                choice["texts"].setdefault(place, []).append(piece)
    return {**completion, "choices": [_choice(choices[index]) for index in sorted(choices)], "events": count}


def _pieces(delta: Any) -> Iterator[tuple[Place, str]]:
    """Every text that a chunk adds to its choice's message."""
    for name in ("role", "content", "refusal"):
        yield from _text((name,), inside(delta, name))
    for name in _CALLED["function"]:
        yield from _text(("function_call", name), inside(inside(delta, "function_call"), name))
    for call in _objects(inside(delta, "tool_calls")):
        place = ("tool_calls", _index(call))
        for name in ("id", "type"):
            yield from _text((*place, name), call.get(name))
        for kind, names in _CALLED.items():
            for name in names:
                yield from _text((*place, kind, name), inside(call.get(kind), name))


def _text(place: Place, piece: Any) -> Iterator[tuple[Place, str]]:
    if isinstance(piece, str):
        yield place, piece


def _choice(choice: Object) -> Object:
    message: Object = {}
    for place, pieces in choice.pop("texts").items():
        within: Object = message
        for step in place[:-1]:
            within = within.setdefault(step, {})
        within[place[-1]] = pieces[0] if place[-1] in {"role", "type", "id"} else "".join(pieces)
    if calls := message.get("tool_calls"):
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return {**choice, "message": message}


def _objects(value: Any) -> Iterator[Object]:
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _index(value: Object) -> int:
    index = value.get("index")
    return index if type(index) is int else 0
