"""What a record needs from an answer of the Responses API, and the one event that ends a broken stream.

Read defensively: the shapes are OpenAI's Response object and its ``error`` event, but nothing here raises when
a member is missing or of another type, and no count is ever invented.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider reported them; None where it reported none."""

    input_tokens: int | None = None
    cached_tokens: int | None = None  # part of input_tokens
    output_tokens: int | None = None
    reasoning_tokens: int | None = None  # part of output_tokens
    total_tokens: int | None = None


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


_NOTHING: Final = AnswerFacts()
_EVENT_DECODER: Final = msgspec.json.Decoder(_Event)
_RESPONSE_DECODER: Final = msgspec.json.Decoder(_Response)
_UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def facts_from_response(response: object) -> AnswerFacts:
    """Read a parsed Response object."""
    if not isinstance(response, Mapping):
        return _NOTHING
    return AnswerFacts(
        response_id=_text(response.get("id")),
        model=_text(response.get("model")),
        status=_text(response.get("status")),
        usage=_usage(response.get("usage")),
        store=_flag(response.get("store")),
        background=_flag(response.get("background")),
        service_tier=_text(response.get("service_tier")),
        error_code=_member(response.get("error"), "code"),
    )


def facts_from_body(body: bytes | msgspec.Raw) -> AnswerFacts:
    """Read a JSON answer: a Response object, or an error envelope whose code becomes ``error_code``."""
    try:
        return facts_from_response(msgspec.structs.asdict(_RESPONSE_DECODER.decode(body)))
    except _UNDECODABLE:
        return _NOTHING


def facts_from_event(data: bytes) -> tuple[str | None, AnswerFacts]:
    """Read the data of one streamed event: its type, and the facts of the response or error it carries.

    An object with an ``error`` and no type is an error too: the SDKs raise on it.
    """
    try:
        event = _EVENT_DECODER.decode(data)
    except _UNDECODABLE:
        return None, _NOTHING
    kind = _text(event.type)
    if event.response:
        return kind, facts_from_body(event.response)
    if event.error and kind is None:
        kind = "error"
    return kind, AnswerFacts(error_code=_text(event.code) or _member(event.error, "code"))


def error_event(
    code: str,
    message: str,
    *,
    error_type: str = "server_error",
    param: str | None = None,
    sequence_number: int = 0,
) -> bytes:
    """The Server-Sent Event that ends a stream the provider did not end.

    Flat members are OpenAI's documented ``error`` event; the nested ``error`` is what makes openai-python and
    openai-node raise (SPEC §6). The blank line in front closes whatever was cut off before it.
    """
    error = {"type": error_type, "code": code, "message": message, "param": param}
    event = {**error, "type": "error", "sequence_number": sequence_number, "error": error}
    return b"\n\nevent: error\ndata: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def _usage(value: object) -> Usage | None:
    if not isinstance(value, Mapping):
        return None
    usage = Usage(
        input_tokens=_count(value.get("input_tokens")),
        cached_tokens=_count(_inside(value.get("input_tokens_details"), "cached_tokens")),
        output_tokens=_count(value.get("output_tokens")),
        reasoning_tokens=_count(_inside(value.get("output_tokens_details"), "reasoning_tokens")),
        total_tokens=_count(value.get("total_tokens")),
    )
    return None if usage == Usage() else usage


def _inside(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _member(value: object, name: str) -> str | None:
    return _text(_inside(value, name))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
