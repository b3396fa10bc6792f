"""A request or an answer of the chat completions API as a conversation: its messages as items.

A message's tool calls become items of their own, and what a tool answered stands with its call, by the call's id.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from addons.bodies.conversation import Conversation, ConversationReader, member, rest
from addons.bodies.json_values import list_of
from addons.bodies.verdict import Json
from addons.chat_completions.answer import COMPLETION
from addons.chat_completions.put_together import completion_of


def _request(document: Mapping[str, Json]) -> Conversation:
    messages = document.get("messages")
    tools = [
        *list_of(document.get("tools")),
        *({"type": "function", "function": f} for f in list_of(document.get("functions"))),
    ]
    return Conversation(
        values=rest(document, ("messages", "tools", "functions")),
        tools=list(map(_tool, tools)),
        texts={} if isinstance(messages, list) else {"messages": messages},
        items=[item for message in list_of(messages) for item in _items(message)],
    )


def _answer(completion: Mapping[str, Json]) -> Conversation:
    """Of a completion, or of one put together from chunks."""
    choices = list_of(completion.get("choices"))
    values = {name: completion.get(name) for name in ("id", "model", "events")}
    values |= {f"finish reason{_number(choice, choices)}": member(choice, "finish_reason") for choice in choices}
    error = completion.get("error")
    return Conversation(
        values={name: value for name, value in values.items() if value is not None},
        usage=COMPLETION.facts_from(completion).usage,
        texts={"error": error} if error else {},
        items=[item for choice in choices for item in _items(member(choice, "message"), _number(choice, choices))],
    )


def _number(choice: Json, choices: list[Json]) -> str:
    """Which of several answers it is."""
    return f" ({member(choice, 'index')})" if len(choices) > 1 else ""


def _items(message: Json, number: str = "") -> Iterator[Json]:
    """What one message says; ``number`` is put behind its role."""
    if not isinstance(message, dict):
        yield message
        return
    role, name = message.get("role"), message.get("name")
    calls, parts = list(_calls(message)), list(_said(message))
    if role == "tool":
        yield {"type": "tool_output", "call_id": message.get("tool_call_id"), "output": _output(message)}
    elif role == "function":
        yield {"type": "function_output", "name": name, "output": _output(message)}
    elif parts or not calls:
        yield {"role": f"{role or 'message'}{number}", "name": name, "content": parts or None}
    yield from calls


def _output(message: Mapping[str, Json]) -> Json:
    content = message.get("content")
    return content if isinstance(content, str) else _parts(content)


def _said(message: Mapping[str, Json]) -> Iterator[Json]:
    """The parts of what a message says, in the form of the Responses API's."""
    yield from _parts(message.get("content"))
    if refusal := message.get("refusal"):
        yield {"refusal": refusal}
    if isinstance(audio := message.get("audio"), dict):
        yield {"text": audio.get("transcript") or ""}
        yield {"type": "audio", "file_data": audio.get("data") or ""}


def _parts(content: Json) -> list[Json]:
    if isinstance(content, list):
        return list(map(_part, content))
    return [] if content is None else [{"text": content} if isinstance(content, str) else content]


def _part(part: Json) -> Json:
    kind = member(part, "type")
    held = _held(part, kind)
    return part if held is None else {**{_PLACES.get(name, name): value for name, value in held.items()}, "type": kind}


_PLACES: Final = {"url": "image_url", "data": "file_data"}
"""Names that the Responses API has for where a part's bytes stand."""


def _calls(message: Mapping[str, Json]) -> Iterator[Json]:
    """The calls of tools, and of a function as they were written before."""
    for call in list_of(message.get("tool_calls")):
        kind = member(call, "type") or "function"
        held = _held(call, kind)
        yield call if held is None else {**held, "type": f"{kind}_call", "call_id": member(call, "id")}
    if isinstance(called := message.get("function_call"), dict):
        yield {**called, "type": "function_call"}


def _tool(tool: Json) -> Json:
    kind = member(tool, "type")
    held = _held(tool, kind)
    return tool if held is None else {**held, "type": kind}


def _held(value: Json, kind: Json) -> Mapping[str, Json] | None:
    """What stands in an object under the name of its kind."""
    held = member(value, kind) if isinstance(kind, str) else None
    return held if isinstance(held, dict) else None


READER: Final = ConversationReader(request=_request, answer=_answer, put_together=completion_of)
