"""What llhttp tells of one message, noted: httptools calls these methods while it is fed."""

from typing import Final

MOST_FIELDS: Final = 1000  # of a head, and of the trailers

_WHITE_SPACE: Final = b" \t"


class LlhttpNotes:
    """It holds no reference to the parser, so that no circle of references keeps either."""

    __slots__ = ("_fields", "_pieces", "ended", "head_complete", "on_body", "padded", "too_many")

    def __init__(self) -> None:
        self.head_complete = self.ended = self.too_many = False
        self.padded: set[bytes] = set()  # names, in lower case, of values with white space behind them
        self._fields: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # called from C with no Python in between

    def on_message_begin(self) -> None:
        if self.ended:
            raise ValueError("bytes behind the answer")  # stops llhttp, which would read them as the next one

    def on_header(self, name: bytes, value: bytes) -> None:
        fields, bare = self._fields, value.rstrip(_WHITE_SPACE)  # llhttp takes off what stands before it
        fields.append((name, bare))
        if bare is not value:
            self.padded.add(name.lower())
        if len(fields) > MOST_FIELDS:
            self.too_many = True
            raise ValueError("too many fields")

    def on_headers_complete(self) -> None:
        self.head_complete = True

    def on_message_complete(self) -> None:
        self.ended = True

    def take_fields(self) -> list[tuple[bytes, bytes]]:
        """The head's. What comes later are trailers, which nobody needs."""
        fields, self._fields = self._fields, []
        return fields

    def take_payload(self) -> bytes:
        """What has come since it was last asked for."""
        pieces = self._pieces
        payload = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return payload
