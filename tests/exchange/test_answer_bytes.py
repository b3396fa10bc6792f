"""Answers as bytes: heads, framings, and refusals in a form that HTTP has for them."""

import pytest

from addons.exchange.answer_bytes import Framing, chunk, framing_of, head, refusal_bytes
from addons.foundry.refusals import Refusal


@pytest.mark.parametrize(
    ("status", "version", "method", "length", "framing"),
    [
        (200, "1.1", "POST", True, "length"),
        (200, "1.1", "POST", False, "chunked"),
        (200, "1.0", "POST", True, "length"),
        (200, "1.0", "POST", False, "close"),
        (200, "1.1", "HEAD", True, "none"),
        (200, "1.0", "HEAD", False, "none"),
        (204, "1.1", "GET", False, "none"),
        (304, "1.1", "GET", True, "none"),
        (205, "1.1", "GET", False, "chunked"),
        (303, "1.1", "GET", False, "chunked"),
    ],
)
def test_how_a_body_is_framed(status: int, version: str, method: str, length: bool, framing: Framing) -> None:
    assert framing_of(status, version=version, method=method, length=length) == framing


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (200, [], b"HTTP/1.1 200 OK\r\n\r\n"),
        (404, [(b"A", b"1"), (b"a", b"\xe9")], b"HTTP/1.1 404 Not Found\r\nA: 1\r\na: \xe9\r\n\r\n"),
        (299, [], b"HTTP/1.1 299 \r\n\r\n"),  # nobody has named it
    ],
)
def test_a_head(status: int, fields: list[tuple[bytes, bytes]], expected: bytes) -> None:
    assert head(status, fields) == expected


@pytest.mark.parametrize(("payload", "expected"), [(b"x" * 26, b"1a\r\n" + b"x" * 26 + b"\r\n"), (b"a", b"1\r\na\r\n")])
def test_a_chunk(payload: bytes, expected: bytes) -> None:
    assert chunk(payload) == expected


def lines(answer: bytes) -> tuple[list[bytes], bytes]:
    before, _, body = answer.partition(b"\r\n\r\n")
    return before.split(b"\r\n"), body


MORE = [(b"More", b"1")]


@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_a_refusal_as_bytes(method: str) -> None:
    refusal = Refusal("too_large", headers={"X-What": "\N{EURO SIGN}", "Connection": "keep-alive"})
    made = [refusal_bytes(refusal, "openai", close=close, method=method, more=MORE) for close in (False, True)]
    (staying, body), (closing, _) = map(lines, made)
    _, whole = lines(refusal_bytes(refusal, "openai", close=False))
    assert staying[0].startswith(b"HTTP/1.1 413 ")
    assert {b"X-What: ?", b"More: 1", b"Connection: keep-alive", b"Content-Length: %d" % len(whole)} < {*staying}
    assert body == (whole if method == "POST" else b"")
    assert closing == [*(line for line in staying if line != b"Connection: keep-alive"), b"Connection: close"]
