"""An answer of the Responses API on its way through: what may pass on now, and what it says of itself."""

import json
from dataclasses import replace
from typing import Final

from addons.responses.abridgement import Abridgement, Members
from addons.responses.answer import AnswerFacts, facts_from_body, facts_from_event
from addons.responses.event_splitter import EventSplitter

TERMINAL: Final = frozenset({"response.completed", "response.failed", "response.incomplete", "error"})
"""The events after which a response has ended (OpenAI's streaming reference)."""

_FAILED: Final = frozenset({"response.failed", "error"})

RESPONSE: Final[Members] = {
    "id": None,
    "model": None,
    "status": None,
    "usage": None,
    "store": None,
    "background": None,
    "service_tier": None,
    "error": {"code": None},
}
"""What is kept of a Response object too large to be kept whole."""

_EVENT: Final[Members] = {"type": None, "response": RESPONSE, "code": None, "error": {"code": None}}

MAX_KEPT_BYTES: Final = 1024 * 1024  # of an answer in one piece; what is longer is abridged as it comes


class EventStream(EventSplitter):
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

    marks = (b"response.completed", b"response.created", b"response.failed", b"response.incomplete", b"error")
    wanted = _EVENT

    def __init__(self, max_held_bytes: int = 1024 * 1024) -> None:
        super().__init__(max_held_bytes)
        self.terminal: str | None = None
        self.facts = AnswerFacts()
        self._created = AnswerFacts()
        self._cut = False

    @property
    def finished(self) -> bool:
        """Whether a terminal event came: what follows, or does not, changes nothing."""
        return self.terminal is not None

    @property
    def failed(self) -> bool:
        """Whether the provider ended the stream with ``response.failed`` or ``error``."""
        return self.terminal in _FAILED

    def cut(self, code: str, message: str) -> bytes:
        """The one error event that ends a stream that broke off; empty where the stream has said its last.

        What was held back is dropped. Where a part of a large event has passed, its data is completed to a JSON object
        whose last members are the error: a client raises on either.
        """
        if self.finished or self._cut:
            self._held.clear()
            return b""
        self._cut = True
        return self.ending(error_data(code, message, sequence_number=self.events))

    def read(self, name: str, data: bytes) -> None:
        kind, facts = facts_from_event(data)
        kind = kind or name
        if kind == "response.created":
            self._created = facts
            if self.terminal is None:
                self.facts = facts
        elif kind in TERMINAL and (self.terminal is None or (self.terminal == "error" and kind != "error")):
            self.terminal = kind
            self.facts = replace(
                facts,
                response_id=facts.response_id or self._created.response_id,
                model=facts.model or self._created.model,
            )
