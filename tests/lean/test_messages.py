"""What replaces mitmproxy's functions gives what they give."""

from collections.abc import Sequence

import h11
import pytest
from h11._receivebuffer import ReceiveBuffer
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.http import Headers
from mitmproxy.proxy.layers.http import _http1

from addons.lean import messages

NAMES = st.sampled_from([b"Host", b"host", b"HOST", b"content-type", b"X-\xe9", b"x-\xc9", b"", b"\xff"])
FIELDS = st.lists(st.tuples(NAMES, st.binary(max_size=8)), max_size=8).map(tuple)
ASKED = st.one_of(NAMES, st.sampled_from(["Host", "CONTENT-TYPE", "x-é", "\udcff", ""]))


@given(FIELDS, ASKED)
def test_headers(fields: tuple[tuple[bytes, bytes], ...], name: str | bytes) -> None:
    headers = Headers(fields)
    assert messages.get_all(headers, name) == headers.get_all(name)


def read(reader: object, pieces: Sequence[bytes]) -> tuple[bytes, list[bytes], str]:
    """Everything that came, what each piece gave, and how it ended."""
    buffer = ReceiveBuffer()
    by_piece: list[bytes] = []
    for piece in pieces:
        buffer += piece
        given: list[bytes] = []
        while True:
            try:
                event = reader(buffer)  # type: ignore[operator]  # h11's readers share no type
            except h11.ProtocolError as error:
                return b"".join([*by_piece, *given]), [*by_piece, b"".join(given)], str(error)
            if event is None:
                break
            if isinstance(event, h11.EndOfMessage):
                return b"".join([*by_piece, *given]), [*by_piece, b"".join(given)], f"end {event.headers}"
            given.append(bytes(event.data))
        by_piece.append(b"".join(given))
    return b"".join(by_piece), by_piece, "open"


BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=6).map(
    lambda chunks: b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
)
ENDS = st.sampled_from([b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"zz\r\n", b"3\r\nabcXY", b"", b"5\r\nab", b"-1\r\n\r\n"])


@given(BODIES, ENDS, st.lists(st.integers(1, 30), max_size=20))
def test_a_chunked_body_split_anywhere(body: bytes, end: bytes, sizes: list[int]) -> None:
    """What each read gives is the same; only in one piece."""
    wire, pieces = body + end, []
    for size in sizes:
        pieces.append(wire[:size])
        wire = wire[size:]
    pieces = [piece for piece in [*pieces, wire] if piece]
    assert read(messages.make_body_reader(None), pieces) == read(_http1.make_body_reader(None), pieces)


def test_what_one_read_brought_is_handed_on_at_once() -> None:
    buffer = ReceiveBuffer()
    buffer += b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
    reader = messages.make_body_reader(None)
    assert bytes(reader(buffer).data) == b"abc"
    assert isinstance(reader(buffer), h11.EndOfMessage)


@pytest.mark.parametrize("size", [-1, 0, 5])
def test_other_bodies_are_read_as_ever(size: int) -> None:
    assert type(messages.make_body_reader(size)) is type(_http1.make_body_reader(size))
