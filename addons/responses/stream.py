"""An answer of the Responses API on its way through: what may pass on now, and what it says of itself."""

from dataclasses import replace
from typing import Final

from addons.bodies.answer_facts import AnswerFacts
from addons.bodies.answer_stream import AnswerStream
from addons.bodies.event_splitter import MAX_HELD_BYTES
from addons.responses.answer import (
    EVENT_MEMBERS,
    error_data,
    facts_from_event,
)

TERMINAL: Final = frozenset({"response.completed", "response.failed", "response.incomplete", "error"})
"""The events after which a response has ended (OpenAI's streaming reference)."""

_FAILED: Final = frozenset({"response.failed", "error"})

_DELTAS: Final = (
    b"response.output_text.delta",
    b"response.function_call_arguments.delta",
    b"response.reasoning_summary_text.delta",
    b"response.reasoning_text.delta",
    b"response.custom_tool_call_input.delta",
    b"response.refusal.delta",
)
"""The many small events of a stream, the most frequent first. What begins as one, as OpenAI writes it, is one."""

_LASTING: Final = ("response_id", "model", "store", "background", "service_tier")


class EventStream(AnswerStream):
    """One answer that is a stream of server-sent events. It never raises.

    ``feed`` and ``end`` return what is to be passed on; behind them, or in place of ``end``, ``cut`` returns the event
    that tells the caller that the stream broke off.

    Attributes:
        terminal: the terminal event seen, one of ``TERMINAL``; None while the stream has not ended properly.
            A ``response.*`` event tells more than an ``error`` beside it and takes its place.
        facts: what that event said, filled up from ``response.created``; until it comes, what that one said.
        events: events with data so far, which is the next ``sequence_number``.
        unread: something that should have been read could not be.
    """

    silent = tuple(b'event: %s\ndata: {"type":"%s",' % (kind, kind) for kind in _DELTAS)
    marks = (b"response.completed", b"response.created", b"response.failed", b"response.incomplete", b"error")
    wanted = EVENT_MEMBERS

    def __init__(self, max_held_bytes: int = MAX_HELD_BYTES) -> None:
        super().__init__(max_held_bytes)
        self.terminal: str | None = None
        self._created = AnswerFacts()

    @property
    def finished(self) -> bool:
        """Whether a terminal event came: what follows, or does not, changes nothing."""
        return self.terminal is not None

    @property
    def failed(self) -> bool:
        """Whether the provider ended the stream with ``response.failed`` or ``error``, or says so in the last event."""
        return self.terminal in _FAILED or (self.terminal is not None and self.facts.failed)

    def error(self, code: str, message: str) -> bytes:
        return error_data(code, message, self.events)

    def read(self, name: str, data: bytes) -> None:
        kind, facts = facts_from_event(data)
        self.unread = self.unread or facts.unread
        kind = kind or name
        if kind == "response.created":
            self._created = facts
            if self.terminal is None:
                self.facts = facts
        elif kind in TERMINAL and (self.terminal is None or (self.terminal == "error" and kind != "error")):
            self.terminal = kind
            self.facts = _filled(facts, self._created)


def _filled(facts: AnswerFacts, created: AnswerFacts) -> AnswerFacts:
    """What an event that ends a stream left out is taken from the one that began it."""
    left_out = {name: getattr(created, name) for name in _LASTING if getattr(facts, name) is None}
    return replace(facts, **left_out)
