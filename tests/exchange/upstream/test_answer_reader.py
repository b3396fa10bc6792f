"""Answers as bytes: what is read of them, wherever the reads happen to split them."""

import gc
import weakref
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.exchange.upstream.answer_reader import (
    MOST_FRAMING,
    MOST_HEAD_BYTES,
    MOST_INTERIM,
    AnswerReader,
)
from addons.exchange.upstream.failure import FailureKind
from addons.exchange.upstream.llhttp_notes import MOST_FIELDS

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
KEPT, BEHIND, LAST, OPEN = "kept", "bytes behind it", "connection ends", "not ended"


class Seen(NamedTuple):
    status: int | None
    payload: bytes
    end: str | FailureKind


def read(pieces: Iterable[bytes], *, answer_has_body: bool = True) -> Seen:
    """What a connection would make of it: once the answer has ended, a further byte is one behind it."""
    reader, payload, behind = AnswerReader(answer_has_body=answer_has_body), b"", False
    for piece in pieces:
        if reader.ended or reader.failure:
            behind = True
        else:
            payload += reader.feed(piece)
    if reader.failure:
        return Seen(reader.status, payload, reader.failure.kind)
    if not reader.ended:
        return Seen(reader.status, payload, OPEN)
    if behind or reader.behind:
        return Seen(reader.status, payload, BEHIND)
    return Seen(reader.status, payload, KEPT if reader.reusable else LAST)


def splits(data: bytes) -> Iterator[list[bytes]]:
    """Whole, cut in two everywhere, in pieces of one, two and five bytes."""
    yield [data]
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]
    for size in (1, 2, 5):
        yield [data[at : at + size] for at in range(0, len(data), size)]


