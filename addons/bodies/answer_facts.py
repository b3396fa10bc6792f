"""What a record needs from an answer of any API, and the careful readers of members that stand in one.

Nothing here raises when a member is missing or of another type, and no count is ever invented.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from addons.bodies.abridgement import Abridgement, WantedMembers

MAX_COUNT: Final = 2**63 - 1  # what the ledger's and the metrics' columns hold
COUNTS: Final = frozenset({
    "input_tokens", "prompt_tokens", "cached_tokens", "cache_write_tokens", "ttl_12h_tokens", "output_tokens",
    "completion_tokens", "reasoning_tokens", "total_tokens",
})  # fmt: skip
"""Members of a report of usage that are read, of all APIs."""

_MAX_DIGITS: Final = 4000  # Python refuses to convert a longer number

UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises of bytes that it can't make an object of."""


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

    @property
    def is_result(self) -> bool:
        """Whether it says what every result says; else it is a word of something in between, such as a gateway."""
        said = self.response_id, self.model, self.usage
        return self.unread or any(each is not None for each in said)


NOTHING: Final = AnswerFacts()
UNREAD: Final = AnswerFacts(unread=True)


def made_out(document: bytes, wanted: WantedMembers) -> tuple[Any, bool]:
    """The wanted members of a document that the decoder refuses, and whether the document is complete."""
    short = Abridgement(wanted)
    short.feed(document)
    try:
        value = json.loads(short.document().decode(errors="replace"), parse_int=_whole_number)
    except (ValueError, RecursionError):
        value = None
    return value, short.complete and not short.unread


def _whole_number(digits: str) -> float:
    return int(digits) if len(digits) < _MAX_DIGITS else math.inf


def object_of(data: bytes) -> dict[str, Any]:
    """The JSON object that an event holds; an empty one where it holds none."""
    try:
        value = msgspec.json.decode(data)
    except UNDECODABLE:
        return {}
    return value if isinstance(value, dict) else {}


def inside(value: object, name: str) -> object:
    """A member, where the value is an object that has it."""
    return value.get(name) if isinstance(value, Mapping) else None


def text(value: object) -> str | None:
    # Half a surrogate pair, which JSON can spell, would fail wherever the text is written down.
    return value.encode(errors="replace").decode() if isinstance(value, str) else None


def flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def is_misread(value: object, kind: type[bool | str]) -> bool:
    """Whether a value is there and has another type than ``kind``, so that nobody knows what it means."""
    return value is not None and not isinstance(value, kind)


def has_unreadable_count(usage: object) -> bool:
    """Whether a member of it can't be a count of tokens, or it is no usage object at all."""
    if not isinstance(usage, Mapping):
        return usage is not None
    details = [detail for detail in usage.values() if isinstance(detail, Mapping)]
    details += [deeper for detail in details for deeper in detail.values() if isinstance(deeper, Mapping)]
    return any(_is_no_count(name, value) for member in (usage, *details) for name, value in member.items())


def _is_no_count(name: object, value: object) -> bool:
    if name in COUNTS:
        return value is not None and count(value) is None
    return isinstance(value, int | float) and not 0 <= value <= MAX_COUNT
