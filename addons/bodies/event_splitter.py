"""A stream of server-sent events on its way through: what may pass now, and which events say something.

An event is held back until it is whole, so that a stream can be ended by an error event at any moment: half an event
before it would spoil it. Comment lines between events pass at once, since they keep connections alive. An event of
more than ``MAX_HELD_BYTES`` passes in pieces; a stream that ends inside one has its data made whole first.
"""

import re
from abc import ABC, abstractmethod
from typing import Final

from addons.bodies.abridgement import WantedMembers
from addons.bodies.open_event import OpenEvent
from addons.bodies.server_sent_event import BLANK_LINE, BYTE_ORDER_MARK, LONGEST_BLANK_LINE, fields

MAX_HELD_BYTES: Final = 1024 * 1024

_LINE_END: Final = re.compile(rb"[\r\n]")
_HALF_CHARACTER: Final = re.compile(rb"(?:[\xc0-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf7][\x80-\xbf]{0,2})\Z")  # UTF-8
_LONGEST_HALF_CHARACTER: Final = 3
_EVENT_END: Final = re.compile(b"(" + BLANK_LINE.pattern + b")")
_NO_FIELDS: Final = re.compile(rb"(?:[\r\n]|:[^\r\n]*+[\r\n])*+")  # blank lines and comments, each to its end