ANSWERS = [
    # what comes, status, payload, end
    (OK + b"Content-Length: 2\r\n\r\nhi", 200, b"hi", KEPT, "by length"),
    (OK + b"Content-Length: 0\r\n\r\n", 200, b"", KEPT, "empty"),
    (OK + b"Content-Length:  2 \t\r\n\r\nhi", 200, b"hi", KEPT, "white space around a length"),
    (CHUNKED + b"2\r\nhi\r\n3\r\n ho\r\n" + END, 200, b"hi ho", KEPT, "chunks"),
    (CHUNKED + b"2;a=b\r\nhi\r\n0;c\r\n\r\n", 200, b"hi", KEPT, "chunk extensions"),
    (CHUNKED + b"2\r\nhi\r\n0\r\nX: y\r\nConnection: close\r\n\r\n", 200, b"hi", KEPT, "trailers mean nothing"),
    (CHUNKED + b"4\r\n\r\n\r\n\r\n" + END, 200, b"\r\n\r\n", KEPT, "empty lines as payload"),
    (CHUNKED + END, 200, b"", KEPT, "no chunk but the last"),
    (OK + b"TRANSFER-ENCODING: Chunked\r\n\r\n" + END, 200, b"", KEPT, "names and codings in any case"),
    (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", KEPT, "no reason phrase"),
    (b"HTTP/1.1 599 \xff\x01\r\nContent-Length: 2\r\n\r\nhi", 599, b"hi", KEPT, "odd reason phrase"),
    (b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n", 204, b"", KEPT, "204 has no body"),
    (b"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n", 304, b"", KEPT, "304 has no body"),
    (
        OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nhi",
        200,
        b"hi",
        KEPT,
        "an offer to upgrade",
    ),
    (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", LAST, "close"),
    (OK + b"Connection: x, CLOSE\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", LAST, "close among others"),
    (OK + b"Connection: keep-alive\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 200, b"", LAST, "close, later"),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", LAST, "HTTP/1.0"),
    (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", KEPT, "HTTP/1.0, kept"),
    # -- interim answers
    (b"HTTP/1.1 100 C\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", 200, b"hi", KEPT, "100"),
    (b"HTTP/1.1 103 H\r\nLink: a\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + CHUNKED + END, 200, b"", KEPT, "103 and 102"),
    (b"HTTP/1.1 103 H\r\nContent-Length: 5\r\n\r\n" + CHUNKED + END, 200, b"", KEPT, "103 with a length"),
    (b"HTTP/1.1 100 C\r\nConnection: close\r\n\r\n" + CHUNKED + END, 200, b"", KEPT, "100 that says close"),
    (b"HTTP/1.0 100 C\r\n\r\n" + CHUNKED + END, 200, b"", KEPT, "100 of HTTP/1.0"),
    # -- ended by the connection
    (OK + b"\r\nhi", 200, b"hi", OPEN, "until the end"),
    (b"HTTP/1.0 200 OK\r\n\r\nhi", 200, b"hi", OPEN, "until the end, HTTP/1.0"),
    (OK + b"Content-Length: 3\r\n\r\nhi", 200, b"hi", OPEN, "a byte short"),
    (OK + b"Content-Length: 18446744073709551615\r\n\r\nhi", 200, b"hi", OPEN, "the longest length"),
    (CHUNKED + b"2\r\nhi\r\n0\r\n", 200, b"hi", OPEN, "no empty line at the end"),
    # -- bytes behind
    (OK + b"Content-Length: 2\r\n\r\nhiX", 200, b"hi", BEHIND, "a byte too many"),
    (OK + b"Content-Length: 2\r\n\r\nhi\r\n", 200, b"hi", BEHIND, "an empty line behind a length"),
    (CHUNKED + b"2\r\nhi\r\n" + END + b"\r\n", 200, b"hi", BEHIND, "an empty line behind chunks"),
    (CHUNKED + b"2\r\nhi\r\n" + END + b"\r", 200, b"hi", BEHIND, "CR behind chunks"),
    (CHUNKED + b"2\r\nhi\r\n" + END + b"\n", 200, b"hi", BEHIND, "LF behind chunks"),
    (CHUNKED + b"2\r\nhi\r\n" + END + b"\r\n\r\n", 200, b"hi", BEHIND, "empty lines behind chunks"),
    (CHUNKED + b"2\r\nhi\r\n" + END + OK + b"\r\nho", 200, b"hi", BEHIND, "an answer behind chunks"),
    (CHUNKED + b"2\r\nhi\r\n" + END + OK + b"\r\n", 200, b"hi", BEHIND, "a head behind chunks"),
    (
        OK + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + END + b"X",
        200,
        b"",
        BEHIND,
        "behind a last one",
    ),
    (b"HTTP/1.1 204 No\r\n\r\nhi", 204, b"", BEHIND, "204 with a body"),
    (b"HTTP/1.1 304 No\r\nContent-Length: 2\r\n\r\nhi", 304, b"", BEHIND, "304 with a body"),
    (OK + b"Content-Length: 0\r\n\r\n" + OK, 200, b"", BEHIND, "an answer behind an empty one"),
]


@pytest.mark.parametrize(("data", "status", "payload", "end"), [pytest.param(*row[:-1], id=row[-1]) for row in ANSWERS])
def test_an_answer_reads_the_same_wherever_it_is_split(data: bytes, status: int, payload: bytes, end: str) -> None:
    for pieces in splits(data):
        assert read(pieces) == Seen(status, payload, end), pieces


NOT_HTTP, TOO_LONG = FailureKind.NOT_HTTP, FailureKind.HEAD_TOO_LONG
LENGTH = b"Content-Length: 2\r\n"
REFUSED = [
    # -- no head
    (b"\x15\x03\x01\x00\x02\x02\x16", NOT_HTTP, "a TLS alert"),
    (b"220 mail.example ESMTP\r\n", NOT_HTTP, "another protocol"),
    (b"\r\n" + OK + LENGTH + b"\r\nhi", NOT_HTTP, "an empty line before it"),
    (b"RTSP/1.0 200 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "RTSP"),
    (b"ICE/1.0 200 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "ICE"),
    (b"HTTP/2.0 200 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "HTTP/2.0"),
    (b"HTTP/0.9 200 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "HTTP/0.9"),
    (b"HTTP/1.9 200 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "HTTP/1.9"),
    (b"HTTP/1.1 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "no status"),
    (b"HTTP/1.1 20 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "a status of two digits"),
    (b"HTTP/1.1 2000 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "a status of four digits"),
    (b"HTTP/1.1 000 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "status 000"),
    (b"HTTP/1.1 600 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "status 600"),
    (b"HTTP/1.1  200 OK\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "two spaces in the status line"),
    (b"HTTP/1.1 200 OK\n" + LENGTH + b"\r\nhi", NOT_HTTP, "LF alone behind the status line"),
    (OK + b"Content-Length: 2\n\nhi", NOT_HTTP, "LF alone behind a field"),
    (OK + LENGTH + b"\nhi", NOT_HTTP, "LF alone as the empty line"),
    # -- fields
    (OK + b"no colon here\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "no colon"),
    (OK + b": empty\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "no name"),
    (OK + b"X : a\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "a space before the colon"),
    (OK + b"X: a\r\n b\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "a folded field"),
    (OK + b" X: a\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "a space before the first name"),
    (OK + b"X: a\rb\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "CR in a value"),
    (OK + b"X: a\nb\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "LF in a value"),
    (OK + b"X: a\0b\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "NUL in a value"),
    (OK + b"X: a\x0bb\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "a control byte in a value"),
    (OK + b"X\xff: a\r\n" + LENGTH + b"\r\nhi", NOT_HTTP, "a name that is no token"),
    # -- framing
    (OK + LENGTH + LENGTH + b"\r\nhi", NOT_HTTP, "two equal lengths"),
    (OK + LENGTH + b"Content-Length: 3\r\n\r\nhi", NOT_HTTP, "two lengths"),
    (OK + b"Content-Length: 2, 2\r\n\r\nhi", NOT_HTTP, "a list of lengths"),
    (OK + b"Content-Length: +2\r\n\r\nhi", NOT_HTTP, "a length with a sign"),
    (OK + b"Content-Length: -2\r\n\r\nhi", NOT_HTTP, "a length below zero"),
    (OK + b"Content-Length: 0x2\r\n\r\nhi", NOT_HTTP, "a hexadecimal length"),
    (OK + b"Content-Length: 1_0\r\n\r\nhi", NOT_HTTP, "a length that Python alone takes"),
    (OK + b"Content-Length: \r\n\r\nhi", NOT_HTTP, "an empty length"),
    (OK + b"Content-Length: 18446744073709551616\r\n\r\nhi", NOT_HTTP, "a length too long"),
    (OK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + END, NOT_HTTP, "length and chunks"),
    (OK + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + END, NOT_HTTP, "chunks and length"),
    (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + END, NOT_HTTP, "gzip, chunked"),
    (OK + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + END, NOT_HTTP, "gzip and chunked"),
    (OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + END, NOT_HTTP, "chunked twice"),
    (OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + END, NOT_HTTP, "chunked in two fields"),
    (OK + b"Transfer-Encoding: gzip\r\n\r\n", NOT_HTTP, "gzip alone"),
    (OK + b"Transfer-Encoding: identity\r\n\r\n", NOT_HTTP, "identity"),
    (OK + b"Transfer-Encoding: \r\n\r\n", NOT_HTTP, "no coding"),
    (OK + b"Transfer-Encoding: chunked \t\r\n\r\n" + END, NOT_HTTP, "white space behind the coding"),
    (OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + END, NOT_HTTP, "a control byte before the coding"),
    (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + END, NOT_HTTP, "chunks in HTTP/1.0"),
    (b"HTTP/1.1 204 No\r\n" + LENGTH + LENGTH + b"\r\n", NOT_HTTP, "two lengths of no body"),
    (b"HTTP/1.1 204 No\r\nTransfer-Encoding: gzip\r\n\r\n", NOT_HTTP, "another coding of no body"),
    # -- interim
    (b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhi", FailureKind.SWITCHED, "101"),
    (b"HTTP/1.1 101 S\r\n\r\nhi", FailureKind.SWITCHED, "101 to nothing"),
    (b"HTTP/1.1 100 C\r\n\r\nhi", NOT_HTTP, "a body behind an interim answer"),
    (b"HTTP/1.1 100 C\r\n\r\n\r\n" + CHUNKED + END, NOT_HTTP, "an empty line behind an interim answer"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "kind"), [pytest.param(*row[:-1], id=row[-1]) for row in REFUSED])
def test_what_is_no_clear_answer_is_refused_wherever_it_is_split(data: bytes, kind: FailureKind) -> None:
    for pieces in splits(data):
        assert read(pieces) == Seen(None, b"", kind), pieces


@pytest.mark.parametrize(("data", "kind"), [pytest.param(*row[:-1], id=row[-1]) for row in REFUSED])
def test_a_failure_quotes_nothing_that_came(data: bytes, kind: FailureKind) -> None:
    secret = b"s3cr3t"
    reader = AnswerReader()
    reader.feed(data.replace(b"OK", secret).replace(b"hi", secret).replace(b"X: a", b"X: " + secret))
    assert reader.failure
    assert secret.decode() not in f"{reader.failure} {reader.failure.args} {reader.failure.__context__}"


BROKEN_CHUNKS = [
    (b"zz\r\n", "no size"),
    (b"0x2\r\nho\r\n", "a size with a prefix"),
    (b"+2\r\nho\r\n", "a size with a sign"),
    (b"2 \r\nho\r\n", "white space behind a size"),
    (b"\r\n\r\n", "an empty size"),
    (b"FFFFFFFFFFFFFFFFF\r\n", "a size too large"),
    (b"2\nho\n0\n\n", "LF alone"),
    (b"2\r\nhoho\r\n", "a chunk longer than it says"),
    (b"0\r\nno colon\r\n\r\n", "a trailer without colon"),
    (b"0\r\nContent-Length: 5\r\n\r\n", "a length among the trailers"),
    (b"0\r\nX: a\r\n b\r\n\r\n", "a folded trailer"),
]


@pytest.mark.parametrize("rest", [pytest.param(*row[:-1], id=row[-1]) for row in BROKEN_CHUNKS])
def test_broken_chunks_break_the_answer_behind_what_was_whole(rest: bytes) -> None:
    for pieces in splits(CHUNKED + b"2\r\nhi\r\n" + rest):
        seen = read(pieces)
        assert (seen.status, seen.end) == (200, FailureKind.BROKEN), pieces
        assert seen.payload in {b"hi", b"hiho"}


@pytest.mark.parametrize("framing", [LENGTH, b"Transfer-Encoding: chunked\r\n", b""])
def test_an_answer_to_head_has_no_body(framing: bytes) -> None:
    for pieces in splits(OK + framing + b"\r\n"):
        assert read(pieces, answer_has_body=False) == Seen(200, b"", KEPT)
    for pieces in splits(OK + framing + b"\r\nhi"):
        assert read(pieces, answer_has_body=False) == Seen(200, b"", BEHIND)


def test_fields_come_in_order_as_they_were_spelled_without_white_space_around() -> None:
    reader = AnswerReader()
    reader.feed(b"HTTP/1.1 103 H\r\nlink: no\r\n\r\n" + OK + b"X-A:  b c \t\r\nx-a:\r\nSet-Cookie: \xff\r\n\r\n")
    assert reader.headers == [(b"X-A", b"b c"), (b"x-a", b""), (b"Set-Cookie", b"\xff")]


def fields(number: int) -> bytes:
    return b"".join(b"X-%d: a\r\n" % each for each in range(number))


def padded(size: int, before: bytes = b"") -> bytes:
    """An answer whose head, with what comes before it, has that many bytes."""
    bare = before + OK + LENGTH + b"X: \r\n\r\n"
    return bare.replace(b"X: ", b"X: " + b"a" * (size - len(bare))) + b"hi"


INTERIM = b"HTTP/1.1 100 C\r\n\r\n"
WHOLE = Seen(200, b"hi", KEPT)
BOUNDS = [
    (padded(MOST_HEAD_BYTES), padded(MOST_HEAD_BYTES + 1), "bytes"),
    (padded(MOST_HEAD_BYTES, INTERIM), padded(MOST_HEAD_BYTES + 1, INTERIM), "bytes, interim answers included"),
    (OK + LENGTH + fields(MOST_FIELDS - 1) + b"\r\nhi", OK + LENGTH + fields(MOST_FIELDS) + b"\r\nhi", "fields"),
    (INTERIM * MOST_INTERIM + padded(100), INTERIM * (MOST_INTERIM + 1) + padded(100), "interim answers"),
]


@pytest.mark.parametrize("size", [10**6, 4096, 1000])
@pytest.mark.parametrize(("most", "more"), [pytest.param(*row[:-1], id=row[-1]) for row in BOUNDS])
def test_a_head_has_bounds(most: bytes, more: bytes, size: int) -> None:
    assert read(most[at : at + size] for at in range(0, len(most), size)) == WHOLE
    assert read(more[at : at + size] for at in range(0, len(more), size)) == Seen(None, b"", TOO_LONG)


def test_a_head_without_end_is_cut_off_before_it_is_kept() -> None:
    reader, fed = AnswerReader(), 0
    while not reader.failure:
        reader.feed(b"X: aaaaaa\r\n" * 90 if fed else OK)
        fed += 1000
    assert reader.failure.kind is TOO_LONG
    assert fed < 2 * MOST_HEAD_BYTES


BARREN = {
    "extension": (b"2;", b"a" * 1000),
    "extensions of empty value": (b"2", b";a" * 500),
    "size of many zeros": (b"", b"0" * 1000),
    "trailer": (b"0\r\nX: ", b"a" * 1000),
    "trailers": (b"0\r\n", (b"X: " + b"a" * 9995 + b"\r\n")),
}


@pytest.mark.parametrize("kind", BARREN)
def test_chunks_that_bring_no_payload_have_bounds(kind: str) -> None:
    reader, fed = AnswerReader(), 0
    start, endless = BARREN[kind]
    payload = reader.feed(CHUNKED + b"2\r\nhi\r\n" + start)
    while not reader.failure:
        reader.feed(endless)
        fed += len(endless)
        assert fed < MOST_FRAMING + 20_000
    assert (payload, reader.status, reader.failure.kind) == (b"hi", 200, FailureKind.BROKEN)


def test_trailers_have_a_bound_in_number() -> None:
    assert read([CHUNKED + b"0\r\n" + fields(MOST_FIELDS) + b"\r\n"]) == Seen(200, b"", KEPT)
    assert read([CHUNKED + b"0\r\n" + fields(MOST_FIELDS + 1) + b"\r\n"]) == Seen(200, b"", FailureKind.BROKEN)


def test_payload_in_between_makes_room_for_extensions_again() -> None:
    chunk = b"2;" + b"a" * (MOST_FRAMING - 100) + b"\r\nhi\r\n"
    assert read([CHUNKED, chunk, chunk, chunk, END]) == Seen(200, b"hihihi", KEPT)


ENDS = [
    (b"", True, FailureKind.CLOSED, "before the head"),
    (OK, True, FailureKind.CLOSED, "within the head"),
    (INTERIM, True, FailureKind.CLOSED, "behind an interim answer"),
    (OK + LENGTH + b"\r\nh", True, FailureKind.BROKEN, "within a length"),
    (CHUNKED + b"2\r\nhi\r\n", True, FailureKind.BROKEN, "between chunks"),
    (CHUNKED + b"2\r\nhi\r\n0\r\n", True, FailureKind.BROKEN, "before the empty line"),
    (OK + b"\r\nhi", True, None, "where the answer ends so, with close_notify"),
    (OK + b"\r\n", True, None, "at once, with close_notify"),
    (OK + b"\r\nhi", False, FailureKind.BROKEN, "where the answer ends so, without close_notify"),
    (b"HTTP/1.0 200 OK\r\n\r\nhi", True, None, "HTTP/1.0, with close_notify"),
]


@pytest.mark.parametrize(("data", "cleanly", "kind"), [pytest.param(*row[:-1], id=row[-1]) for row in ENDS])
def test_the_connection_ends(data: bytes, cleanly: bool, kind: FailureKind | None) -> None:
    reader = AnswerReader()
    reader.feed(data)
    reader.connection_ended("closed", cleanly=cleanly)
    assert (reader.failure and reader.failure.kind) is kind
    assert reader.ended is (kind is None)
    assert not reader.reusable


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.lists(st.integers(1, 60), min_size=1), st.booleans()
)
def test_payload_comes_through_unchanged(parts: list[bytes], sizes: list[int], chunked: bool) -> None:
    payload = b"".join(parts)
    if chunked:
        data = CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + END
    else:
        data = OK + b"Content-Length: %d\r\n\r\n" % len(payload) + payload
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[at : at + size])
        at += size
    assert read(pieces) == Seen(200, payload, KEPT)


@given(st.data())
def test_no_bytes_raise_and_none_are_invented(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([row[0] for row in ANSWERS]))
    at = data.draw(st.integers(0, len(good)))
    odd = good[:at] + data.draw(st.binary(max_size=6)) + good[at + data.draw(st.integers(0, 4)) :]
    cut = data.draw(st.integers(0, len(odd)))
    seen = read([piece for piece in (odd[:cut], odd[cut:]) if piece])
    assert len(seen.payload) <= len(odd)
    assert (seen.status is None) <= (seen.payload == b"")


def test_it_is_free_as_soon_as_nobody_holds_it() -> None:
    class Known(AnswerReader):
        __slots__ = ("__weakref__",)

    gc.disable()
    try:
        reader = Known()
        reader.feed(CHUNKED + b"2\r\nhi\r\n")
        known = weakref.ref(reader)
        del reader
        assert known() is None
    finally:
        gc.enable()
