"""A request or an answer of the Responses API as a conversation: the form of its items is the one that all have."""

from collections.abc import Mapping
from typing import Final

from addons.bodies.conversation import Conversation, ConversationReader, member, rest
from addons.bodies.verdict import Json
from addons.responses.answer import facts_from_response
from addons.responses.put_together import response_of


def _request(document: Mapping[str, Json]) -> Conversation:
    given = document.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    texts = {"instructions": document.get("instructions"), "input": None if isinstance(items, list) else items}
    return Conversation(
        values=rest(document, ("instructions", "input", "tools")),
        tools=document.get("tools"),
        texts={name: text for name, text in texts.items() if text},
        items=items if isinstance(items, list) else (),
    )


def _answer(response: Mapping[str, Json]) -> Conversation:
    """Of a Response object, or of one put together from a stream."""
    values = {name: response.get(name) for name in ("id", "model", "status", "events")}
    values["finish reason"] = member(response.get("incomplete_details"), "reason")
    output = response.get("output")
    texts = {"error": response.get("error"), "output": None if isinstance(output, list) else output}
    return Conversation(
        values={name: value for name, value in values.items() if value is not None},
        usage=facts_from_response(response).usage,
        texts={name: text for name, text in texts.items() if text},
        items=output if isinstance(output, list) else (),
    )


READER: Final = ConversationReader(request=_request, answer=_answer, put_together=response_of)
