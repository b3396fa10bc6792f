"""The bytes of one answer, read: its head, its payload, and where it ends. No I/O.

llhttp reads heads and chunks, and refuses what is ambiguous in them. What it takes all the same is refused here,
and all that it does not bound is bounded here: it would take a head of any size.

Where a head ends is found before llhttp is fed, so that it gets heads and chunks and never anything behind them: an
answer that has ended is never read on into a next one. A body of a known length, or one that ends with the
connection, needs no reading at all.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import httptools

from addons.exchange.upstream.failure import FailureKind, UpstreamFailure
from addons.exchange.upstream.llhttp_notes import MOST_FIELDS, LlhttpNotes

MOST_HEAD_BYTES: Final = 256 * 1024  # interim answers included
MOST_INTERIM: Final = 16
MOST_FRAMING: Final = 256 * 1024  # chunk sizes, extensions and trailers with no payload in between

_STATUSES: Final = range(100, 600)  # RFC 9110 §15
_INTERIM_STATUSES: Final = range(100, 200)
_HEAD_END: Final = b"\r\n\r\n"
_NO_BODY: Final = frozenset({204, 304})  # RFC 9112 §6.3
_LENGTH: Final = b"content-length"
_CODING: Final = b"transfer-encoding"
_CONNECTION: Final = b"connection"


class AnswerReader:
    """Fed with what comes, in order.

    ``status`` and ``headers``: of the final head, once it is there. ``ended``: the answer is whole.
    ``behind``: bytes came that are not the answer's.
    ``failure``: there will be no whole answer; payload before it still counts.
    """

    __slots__ = (
        "_framing", "_head_bytes", "_interim", "_left", "_noted", "_parser", "_persistent", "_read", "_recent",
        "_request_is_head", "behind", "ended", "failure", "headers", "status",
    )  # fmt: skip

    def __init__(self, *, answer_has_body: bool = True) -> None:
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.ended = False
        self.behind = False
        self.failure: UpstreamFailure | None = None
        self._request_is_head = not answer_has_body
        self._persistent = False
        self._head_bytes = self._interim = self._framing = 0
        self._left = 0  # of a body of known length
        self._recent = b""  # the last bytes that were read, where an end may lie across two reads
        self._read: Callable[[AnswerReader, bytes], bytes] = AnswerReader._read_head
        self._new_parser()

    def feed(self, data: bytes) -> bytes:
        """The payload that these bytes hold. Not to be called after the end."""
        return self._read(self, data)

    @property
    def reusable(self) -> bool:
        """Whether the connection is good for another request: the answer is whole, and its last bytes were the last."""
        return self.ended and self._persistent and not self.behind

    def connection_ended(self, detail: str, *, cleanly: bool) -> None:
        """No more will come. ``cleanly``: the peer said so in TLS, so that nobody else can have cut the answer."""
        if self.status is None:
            self._fail(FailureKind.CLOSED, f"the connection ended before the answer's head: {detail}")
        elif self._read is not AnswerReader._read_until_close or not cleanly:
            self._fail(FailureKind.BROKEN, f"the connection ended within the answer: {detail}")
        else:
            self.ended = True

    def _new_parser(self) -> None:
        self._noted = LlhttpNotes()
        self._parser = httptools.HttpResponseParser(self._noted)

    def _read_head(self, data: bytes) -> bytes:
        while data:
            if not self._recent and not data.startswith(b"H"):  # llhttp takes empty lines before it, RTSP and ICE
                return self._refuse("no HTTP status line")
            window = self._recent + data
            found = window.find(_HEAD_END)
            here = len(data) if found < 0 else found + len(_HEAD_END) - len(self._recent)
            self._head_bytes += here
            if self._head_bytes > MOST_HEAD_BYTES:
                return self._fail(FailureKind.HEAD_TOO_LONG, f"a head of more than {MOST_HEAD_BYTES} bytes")
            try:
                self._parser.feed_data(data[:here])
            except httptools.HttpParserUpgrade:
                return self._fail(FailureKind.SWITCHED, "the peer switched protocols")
            except httptools.HttpParserError as error:
                return self._not_parsed(error)
            if self._noted.head_complete != (found >= 0):
                return self._refuse("the head has no clear end")
            if found < 0:
                self._recent = window[-len(_HEAD_END) + 1 :]
                return b""
            self._recent, data = b"", data[here:]
            self._head_read()
            if self.status is not None or self.failure:
                return self._read(self, data) if data and not self.failure else b""
        return b""

    def _not_parsed(self, error: httptools.HttpParserError) -> bytes:
        if self._noted.too_many:
            return self._fail(FailureKind.HEAD_TOO_LONG, f"a head of more than {MOST_FIELDS} fields")
        if self._noted.head_complete and self._parser.get_status_code() == HTTPStatus.SWITCHING_PROTOCOLS:
            return self._fail(FailureKind.SWITCHED, "the peer switched protocols")
        return self._refuse(str(error))

    def _head_read(self) -> None:
        status, version = self._parser.get_status_code(), self._parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            self._refuse("neither HTTP/1.1 nor HTTP/1.0")
        elif status not in _STATUSES:
            self._refuse("a status out of range")
        elif status == HTTPStatus.SWITCHING_PROTOCOLS:
            self._fail(FailureKind.SWITCHED, "the peer switched protocols")
        elif status not in _INTERIM_STATUSES:
            self._final(status, version)
        elif self._interim == MOST_INTERIM:
            self._fail(FailureKind.HEAD_TOO_LONG, f"more than {MOST_INTERIM} interim answers")
        else:
            self._interim += 1
            self._new_parser()  # what an interim head says of its connection means nothing

    def _final(self, status: int, version: str) -> None:
        noted = self._noted
        fields = noted.take_fields()
        names = [name.lower() for name, _ in fields]
        # llhttp has refused two framings, two lengths, and lengths that are no number.
        if _CODING in names:
            chunked = _values(_CODING, names, fields) == [b"chunked"]
            # White space behind it is none of the value (RFC 9110 §5.5), but llhttp takes it for another coding.
            if not chunked or _CODING in noted.padded or version == "1.0":
                self._refuse("a transfer coding other than chunked alone")
                return
        options = _values(_CONNECTION, names, fields) if _CONNECTION in names else []
        self._persistent = b"close" not in options and (version == "1.1" or b"keep-alive" in options)  # RFC 9112 §9.3
        self._left = int(fields[names.index(_LENGTH)][1]) if _LENGTH in names else 0
        self.status, self.headers = status, fields
        if self._request_is_head or status in _NO_BODY:
            self._read, self.ended = AnswerReader._read_behind, True
        elif _CODING in names:
            self._read = AnswerReader._read_chunks
        elif _LENGTH not in names:
            self._read, self._persistent = AnswerReader._read_until_close, False
        elif self._left:
            self._read = AnswerReader._read_length
        else:
            self._read, self.ended = AnswerReader._read_behind, True

    def _read_length(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left > 0:
            return data
        self.ended = True
        self.behind = self._left < 0
        return data[: self._left] if self.behind else data

    def _read_chunks(self, data: bytes) -> bytes:
        noted = self._noted
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if noted.ended:
                self.behind = True
            else:
                what = f"more than {MOST_FIELDS} fields" if noted.too_many else str(error)
                self._fail(FailureKind.BROKEN, f"the answer's chunks or trailers can't be read: {what}")
        payload = noted.take_payload()
        self._framing = len(data) - len(payload) if payload else self._framing + len(data)
        self._recent = data if len(data) > len(_HEAD_END) else (self._recent + data)[-len(_HEAD_END) - 1 :]
        if noted.ended:
            self.ended = True
            # Chunks end in one empty line. Of further ones llhttp says nothing, and they are not the answer's.
            if not self._recent.endswith(_HEAD_END) or self._recent.endswith(b"\n" + _HEAD_END):
                self.behind = True
        elif self._framing > MOST_FRAMING and not self.failure:
            self._fail(FailureKind.BROKEN, f"{MOST_FRAMING} bytes of chunk extensions or trailers, and no payload")
        return payload

    def _read_until_close(self, data: bytes) -> bytes:
        return data

    def _read_behind(self, _data: bytes) -> bytes:
        self.behind = True
        return b""

    def _refuse(self, what: str) -> bytes:
        return self._fail(FailureKind.NOT_HTTP, what)

    def _fail(self, kind: FailureKind, detail: str) -> bytes:
        self.failure = UpstreamFailure(kind, detail)
        return b""


def _values(wanted: bytes, names: list[bytes], fields: list[tuple[bytes, bytes]]) -> list[bytes]:
    """The members of a field that is a list, in lower case."""
    values = b",".join(value for name, (_, value) in zip(names, fields, strict=True) if name == wanted)
    return [member.strip() for member in values.lower().split(b",")]
