"""An answer on its way through: it leaves as it came, whole events at a time, and a copy is read for its facts."""

import time
from collections.abc import Callable
from typing import Final

import structlog

from addons.call import Call
from addons.responses.answer import AnswerFacts, error_event, facts_from_body
from addons.responses.server_sent_events import EventTap

MAX_JSON_ANSWER: Final = 32 * 1024 * 1024  # bytes of an answer in one piece that are kept to read its usage

PARTING: Final = {
    None: ("stream_truncated", "The model provider's stream broke off before its end."),
    "connect": ("timeout", "The model provider fell silent; the stream was ended."),
    "read": ("timeout", "The model provider fell silent; the stream was ended."),
    "shutdown": ("sidecar_shutting_down", "The sidecar is shutting down; make the call again."),
}
"""Code and message of the event that ends a stream, by why the sidecar cut it."""

_log = structlog.get_logger("sidecar.passage")


class Passage:
    """What ``flow.response.stream`` is set to. It never raises: mitmproxy would drop the chunk."""

    def __init__(self, call: Call, *, events: bool, may_add: bool) -> None:
        self._call = call
        self._tap = EventTap() if events else None
        self._may_add = may_add  # False where a Content-Length forbids a parting event
        self._held = bytearray()  # half an event: passed on before a cut, it would spoil the parting event behind it
        self._json = bytearray()
        self.copy: Callable[[bytes], object] | None = None  # also gets what passes, for somebody to look at
        self.observer: Callable[[bytes], object] | None = None  # gets what the provider said, and no more

    def __call__(self, chunk: bytes) -> bytes | tuple[()]:
        """What is to be passed on now; mitmproxy takes no empty bytes for nothing."""
        passed = chunk
        try:
            if chunk:
                self._read(chunk)
                if self.observer is not None:
                    self.observer(chunk)
                passed = self._complete(chunk)
            else:
                passed = self._end()
            if self.copy is not None:
                self.copy(passed)
        except Exception as error:  # noqa: BLE001 - reading along must never harm what passes
            _log.error("reading_along_failed", exc_info=error)
        return passed or ()

    def _read(self, chunk: bytes) -> None:
        self._call.last_activity = time.monotonic()
        if self._tap is not None:
            self._tap.feed(chunk)
        elif len(self._json) <= MAX_JSON_ANSWER:
            self._json += chunk

    def _complete(self, chunk: bytes) -> bytes:
        if self._tap is None or not self._may_add:
            return chunk
        if not self._held and not self._tap.unfinished:
            return chunk
        self._held += chunk
        complete = max(0, len(self._held) - self._tap.unfinished)
        passed = bytes(self._held[:complete])
        del self._held[:complete]
        return passed

    @property
    def finished(self) -> bool:
        """Whether a stream has said its last; what comes after, or does not, changes nothing."""
        return self._tap is not None and self._tap.terminal is not None

    def parting_event(self) -> bytes | None:
        """The one error event for a stream that broke off; empty where the stream had ended, None where none can be."""
        self.settle()
        if self._tap is None or not self._may_add:
            return None
        return b"" if self.finished else error_event(*PARTING[self._call.cut], sequence_number=self._tap.events)

    def settle(self) -> None:
        """Reads what the answer said of itself into the call."""
        answer = self._call.answer
        if self._tap is not None:
            seen = AnswerFacts(response_id=self._tap.response_id, model=self._tap.model)
            answer.facts = self._tap.facts or seen
        elif self._json and len(self._json) <= MAX_JSON_ANSWER:
            answer.facts = facts_from_body(bytes(self._json))
            self._json.clear()

    def _end(self) -> bytes:
        self.settle()
        if self._tap is None or self.finished:
            self._call.answer.ended = "whole"
            return bytes(self._held)
        self._call.answer.ended = "truncated"
        return self.parting_event() or b""


class Unread:
    """The same for an answer of Foundry itself: nobody reads along, and nothing of it is kept."""

    finished = False

    def __init__(self, call: Call) -> None:
        self._call = call

    def __call__(self, chunk: bytes) -> bytes:
        self._call.last_activity = time.monotonic()
        if not chunk:
            self._call.answer.ended = "whole"
        return chunk

    def settle(self) -> None:
        """There is nothing to read."""

    def parting_event(self) -> None:
        """There is none: its form is not known here."""