class EventSplitter(ABC):
    """Feed it each piece as it comes, and pass on what it returns: together that is, byte for byte, what was fed.

    A subclass says which events of its API are read, and reads them. It may leave some out.

    Attributes:
        events: events with data so far, which is the next ``sequence_number``.
        unread: an event that should have been read could not be.
    """

    silent: tuple[bytes, ...] = ()  # how whole events with data begin that say nothing that is wanted
    marks: tuple[bytes, ...]  # an event in which none of these occurs says nothing that is wanted
    wanted: WantedMembers  # what is kept of the data of an event too large to be held
    error_name = b"error"  # of the event that ends a stream which broke off; empty: the API's events have no names

    def __init__(self, max_held_bytes: int = MAX_HELD_BYTES) -> None:
        self.events = 0
        self.unread = False
        self._max_held = max_held_bytes
        self._held = bytearray()  # the beginning of an event
        self._open: OpenEvent | None = None  # the event of which a part has passed
        self._recent = b""  # of that event: a blank line may lie across two pieces
        self._at_start = True  # no byte has passed; a byte order mark may come
        self._between = False  # behind the start, nothing is held and no event open

    @abstractmethod
    def read(self, name: str, data: bytes) -> None:
        """Reads an event that has a mark, or of one too large to be held what was wanted. It does not raise."""

    def says_something(self, event: bytes) -> bool:
        """Whether a whole event must be read."""
        return any(mark in event for mark in self.marks)

    def leaves_out(self, _data: bytes) -> bool:
        """Whether a whole event that was read does not pass."""
        return False

    def feed(self, payload: bytes) -> bytes:
        """The bytes to send on now; they may be empty."""
        if self._between:
            return self._split(payload)
        if self._open is not None:
            return self._feed_open(self._open, payload)
        if self._at_start:
            return self._feed_start(payload)
        return self._feed_held(payload)

    def end(self) -> bytes:
        """The stream ended cleanly: returns held bytes, and reads them as if a blank line had followed."""
        held = bytes(self._held)
        self._held.clear()
        if self._open is not None:
            self._open.feed(held)
            self._read_open(self._open)
        elif held:
            if not self._read_event(held):
                return b""
            self._open = OpenEvent(self.wanted)
            self._open.feed(held)
        return held

    def ending(self, error: bytes) -> bytes:
        """The bytes that end a stream which broke off, or which ended without its last event. Held bytes are dropped.

        ``error``: the data of an error event, a JSON object.
        """
        self._held.clear()
        name = b"event: " + self.error_name + b"\n" if self.error_name else b""
        event = name + b"data: " + error + b"\n\n"
        return event if self._open is None else self._open.ending(error, event)

    def _split(self, payload: bytes) -> bytes:
        """Reads the whole events and holds what lies behind them."""
        events = BLANK_LINE.split(payload) if b"\r" in payload else payload.split(b"\n\n")
        rest = events.pop()
        left_out = []
        for place, event in enumerate(events):
            if event.startswith(self.silent):  # the short way: nearly every event goes it
                self.events += 1
            elif event and not self._read_event(event):
                left_out.append(place)
        if left_out:
            payload = _without(left_out, events, rest) if b"\r" not in payload else _cut_out(left_out, payload)
        return self._hold(payload, rest) if rest else payload

    def _read_event(self, event: bytes) -> bool:
        """Whether it passes."""
        wanted = self.says_something(event)
        if not wanted and (event.startswith(b"data:") or b"\ndata:" in event):
            self.events += 1
            return True
        name, data = fields(event)
        if data is None:
            return True
        self.events += 1
        if not wanted:
            return True
        self.read(name, data)
        return not self.leaves_out(data)

    def _hold(self, payload: bytes, rest: bytes) -> bytes:
        comments = _NO_FIELDS.match(rest)
        held = rest[comments.end() :] if comments else rest
        self._held += held
        self._between = not held
        passed = payload[: len(payload) - len(held)]
        return passed + self._open_if_large()

    def _feed_start(self, payload: bytes) -> bytes:
        self._held += payload
        if len(self._held) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(self._held):
            return b""
        self._at_start, self._between = False, True
        fed = bytes(self._held)
        self._held.clear()
        if fed.startswith(BYTE_ORDER_MARK):
            return BYTE_ORDER_MARK + self._split(fed.removeprefix(BYTE_ORDER_MARK))
        return self._split(fed)

    def _feed_held(self, payload: bytes) -> bytes:
        # Only what is new is searched, or an event that comes in small pieces would be searched again with each.
        searched = max(0, len(self._held) - LONGEST_BLANK_LINE + 1)
        whole = _LINE_END.search(payload) if self._held.startswith(b":") else None
        self._held += payload
        if whole is None and not BLANK_LINE.search(self._held, searched):
            return self._open_if_large()
        fed = bytes(self._held)
        self._held.clear()
        self._between = True
        return self._split(fed)

    def _open_if_large(self) -> bytes:
        if len(self._held) <= self._max_held:
            return b""
        self._between, self._open, self._recent = False, OpenEvent(self.wanted), b""
        held = bytes(self._held)
        self._held.clear()
        return self._feed_open(self._open, held)

    def _feed_open(self, event: OpenEvent, payload: bytes) -> bytes:
        payload = bytes(self._held) + payload
        self._held.clear()
        if end := BLANK_LINE.search(self._recent + payload):
            last = payload[: end.end() - len(self._recent)]
            event.feed(last)
            self._read_open(event)
            self._open, self._between = None, True
            return last + self._split(payload[len(last) :])
        # Half a character would spoil what may have to follow it.
        half = _HALF_CHARACTER.search(payload, max(0, len(payload) - _LONGEST_HALF_CHARACTER))
        passed = payload[: half.start()] if half else payload
        self._held += payload[len(passed) :]
        event.feed(passed)
        self._recent = (self._recent + passed)[1 - LONGEST_BLANK_LINE :]
        return passed

    def _read_open(self, event: OpenEvent) -> None:
        if event.has_data:
            self.events += 1
            self.unread = self.unread or event.data.unread
            self.read(event.name, event.data.document() if event.data.complete else b"")


def _without(places: list[int], events: list[bytes], rest: bytes) -> bytes:
    """Events and what lies behind them, without these; each goes with the blank line, of line feeds, that ends it."""
    return b"\n\n".join([*(event for place, event in enumerate(events) if place not in places), rest])


def _cut_out(places: list[int], payload: bytes) -> bytes:
    """The same of a payload whose lines end in any way, which takes long."""
    pieces = _EVENT_END.split(payload)  # an event, its end, an event …
    for place in places:
        pieces[2 * place] = pieces[2 * place + 1] = b""
    return b"".join(pieces)
