"""A server-sent event too large to hold back: it is read in pieces while it passes, and can be ended from outside."""

from typing import Final

from addons.bodies.abridgement import Abridgement, WantedMembers
from addons.bodies.broken_json import rest_of

_MAX_NAME_BYTES: Final = 128
_RECENT_BYTES: Final = 8


class OpenEvent:
    """Feed it all that passed of one event; line ends may be of any kind, and pieces split anywhere."""

    def __init__(self, wanted: WantedMembers) -> None:
        self.data = Abridgement(wanted)
        self.has_data = False
        self._name = bytearray()
        self._field = bytearray()  # of the line that has not ended, up to its colon
        self._in_value = False
        self._at_line_start = True
        self._after_return = False
        self._recent = b""

    @property
    def name(self) -> str:
        return self._name.removeprefix(b" ").decode(errors="replace")

    def feed(self, piece: bytes) -> None:
        if not piece:
            return
        self._after_return = piece.endswith(b"\r")
        first, *others = piece.replace(b"\r", b"\n").split(b"\n")
        self._read(first)
        for line in others:
            self._end_line()
            self._read(line)

    def ending(self, error: bytes, event: bytes) -> bytes:
        """What ends the event so that a client raises: its data made whole, with the members of ``error`` in it.

        Where it needs no ending, or none can be had, it ends as it is and ``event``, the error's own, follows.
        ``error`` is a JSON object.
        """
        rest = rest_of(self.data, self._recent, error[1:-1])
        if rest is not None:
            in_data = self._in_value and self._field == b"data"
            line = b"" if in_data else b"data: " if self._at_line_start else b"\ndata: "
            return line + rest + b"\n\n"
        # One blank line and no more: behind a second the SDKs find an empty event where events carry ids. A line
        # feed behind a carriage return ends no line of its own.
        return (b"\n" if self._at_line_start and not self._after_return else b"\n\n") + event

    def _read(self, text: bytes) -> None:
        if not text:
            return
        self._at_line_start = False
        if not self._in_value:
            field, colon, text = text.partition(b":")
            self._field += field[:_MAX_NAME_BYTES]
            if not colon:
                return
            self._begin_value()
        if self._field == b"data":
            self._read_data(text)
        elif self._field == b"event" and len(self._name) < _MAX_NAME_BYTES:
            self._name += text[:_MAX_NAME_BYTES]

    def _begin_value(self) -> None:
        self._in_value = True
        if self._field == b"event":
            self._name.clear()
        elif self._field == b"data":
            if self.has_data:
                self._read_data(b"\n")  # data lines are joined by one
            self.has_data = True

    def _read_data(self, text: bytes) -> None:
        self.data.feed(text)
        self._recent = (self._recent + text[-_RECENT_BYTES:])[-_RECENT_BYTES:]

    def _end_line(self) -> None:
        if not self._in_value and bytes(self._field) in {b"data", b"event"}:
            self._begin_value()
        self._field.clear()
        self._in_value, self._at_line_start = False, True
