"""What a record needs from an answer of the Responses API, and the one event that ends a broken stream.

Read defensively: the shapes are OpenAI's Response object and its ``error`` event, but nothing here raises when
a member is missing or of another type, and no count is ever invented.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from addons.bodies.abridgement import WantedMembers
from addons.bodies.answer_facts import (
    UNDECODABLE,
    UNREAD,
    AnswerFacts,
    Usage,
    count,
    flag,
    has_unreadable_count,
    inside,
    is_misread,
    made_out,
    text,
)
from addons.bodies.json_answer import Document


class _Event(msgspec.Struct):
    type: Any = None
    response: msgspec.Raw = msgspec.Raw()
    code: Any = None
    error: Any = None


RESPONSE_MEMBERS: Final[WantedMembers] = {
    "id": None,
    "model": None,
    "status": None,
    "usage": None,
    "store": None,
    "background": None,
    "service_tier": None,
    "error": {"code": None},
}
"""What is read of a Response object that is too large to be kept, or not quite JSON."""

EVENT_MEMBERS: Final[WantedMembers] = {
    "type": None,
    "response": RESPONSE_MEMBERS,
    "code": None,
    "error": {"code": None},
}

_EVENT_DECODER: Final = msgspec.json.Decoder(_Event)


_ECHOED: Final = {"store": bool, "background": bool, "service_tier": str}


def _facts(response: Mapping[str, Any]) -> AnswerFacts:
    wrong = has_unreadable_count(response.get("usage"))
    return AnswerFacts(
        response_id=text(response.get("id")),
        model=text(response.get("model")),
        status=text(response.get("status")),
        usage=None if wrong else _usage(response.get("usage")),  # of a wrong report no count is believed
        store=flag(response.get("store")),
        background=flag(response.get("background")),
        service_tier=text(response.get("service_tier")),
        error_code=text(inside(response.get("error"), "code")),
        failed=response.get("error") is not None or response.get("status") == "failed",
        unread=wrong or any(is_misread(response.get(name), kind) for name, kind in _ECHOED.items()),
    )


RESPONSE: Final = Document(RESPONSE_MEMBERS, _facts)
facts_from_response: Final = RESPONSE.facts_from
facts_from_body: Final = RESPONSE.facts


def facts_from_event(data: bytes) -> tuple[str | None, AnswerFacts]:
    """Read the data of one streamed event: its type, and the facts of the response or error it carries.

    An object with an ``error`` and no type is an error too: the SDKs raise on it.
    """
    try:
        event = _EVENT_DECODER.decode(data)
    except UNDECODABLE:
        return _event_made_out(data)
    kind = text(event.type)
    if event.response:
        return kind, facts_from_body(event.response)
    return _error_facts(kind, event.code, event.error)


def _event_made_out(data: bytes) -> tuple[str | None, AnswerFacts]:
    event, complete = made_out(data, EVENT_MEMBERS)
    if not isinstance(event, dict) or not complete:  # no client takes half an event for its type
        return None, UNREAD
    kind = text(event.get("type"))
    if "response" in event:
        response = event["response"]
        return kind, facts_from_response(response) if isinstance(response, dict) else UNREAD
    return _error_facts(kind, event.get("code"), event.get("error"))


def _error_facts(kind: str | None, code: object, error: object) -> tuple[str | None, AnswerFacts]:
    if error and kind is None:
        kind = "error"
    return kind, AnswerFacts(error_code=text(code) or text(inside(error, "code")), failed=kind == "error")


def error_data(code: str, message: str, sequence_number: int) -> bytes:
    """The data of the event that ends a stream the provider did not end.

    Flat members are OpenAI's documented ``error`` event; the nested ``error`` is what makes openai-python and
    openai-node raise (docs/contract.md#streams).
    """
    error = {"type": "server_error", "code": code, "message": message, "param": None}
    event = {**error, "type": "error", "sequence_number": sequence_number, "error": error}
    return json.dumps(event, separators=(",", ":")).encode()


def _usage(value: object) -> Usage | None:
    if not isinstance(value, Mapping):
        return None
    usage = Usage(
        input_tokens=count(value.get("input_tokens")),
        cached_tokens=count(inside(value.get("input_tokens_details"), "cached_tokens")),
        output_tokens=count(value.get("output_tokens")),
        reasoning_tokens=count(inside(value.get("output_tokens_details"), "reasoning_tokens")),
        total_tokens=count(value.get("total_tokens")),
        cache_write_tokens=count(inside(value.get("input_tokens_details"), "cache_write_tokens")),
        cache_write_12h_tokens=count(
            inside(inside(value.get("input_tokens_details"), "cache_write_tokens_details"), "ttl_12h_tokens")
        ),
    )
    return None if usage == Usage() else usage
