"""What a record needs from an answer of the Responses API, and the one event that ends a broken stream.

Read defensively: the shapes are OpenAI's Response object and its ``error`` event, but nothing here raises when
a member is missing or of another type, and no count is ever invented.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from addons.responses.abridgement import Abridgement, Members


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider reported them; None where it reported none."""

    input_tokens: int | None = None
    cached_tokens: int | None = None  # part of input_tokens
    output_tokens: int | None = None
    reasoning_tokens: int | None = None  # part of output_tokens
    total_tokens: int | None = None
    cache_write_tokens: int | None = None  # part of input_tokens: written to the provider's prompt cache
    cache_write_12h_tokens: int | None = None  # part of cache_write_tokens: kept there for twelve hours


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """A Response object without its content; None where the provider said nothing."""

    response_id: str | None = None
    model: str | None = None
    status: str | None = None  # completed, failed, incomplete, in_progress, …
    usage: Usage | None = None
    store: bool | None = None  # as echoed: True means the provider keeps state, whatever was asked
    background: bool | None = None
    service_tier: str | None = None
    error_code: str | None = None
    failed: bool = False  # it is an error in place of an answer, or says that there will be none
    unread: bool = False  # something stands there that should have been read and could not be: cause for an alarm


class _Response(msgspec.Struct):
    """The members read from a Response object; the decoder passes over all others without building them."""

    id: Any = None
    model: Any = None
    status: Any = None
    usage: Any = None
    store: Any = None
    background: Any = None
    service_tier: Any = None
    error: Any = None


class _Event(msgspec.Struct):
    type: Any = None
    response: msgspec.Raw = msgspec.Raw()
    code: Any = None
    error: Any = None


RESPONSE_MEMBERS: Final[Members] = {
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

EVENT_MEMBERS: Final[Members] = {
    "type": None,
    "response": RESPONSE_MEMBERS,
    "code": None,
    "error": {"code": None},
}

_MAX_COUNT: Final = 2**63 - 1  # what the ledger's and the metrics' columns hold
_MAX_DIGITS: Final = 4000  # Python refuses to convert a longer number

_NOTHING: Final = AnswerFacts()
_UNREAD: Final = AnswerFacts(unread=True)
_EVENT_DECODER: Final = msgspec.json.Decoder(_Event)
_RESPONSE_DECODER: Final = msgspec.json.Decoder(_Response)
_UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def facts_from_response(response: object) -> AnswerFacts:
    """Read a parsed Response object."""
    if not isinstance(response, Mapping):
        return _NOTHING
    wrong = _has_unreadable_count(response.get("usage"))
    return AnswerFacts(
        response_id=_text(response.get("id")),
        model=_text(response.get("model")),
        status=_text(response.get("status")),
        usage=None if wrong else _usage(response.get("usage")),  # of a wrong report no count is believed
        store=_flag(response.get("store")),
        background=_flag(response.get("background")),
        service_tier=_text(response.get("service_tier")),
        error_code=_member(response.get("error"), "code"),
        failed=response.get("error") is not None or response.get("status") == "failed",
        unread=wrong,
    )


def facts_from_body(body: bytes | msgspec.Raw) -> AnswerFacts:
    """Read a JSON answer: a Response object, or an error envelope whose code becomes ``error_code``.

    Of what is half a document, or not quite JSON, it reads what can be made out.
    """
    try:
        return facts_from_response(msgspec.structs.asdict(_RESPONSE_DECODER.decode(body)))
    except _UNDECODABLE:
        response, complete = _made_out(bytes(body), RESPONSE_MEMBERS)
    if not isinstance(response, dict):
        return _UNREAD
    facts = facts_from_response(response)
    return facts if complete else replace(facts, unread=True)


def facts_from_event(data: bytes) -> tuple[str | None, AnswerFacts]:
    """Read the data of one streamed event: its type, and the facts of the response or error it carries.

    An object with an ``error`` and no type is an error too: the SDKs raise on it.
    """
    try:
        event = _EVENT_DECODER.decode(data)
    except _UNDECODABLE:
        return _event_made_out(data)
    kind = _text(event.type)
    if event.response:
        return kind, facts_from_body(event.response)
    return _error_facts(kind, event.code, event.error)


def _event_made_out(data: bytes) -> tuple[str | None, AnswerFacts]:
    event, complete = _made_out(data, EVENT_MEMBERS)
    if not isinstance(event, dict) or not complete:  # no client takes half an event for its type
        return None, _UNREAD
    kind = _text(event.get("type"))
    if "response" in event:
        response = event["response"]
        return kind, facts_from_response(response) if isinstance(response, dict) else _UNREAD
    return _error_facts(kind, event.get("code"), event.get("error"))


def _error_facts(kind: str | None, code: object, error: object) -> tuple[str | None, AnswerFacts]:
    if error and kind is None:
        kind = "error"
    return kind, AnswerFacts(error_code=_text(code) or _member(error, "code"), failed=kind == "error")


def _made_out(document: bytes, wanted: Members) -> tuple[Any, bool]:
    """The wanted members of what the decoder would not take, and whether the document is all there."""
    short = Abridgement(wanted)
    short.feed(document)
    try:
        value = json.loads(short.document().decode(errors="replace"), parse_int=_whole_number)
    except (ValueError, RecursionError):
        return None, False
    return value, short.complete and not short.unread


def _whole_number(digits: str) -> int:
    return int(digits) if len(digits) < _MAX_DIGITS else _MAX_COUNT + 1


def error_data(
    code: str,
    message: str,
    *,
    error_type: str = "server_error",
    param: str | None = None,
    sequence_number: int = 0,
) -> bytes:
    """The data of the event that ends a stream the provider did not end.

    Flat members are OpenAI's documented ``error`` event; the nested ``error`` is what makes openai-python and
    openai-node raise (docs/contract.md#streams).
    """
    error = {"type": error_type, "code": code, "message": message, "param": param}
    event = {**error, "type": "error", "sequence_number": sequence_number, "error": error}
    return json.dumps(event, separators=(",", ":")).encode()


def _usage(value: object) -> Usage | None:
    if not isinstance(value, Mapping):
        return None
    usage = Usage(
        input_tokens=_count(value.get("input_tokens")),
        cached_tokens=_count(_inside(value.get("input_tokens_details"), "cached_tokens")),
        output_tokens=_count(value.get("output_tokens")),
        reasoning_tokens=_count(_inside(value.get("output_tokens_details"), "reasoning_tokens")),
        total_tokens=_count(value.get("total_tokens")),
        cache_write_tokens=_count(_inside(value.get("input_tokens_details"), "cache_write_tokens")),
        cache_write_12h_tokens=_count(
            _inside(_inside(value.get("input_tokens_details"), "cache_write_tokens_details"), "ttl_12h_tokens")
        ),
    )
    return None if usage == Usage() else usage


def _inside(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _member(value: object, name: str) -> str | None:
    return _text(_inside(value, name))


def _text(value: object) -> str | None:
    # Half a surrogate pair, which JSON can spell, would fail wherever the text is written down.
    return value.encode(errors="replace").decode() if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MAX_COUNT else None


def _has_unreadable_count(usage: object) -> bool:
    """Whether a number stands in it that can be no count of tokens, or what is no usage at all."""
    if not isinstance(usage, Mapping):
        return usage is not None
    details = [detail for detail in usage.values() if isinstance(detail, Mapping)]
    details += [deeper for detail in details for deeper in detail.values() if isinstance(deeper, Mapping)]
    return any(
        isinstance(value, int | float) and not 0 <= value <= _MAX_COUNT
        for member in (usage, *details)
        for value in member.values()
    )
