"""What a request's body takes while it arrives."""

import tracemalloc

import pytest

from addons.exchange.request import BodyBounds
from addons.exchange.request_reader import RequestReader
from addons.gates.body_bytes import BodyBytes

SIZE = 400_000
AT_ONCE = 65_535


@pytest.mark.parametrize("chunk", [1, 2, 3, 16, 1000])
def test_a_body_in_small_chunks_takes_little_more_memory_than_its_bytes(chunk: int) -> None:
    reader = RequestReader(BodyBounds(SIZE, BodyBytes(SIZE), BodyBytes(SIZE)))
    reader.feed(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    sent = b"%x\r\n%b\r\n" % (chunk, b"a" * chunk) * (SIZE // chunk)
    pieces = [sent[at : at + AT_ONCE] for at in range(0, len(sent), AT_ONCE)]
    tracemalloc.start()
    try:
        for piece in pieces:
            reader.feed(piece)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reader.failure is None
    assert reader.requests[0].body.size == SIZE // chunk * chunk
    assert held < 1.5 * SIZE
