"""A second reader of streams, by regular expressions alone: slower than ``EventStream``, and of the same opinion."""

import re
from dataclasses import replace
from typing import Final

from addons.bodies.answer_facts import AnswerFacts
from addons.responses.answer import facts_from_event

TERMINAL: Final = frozenset({"response.completed", "response.failed", "response.incomplete", "error"})
"""The events after which a response has ended (OpenAI's streaming reference)."""

_LINE_END = rb"(?:\r\n|\n|\r(?!\n))"
_BLANK_LINE = re.compile(_LINE_END + _LINE_END)
_LINES = re.compile(rb"\r\n|\n|\r")
_LONGEST_BLANK_LINE = len(b"\r\n\r\n")

# A search costs a fraction of a parse, and nearly every event of a stream is a delta with none of these.
_WORTH_PARSING = re.compile(rb"response\.(?:completed|created|failed|incomplete)|error")
# The type of an event too large to keep is read off its beginning, where OpenAI writes it.
_HEAD_BYTES = 512
_TYPE_IN_HEAD = re.compile(rb'(?:\A|[\r\n])(?:event: ?([a-z._]+)[\r\n]|data: ?\{\s*"type"\s*:\s*"([a-z._]+)")')


class EventTap:
    """Watches one stream. Feed it every chunk as it passes; it never raises and keeps at most one event.

    Attributes:
        terminal: the terminal event seen, one of ``TERMINAL``; None while the stream has not ended properly.
            A ``response.*`` event tells more than an ``error`` beside it and takes its place.
        facts: what that event said, and what ``response.created`` did; without usage when the event was too large.
        response_id, model: from ``response.created``, for streams that break before their end.
        events: complete events with data so far, which is the next ``sequence_number``.
        overflowed: how many events were too large to keep.
    """

    def __init__(self, max_event_bytes: int = 8 * 1024 * 1024) -> None:
        self.terminal: str | None = None
        self.facts: AnswerFacts | None = None
        self.response_id: str | None = None
        self.model: str | None = None
        self.events = 0
        self.overflowed = 0
        self._limit = max_event_bytes
        self._head = min(_HEAD_BYTES, max_event_bytes)
        self._buffer = bytearray()
        self._scanned = 0  # no event ends before this offset
        self._skipped_head: bytes | None = None  # not None: inside an event that is too large to keep

    def feed(self, chunk: bytes) -> None:
        self._buffer += chunk
        start, position = 0, self._scanned
        while end := _BLANK_LINE.search(self._buffer, position):
            self._event(start, end.start())
            start = position = end.end()
        del self._buffer[:start]
        if len(self._buffer) >= self._limit + _LONGEST_BLANK_LINE:
            if self._skipped_head is None:
                self._skipped_head = bytes(self._buffer[: self._head])
            del self._buffer[: 1 - _LONGEST_BLANK_LINE]
        self._scanned = max(0, len(self._buffer) + 1 - _LONGEST_BLANK_LINE)

    def _event(self, start: int, end: int) -> None:
        if self._skipped_head is not None or end - start > self._limit:
            head = self._skipped_head or bytes(self._buffer[start : start + self._head])
            self._skipped_head = None
            self.events += 1
            self.overflowed += 1
            if found := _TYPE_IN_HEAD.search(head):
                self._note((found[1] or found[2]).decode(), AnswerFacts())
            return
        if self._buffer.find(b"data", start, end) < 0:
            return  # comments and keep-alives
        self.events += 1
        if _WORTH_PARSING.search(self._buffer, start, end):
            name, data = _fields(bytes(self._buffer[start:end]))
            kind, facts = facts_from_event(data)
            self._note(kind or name, facts)

    def _note(self, kind: str, facts: AnswerFacts) -> None:
        if kind == "response.created":
            self.response_id, self.model = facts.response_id, facts.model
        elif kind in TERMINAL and (self.terminal is None or (self.terminal == "error" and kind != "error")):
            self.terminal = kind
            self.facts = replace(
                facts, response_id=facts.response_id or self.response_id, model=facts.model or self.model
            )


def _fields(event: bytes) -> tuple[str, bytes]:
    """The ``event`` field and the joined ``data`` lines (WHATWG HTML, Server-sent events)."""
    name, data = b"", []
    for line in _LINES.split(event):
        field, _, value = line.partition(b":")
        if field == b"event":
            name = value.removeprefix(b" ")
        elif field == b"data":
            data.append(value.removeprefix(b" "))
    return name.decode(errors="replace"), b"\n".join(data)
