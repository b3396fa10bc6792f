"""Requests out of a caller's bytes: the table of odd input, fed whole and at every split."""

from collections.abc import Coroutine
from typing import Any, NamedTuple

import pytest

from addons.exchange.reading_bounds import MOST_EMPTY, MOST_FIELDS, MOST_FRAMING, MOST_HEAD, MOST_WAITING, USUAL_HEAD
from addons.exchange.request import BodyBounds
from addons.exchange.request_reader import RequestReader
from addons.gates.body_bytes import BodyBytes

ROOM = 10_000_000


class Read(NamedTuple):
    """One request: its method, target, HTTP's version, whether the connection may go on, its body once it is whole."""

    method: str = "POST"
    target: str = "/x"
    version: str = "1.1"
    keep_alive: bool = True
    body: bytes | None = b"hello"


def reader(budget: BodyBytes | None = None, heads: BodyBytes | None = None) -> RequestReader:
    return RequestReader(BodyBounds(ROOM, budget or BodyBytes(ROOM), heads or BodyBytes(ROOM)))


def at_once[T](waiting: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that has nothing to wait for."""
    with pytest.raises(StopIteration) as done:
        waiting.send(None)
    found: T = done.value.value
    return found


def fed(data: bytes, size: int | None = None) -> tuple[list[Read], str | None, bytes | None]:
    """The requests there are, why no more can be read, and what came behind CONNECT."""
    own = reader()
    for start in range(0, len(data), size or len(data)):
        own.feed(data[start : start + (size or len(data))])
    requests = [
        Read(
            each.method,
            each.target,
            each.version,
            each.keep_alive,
            at_once(each.body.read()) if each.body.ended else None,
        )
        for each in own.requests
    ]
    return requests, own.failure.name if own.failure else None, own.tunnelled


def head(*lines: bytes, version: bytes = b"1.1", request_line: bytes = b"POST /x HTTP/") -> bytes:
    first = request_line + version if request_line.endswith(b"HTTP/") else request_line
    return b"\r\n".join([first, b"Host: a", *lines, b"", b""])


SIZED = b"Content-Length: 5"
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
OFFER = (b"Connection: Upgrade", b"Upgrade: h2c")
PLAIN = head(SIZED) + b"hello"
NEXT = Read(body=b"")
LAST = b"0\r\n\r\n"
ENDS, LASTS = Read(body=b"\r\n" * 4), Read(body=LAST * 2)

TAKEN = {
    "as it should be": (PLAIN, [Read()]),
    "chunks": (head(CHUNKED) + CHUNKS, [Read()]),
    "chunks in capitals": (head(CHUNKED.upper()) + CHUNKS, [Read()]),
    "an extension": (head(CHUNKED) + CHUNKS.replace(b"3", b'3;a="b"'), [Read()]),
    "trailers": (head(CHUNKED) + CHUNKS[:-2] + b"X: a\r\n\r\n", [Read()]),
    "trailers, and one behind": (head(CHUNKED) + CHUNKS[:-2] + b"X: a\r\nY: b\r\n\r\n" + PLAIN, [Read()] * 2),
    "a chunk of line ends": (head(CHUNKED) + b"8\r\n" + b"\r\n" * 4 + b"\r\n0\r\n\r\n" + PLAIN, [ENDS, Read()]),
    "a chunk of last chunks": (head(CHUNKED) + b"a\r\n" + LAST * 2 + b"\r\n" + LAST + PLAIN, [LASTS, Read()]),
    "sizes with zeros before them": (head(CHUNKED) + CHUNKS.replace(b"3", b"0" * 90 + b"3") + PLAIN, [Read()] * 2),
    "a last chunk of many zeros": (head(CHUNKED) + CHUNKS.replace(b"0", b"0" * 90) + PLAIN, [Read()] * 2),
    "a size in capitals": (head(CHUNKED) + b"0A;x\r\n" + LAST * 2 + b"\r\n" + LAST + PLAIN, [LASTS, Read()]),
    "a long extension": (head(CHUNKED) + CHUNKS.replace(b"3", b"3;" + b"a" * 90) + PLAIN, [Read()] * 2),
    "an extension of the last chunk": (head(CHUNKED) + CHUNKS.replace(b"0", b"0;a=b") + PLAIN, [Read()] * 2),
    "HTTP/1.0": (head(SIZED, version=b"1.0") + b"hello", [Read(version="1.0", keep_alive=False)]),
    "HTTP/1.0 that stays": (
        head(SIZED, b"Connection: keep-alive", version=b"1.0") + b"hello",
        [Read(version="1.0")],
    ),
    "close": (head(SIZED, b"Connection: close") + b"hello", [Read(keep_alive=False)]),
    "no body": (head(), [NEXT]),
    "pipelined": (PLAIN * 3 + head(), [Read()] * 3 + [NEXT]),
    "empty lines between": (b"\r\n" + PLAIN + b"\r\n\r\n" + PLAIN, [Read()] * 2),
    "an absolute target": (head(request_line=b"POST http://a/x HTTP/"), [Read(target="http://a/x", body=b"")]),
    "bytes beyond ASCII in a value": (head(b"X: \xe9", SIZED) + b"hello", [Read()]),
    "an offer of h2c": (head(SIZED, *OFFER) + b"hello" + PLAIN, [Read()] * 2),
    "an offer of h2c, chunked": (head(CHUNKED, *OFFER) + CHUNKS + PLAIN, [Read()] * 2),
    "offers, one behind the other": ((head(SIZED, *OFFER) + b"hello") * 50, [Read()] * 50),
    "a WebSocket": (head(*OFFER, request_line=b"GET /x HTTP/") + PLAIN, [Read(method="GET", body=b""), Read()]),
    "half a body": (PLAIN[:-1], [Read(body=None)]),
}

REFUSED = {
    "two lengths": head(SIZED, b"Content-Length: 6") + b"hello",
    "the same length twice": head(SIZED, SIZED) + b"hello",
    "a list of lengths": head(b"Content-Length: 5, 5") + b"hello",
    "a length and chunks": head(SIZED, CHUNKED) + CHUNKS,
    "a signed length": head(b"Content-Length: +5") + b"hello",
    "a negative length": head(b"Content-Length: -5") + b"hello",
    "a length in hexadecimal": head(b"Content-Length: 0x5") + b"hello",
    "an endless length": head(b"Content-Length: " + b"9" * 40) + b"hello",
    "an empty length": head(b"Content-Length: ") + b"hello",
    "gzip, chunked": head(b"Transfer-Encoding: gzip, chunked") + CHUNKS,
    "chunked, gzip": head(b"Transfer-Encoding: chunked, gzip") + CHUNKS,
    "chunked twice": head(CHUNKED, CHUNKED) + CHUNKS,
    "chunked, chunked": head(b"Transfer-Encoding: chunked, chunked") + CHUNKS,
    "identity": head(b"Transfer-Encoding: identity") + b"hello",
    "an empty coding": head(b"Transfer-Encoding: ", SIZED) + b"hello",
    "a control character before chunked": head(b"Transfer-Encoding: \x0bchunked") + CHUNKS,
    "chunks in HTTP/1.0": head(CHUNKED, version=b"1.0") + CHUNKS,
    "HTTP/0.9": b"POST /x\r\n\r\n",
    "HTTP/1.9": head(version=b"1.9"),
    "HTTP/2.0": head(version=b"2.0"),
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "bare line feeds": PLAIN.replace(b"\r\n", b"\n"),
    "a folded line": head(b"X: a\r\n b", SIZED) + b"hello",
    "a control character in a value": head(b"X: a\x01b", SIZED) + b"hello",
    "NUL in a value": head(b"X: a\x00b", SIZED) + b"hello",
    "CR in a value": head(b"X: a\rb", SIZED) + b"hello",
    "a space before the colon": head(b"X : a", SIZED) + b"hello",
    "no colon": head(b"no colon", SIZED) + b"hello",
    "an empty name": head(b": a", SIZED) + b"hello",
    "a space in the target": head(request_line=b"POST /x y HTTP/"),
    "raw UTF-8 in the target": head(request_line=b"POST /\xc3\xa9 HTTP/"),
    "two spaces before the target": head(request_line=b"POST  /x HTTP/"),
    "two spaces before the version": head(request_line=b"POST /x  HTTP/"),
    "a space behind the version": head(request_line=b"POST /x HTTP/1.1 "),
    "a tab in the request line": head(request_line=b"POST\t/x HTTP/"),
    "a fragment in the target": head(request_line=b"POST /x#y HTTP/"),
    "RTSP": head(request_line=b"POST /x RTSP/1.0"),
    "RTSP/1.1": head(SIZED, request_line=b"OPTIONS /x RTSP/1.1") + b"hello",
    "ICE": head(request_line=b"SOURCE /x ICE/1.0"),
    "a bare line feed before it": b"\n" + PLAIN,
    "a bare CR before it": b"\r" + PLAIN,
    "a request line within a field of another": head(b"X: POST /x HTTP/1.1", request_line=b"POST  /x HTTP/"),
    "an unknown method": head(request_line=b"FETCH /x HTTP/"),
    "no HTTP": b"\x00\x01\x02\r\n\r\n",
    "TLS within": b"\x16\x03\x01\x02\x00\r\n\r\n",
}

BROKEN_BODIES = {
    "a size that is none": head(CHUNKED) + b"zz\r\n",
    "a size with a space": head(CHUNKED) + b"5 \r\nhello\r\n0\r\n\r\n",
    "a size in 0x": head(CHUNKED) + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a negative size": head(CHUNKED) + b"-1\r\nhello\r\n0\r\n\r\n",
    "a negative size behind spaces": head(CHUNKED) + b"  -6\r\nhello\r\n0\r\n\r\n",
    "no size": head(CHUNKED) + b"\r\nhello\r\n0\r\n\r\n",
    "an extension alone": head(CHUNKED) + b";a=b\r\nhello\r\n0\r\n\r\n",
    "an endless size": head(CHUNKED) + b"f" * 40 + b"\r\nhello\r\n0\r\n\r\n",
    "a longer chunk than it says": head(CHUNKED) + b"5\r\nhelloXX\r\n0\r\n\r\n",
    "chunks in line feeds": head(CHUNKED) + b"5\nhello\n0\n\n",
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name: str) -> None:
    data, requests = TAKEN[name]
    for size in (None, *range(1, 40)):
        assert fed(data, size) == (requests, None, None), size


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    for size in (None, *range(1, 40)):
        assert fed(REFUSED[name], size) == ([], "bad_target", None), size


@pytest.mark.parametrize("name", REFUSED)
def test_refused_behind_a_good_one(name: str) -> None:
    for size in (None, *range(1, 40)):
        assert fed(PLAIN + REFUSED[name], size) == ([Read()], "bad_target", None), size


@pytest.mark.parametrize("before", [PLAIN, head(CHUNKED) + CHUNKS, head(CHUNKED) + CHUNKS[:-2] + b"X: a\r\n\r\n"])
def test_each_request_line_is_held_to_its_form_wherever_it_begins(before: bytes) -> None:
    """A body that holds what looks like an end, or like a request, is a body."""
    decoy = b"POST /y HTTP/1.1\r\n\r\n"
    body = head(CHUNKED) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(decoy), decoy)
    sized = head(b"Content-Length: %d" % len(decoy)) + decoy
    wrong = head(request_line=b"POST /y  HTTP/")
    expected = [Read(), Read(body=decoy), Read(body=decoy), Read()]
    for size in (None, *range(1, 60)):
        assert fed(before + body + sized + before + wrong, size) == (expected, "bad_target", None), size


@pytest.mark.parametrize("name", BROKEN_BODIES)
def test_a_broken_body_never_counts_as_whole(name: str) -> None:
    for size in (None, *range(1, 40)):
        requests, failure, _ = fed(BROKEN_BODIES[name], size)
        assert (requests, failure) == ([Read(body=None)], "bad_target"), size


@pytest.mark.parametrize("behind", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256))])
def test_what_comes_behind_connect_is_the_tunnels(behind: bytes) -> None:
    data = b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n" + behind
    for size in (None, *range(1, 60)):
        assert fed(data, size) == ([Read("CONNECT", "a:443", body=b"")], None, behind), size


@pytest.mark.parametrize(
    ("endless", "refusal"),
    [
        (b"POST /" + b"a" * 2 * MOST_HEAD, "target_too_long"),
        (b"POST / HTTP/1.1\r\nX: " + b"a" * 2 * MOST_HEAD, "headers_too_large"),
        (b"POST / HTTP/1.1\r\n" + b"X: a\r\n" * MOST_HEAD, "headers_too_large"),
        (head(*[b"X: a"] * (MOST_FIELDS + 1)), "headers_too_large"),
        (b"POST / HTTP/1.1\r\n" + b"a:\r\n" * (MOST_FIELDS + 2), "headers_too_large"),
        (head(CHUNKED) + b"5;" + b"a" * 2 * MOST_FRAMING, "bad_target"),
        (head(CHUNKED) + b"5\r\nhello\r\n0\r\n" + b"X: a\r\n" * MOST_FRAMING, "bad_target"),
        (head(CHUNKED) + b"0" * 2 * MOST_FRAMING, "bad_target"),
        (b"\r\n" * MOST_EMPTY, "bad_target"),
    ],
    ids=[
        "target",
        "a field",
        "fields",
        "fields by number",
        "the shortest fields",
        "extension",
        "trailers",
        "zeros",
        "empty lines",
    ],
)
def test_what_has_no_end_is_given_up(endless: bytes, refusal: str) -> None:
    own = reader()
    for start in range(0, len(endless), 60_000):
        own.feed(endless[start : start + 60_000])
    assert own.failure
    assert own.failure.name == refusal
    assert not any(request.body.ended for request in own.requests)


class Counting:
    """A parser of which it is counted how often it is fed."""

    def __init__(self, parser: Any) -> None:
        self.parser = parser
        self.fed = 0

    def feed_data(self, data: bytes) -> None:
        self.fed += 1
        self.parser.feed_data(data)


@pytest.mark.parametrize("payload", [b"\r\n" * 30_000, b"0\r\n\r\n" * 12_000, b"a: b\r\n\r\n" * 7_500])
@pytest.mark.parametrize("framing", [b"Content-Length: 60000", CHUNKED])
def test_what_a_body_holds_is_not_looked_at_for_an_end(payload: bytes, framing: bytes) -> None:
    """Each look takes as long as a hundred bytes do, and other callers wait meanwhile."""
    own = reader()
    own.feed(head(framing))
    counting: Any = Counting(own._parser)
    own._parser = counting
    own.feed(payload if framing != CHUNKED else b"ea60\r\n" + payload + b"\r\n0\r\n\r\n")
    assert own.requests[0].body.ended
    assert counting.fed == 1


LONG = head(b"X: " + b"a" * 3 * USUAL_HEAD)


@pytest.mark.parametrize("size", [1000, 5000, len(LONG)])
def test_long_heads_take_room_while_they_come(size: int) -> None:
    heads = BodyBytes(ROOM)
    own = reader(heads=heads)
    pieces = [LONG[start : start + size] for start in range(0, len(LONG), size)]
    for number, piece in enumerate(pieces, 1):
        own.feed(piece)
        come = number * size
        assert heads.taken == (0 if number == len(pieces) else max(0, come - USUAL_HEAD))
    assert (len(own.requests), own.failure) == (1, None)


def test_a_long_head_for_which_there_is_no_room() -> None:
    heads = BodyBytes(USUAL_HEAD)
    first, second = reader(heads=heads), reader(heads=heads)
    first.feed(LONG[: 2 * USUAL_HEAD])
    second.feed(LONG[: 2 * USUAL_HEAD])
    assert (first.failure, second.failure and second.failure.name) == (None, "bodies_full")
    first.drop()
    assert heads.taken == 0
    third = reader(heads=heads)
    third.feed(LONG[:USUAL_HEAD])
    third.feed(b"\x00\r\n\r\n")
    assert (third.failure and third.failure.name, heads.taken) == ("bad_target", 0)


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_requests_that_wait_are_few_whatever_was_sent(size: int) -> None:
    many = 10 * MOST_WAITING
    sent = b"".join(head(SIZED, request_line=b"POST /%d HTTP/" % number) + b"hello" for number in range(many))
    own, taken = reader(), []
    for start in range(0, len(sent), size):
        own.feed(sent[start : start + size])
        assert len(own.requests) <= MOST_WAITING
    while own.requests:
        request = own.take()
        taken.append((request.target, at_once(request.body.read())))
    assert taken == [(f"/{number}", b"hello") for number in range(many)]


def test_what_waits_behind_them_takes_room() -> None:
    heads, many = BodyBytes(100_000), head(request_line=b"GET /x HTTP/") * 1000
    own, other = reader(heads=heads), reader(heads=heads)
    own.feed(many)
    assert heads.taken == len(many) - MOST_WAITING * len(many) // 1000
    other.feed(many * 5)
    assert (other.failure and other.failure.name, len(other.requests)) == ("bodies_full", MOST_WAITING)
    while own.requests:
        own.take()
    assert (own.failure, heads.taken) == (None, 0)
    own.feed(many)
    own.drop()
    assert heads.taken == 0


def test_small_chunks_without_end_are_no_fault_of_framing() -> None:
    own = reader()
    own.feed(head(CHUNKED))
    for _ in range(MOST_FRAMING):
        own.feed(b"1\r\nx\r\n")
    own.feed(b"0\r\n\r\n")
    (request,) = own.requests
    assert own.failure is None
    assert at_once(request.body.read()) == b"x" * MOST_FRAMING
