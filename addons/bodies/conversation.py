"""A request or an answer as a person reads it. All APIs use this one form; each converts its own bodies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from addons.bodies.answer_facts import Usage
from addons.bodies.verdict import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Values are as they came, of whatever type.

    Args:
        values: told in a line each, in their order.
        tools: objects with ``type``, and ``name`` or ``tools``, each where it has it.
        usage: what an answer used.
        texts: told in a block each, under their names.
        items: what was said, as the Responses API has it: messages by ``role``, calls and outputs by ``call_id``.
    """

    values: Mapping[str, Json] = field(default_factory=dict)
    tools: Json = None
    usage: Usage | None = None
    texts: Mapping[str, Json] = field(default_factory=dict)
    items: Sequence[Json] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationReader:
    """Makes conversations of one API's bodies; it never raises, whatever they hold.

    Args:
        request: of a request, parsed.
        answer: of an answer, parsed or put together.
        put_together: makes of a stream, or of its beginning, the answer that it tells of; None: the API has none.
    """

    request: Callable[[Mapping[str, Json]], Conversation]
    answer: Callable[[Mapping[str, Json]], Conversation]
    put_together: Callable[[bytes], Mapping[str, Json]] | None = None


def member(value: Json, name: str) -> Json:
    """A member, where the value is an object that has it."""
    return value.get(name) if isinstance(value, dict) else None


def rest(document: Mapping[str, Json], apart: Sequence[str]) -> dict[str, Json]:
    """All other members, which are shown in a line each."""
    return {name: value for name, value in document.items() if name not in apart}
