"""The recorder and the directives, seen from a socket and from http.client."""

import concurrent.futures
import gzip
import http.client
import json
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.simulator.directives import DirectiveError
from addons.simulator.provider import SimulatedProvider

BODY = b'{"model": "gpt-5.2", "input": "Hi"}'
STREAM = b'{"model": "gpt-5.2", "input": "Hi", "stream": true}'


def dial(provider: SimulatedProvider) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", provider.port), timeout=30)
    if provider.url.startswith("https"):
        context = ssl.create_default_context(cafile=str(provider.ca_file))
        return context.wrap_socket(connection, server_hostname="localhost")
    return connection


def exchange(
    provider: SimulatedProvider,
    body: bytes = BODY,
    method: str = "POST",
    target: str = "/v1/responses",
    headers: dict[str, str] | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    with dial(provider) as connection:
        client = http.client.HTTPConnection("localhost")
        client.sock = connection
        client.request(method, target, body, headers or {})
        answer = client.getresponse()
        return answer, answer.read()


def post(extra: bytes = b"", body: bytes = STREAM) -> bytes:
    return b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\n%bContent-Length: %d\r\n\r\n%b" % (
        extra,
        len(body),
        body,
    )


def read_until(connection: socket.socket, done: Callable[[bytes], object]) -> bytes:
    data = b""
    while not done(data):
        more = connection.recv(65536)
        assert more, data
        data += more
    return data


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br", "gzip"),
        ("br;q=1.0, GZIP ; q=0.5", "gzip"),
        ("identity", None),
        ("gzip;q=0", None),
        ("gzip;q=0.000, identity", None),
        ("x-gzip", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("line", ["", "status=429", "html"])
@pytest.mark.parametrize("body", [BODY, STREAM], ids=["json", "stream"])
def test_compresses_for_who_takes_it(
    provider: SimulatedProvider, body: bytes, line: str, accepted: str, encoding: str | None
) -> None:
    provider.script(line, line)
    _, plain = exchange(provider, body, headers={"Accept-Encoding": "identity"})
    answer, sent = exchange(provider, body, headers={"Accept-Encoding": accepted})
    assert answer.headers["content-encoding"] == encoding
    read = gzip.decompress(sent) if encoding else sent
    without_ids_and_times = re.compile(rb"\w*_[0-9a-f]{8,}|\d{10}")
    assert without_ids_and_times.sub(b"", read) == without_ids_and_times.sub(b"", plain)


def test_a_compressed_event_can_be_read_when_it_comes(provider: SimulatedProvider) -> None:
    provider.script("hold=2")
    with dial(provider) as connection:
        connection.sendall(post(b"Accept-Encoding: gzip\r\n"))
        client = http.client.HTTPResponse(connection, method="POST")
        client.begin()
        unpack, seen = zlib.decompressobj(wbits=31), b""
        while b"event: response.in_progress" not in seen:
            seen += unpack.decompress(client.read1(65536))
        provider.calls[0].release()
        assert b"event: response.completed" in unpack.decompress(client.read())
        assert unpack.eof


# -- the recorder


def test_records_what_was_on_the_wire(provider: SimulatedProvider) -> None:
    raw = (
        b"POST /v1/responses?a=%2F&a HTTP/1.1\r\nhOsT: localhost\r\nX-Twice: 1\r\nattribution: ri.a\r\nx-twice: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    chunks = b"4\r\n" + BODY[:4] + f"\r\n{len(BODY) - 4:x}\r\n".encode() + BODY[4:] + b"\r\n0\r\n\r\n"
    with dial(provider) as connection:
        connection.sendall(raw + chunks)
        assert read_until(connection, lambda data: b"\r\n\r\n" in data).startswith(b"HTTP/1.1 200")
    (call,) = provider.calls
    assert (call.method, call.target, call.body) == ("POST", "/v1/responses?a=%2F&a", BODY)
    assert call.headers == [
        ("hOsT", "localhost"),
        ("X-Twice", "1"),
        ("attribution", "ri.a"),
        ("x-twice", "2"),
        ("Transfer-Encoding", "chunked"),
    ]
    assert call.values("X-TWICE") == ["1", "2"]
    assert call.json() == {"model": "gpt-5.2", "input": "Hi"}


def test_connections_are_told_apart(provider: SimulatedProvider) -> None:
    with dial(provider) as connection:
        for _ in range(2):
            connection.sendall(post(body=BODY))
            read_until(connection, lambda data: data.endswith(b"\n}"))
    exchange(provider)
    first, second, third = (call.connection for call in provider.calls)
    assert first == second == third - 1
    assert provider.dialled == 2


def test_a_connection_counts_before_tls_and_without_a_request(provider: SimulatedProvider) -> None:
    assert provider.dialled == 0
    with socket.create_connection(("127.0.0.1", provider.port)):
        assert provider.dialled == 1
    assert (provider.calls, provider.dialled) == ([], 1)
    provider.clear()
    assert provider.dialled == 0


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_read_to_its_end_is_no_hang_up(provider: SimulatedProvider, *, stream: bool) -> None:
    for _ in range(20):
        exchange(provider, STREAM if stream else BODY)
    assert [call.hung_up.is_set() for call in provider.calls] == [False] * 20


@pytest.mark.parametrize("line", ["hang", "hold=2", "delay=3600", "pause=3600"])
def test_a_client_that_closes_early_hangs_up(provider: SimulatedProvider, line: str) -> None:
    provider.script(line)
    with dial(provider) as connection:
        connection.sendall(post())
        (call,) = provider.wait_for_calls(1)
        assert not call.hung_up.is_set()
    assert call.hung_up.wait(30)


def test_hold_waits_for_release(provider: SimulatedProvider) -> None:
    provider.script("hold=2", "hold=0")
    with dial(provider) as connection:
        connection.sendall(post())
        read_until(connection, lambda data: b"event: response.in_progress" in data and data.endswith(b"\n\n\r\n"))
        provider.calls[0].release()
        rest = read_until(connection, lambda data: data.endswith(b"0\r\n\r\n"))
        assert rest.count(b"event: response.created") == 0
        assert rest.count(b"event: response.completed") == 1
        connection.sendall(post(body=BODY))
        read_until(connection, lambda data: data.endswith(b"\r\n\r\n"))
        provider.calls[1].release()
        read_until(connection, lambda data: data.endswith(b"\n}"))


def test_waiting_in_vain_is_told(provider: SimulatedProvider) -> None:
    with pytest.raises(TimeoutError, match="0 of 1 calls came"):
        provider.wait_for_calls(1, timeout=0)


def test_many_at_once(provider: SimulatedProvider) -> None:
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: exchange(provider)[0].status, range(100)))
    assert (answers, len(provider.calls), provider.dialled) == ([200] * 100, 100, 100)


# -- what is judged before an answer


@pytest.mark.parametrize(
    ("line", "body", "status", "code"),
    [
        ("POST /v1/responses", BODY, 200, None),
        ("POST /v1/responses/", BODY, 404, None),
        ("POST /v1/completions", BODY, 404, None),
        ("GET /v1/responses", b"", 405, "method_not_supported"),
        ("POST /v1/responses", b"", 400, "invalid_json"),
        ("POST /v1/responses", b"{", 400, "invalid_json"),
        ("POST /v1/responses", b"\xff", 400, "invalid_json"),
        ("POST /v1/responses", b"[" * 100_000, 400, "invalid_json"),
        ("POST /v1/responses", b"[]", 400, "invalid_type"),
        ("POST /v1/responses", b"{}", 400, "missing_required_parameter"),
        ("POST /v1/responses", b'{"model": "m", "tools": 1}', 400, None),
        ("POST /v1/responses", b'{"model": "m", "metadata": {"simulate": "explode"}}', 400, "unknown_directive"),
        (
            "POST /v1/chat/completions",
            b'{"model": "m", "messages": [{"role": "user", "content": "simulate: explode"}]}',
            400,
            "unknown_directive",
        ),
        ("POST /v1/embeddings", b'{"model": "m", "input": "simulate: explode"}', 400, "unknown_directive"),
        ("POST /v1/embeddings", b'{"model": "m", "input": "simulate: status=503"}', 503, "server_is_overloaded"),
    ],
)
def test_judgement(provider: SimulatedProvider, line: str, body: bytes, status: int, code: str | None) -> None:
    method, target = line.split()
    answer, content = exchange(provider, body, method, target)
    assert answer.status == status
    if status != 200:
        error = json.loads(content)["error"]
        assert (set(error), error["code"]) == ({"message", "type", "param", "code"}, code)
    assert provider.calls[0].body == body


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer sk-right", 200),
        ("bearer sk-right", 401),
        ("Bearer sk-wrong-and-long", 401),
        ("Bearer sk-right ", 200),  # the space around a value is no part of it
        (None, 401),
    ],
)
def test_key(provider: SimulatedProvider, authorization: str | None, status: int) -> None:
    provider.api_key = "sk-right"
    answer, content = exchange(provider, headers={"Authorization": authorization} if authorization else {})
    assert answer.status == status
    if status != 200:
        assert json.loads(content)["error"]["code"] == "invalid_api_key"
        assert b"wrong-and-long" not in content


@pytest.mark.parametrize(
    "raw",
    [
        b"not HTTP at all\r\n\r\n",
        b"POST /v1/responses HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",  # no Host
        b"POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: two\r\n\r\n{}",
        b"POST /v1/responses HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_not_recorded(provider: SimulatedProvider, raw: bytes) -> None:
    with dial(provider) as connection:
        connection.sendall(raw)
        answer = read_until(connection, lambda data: b"Not a request" in data)
    assert answer.startswith(b"HTTP/1.1 400")
    assert provider.calls == []


def test_a_content_length_that_says_too_little_spoils_the_connection(provider: SimulatedProvider) -> None:
    with dial(provider) as connection:
        connection.sendall(post(body=BODY) + b"}}\r\n\r\n")
        read_until(connection, lambda data: b"HTTP/1.1 200" in data and b"HTTP/1.1 400" in data)
    assert [call.body for call in provider.calls] == [BODY]


def test_a_content_length_that_says_too_much_is_never_a_call(provider: SimulatedProvider) -> None:
    with dial(provider) as connection:
        connection.sendall(post(body=BODY)[:-1])
    exchange(provider)
    assert [call.body for call in provider.calls] == [BODY]


def test_100_continue(provider: SimulatedProvider) -> None:
    head, _, body = post(b"Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    with dial(provider) as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert read_until(connection, lambda data: data.endswith(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        read_until(connection, lambda data: data.endswith(b"0\r\n\r\n"))


# -- the directives


@pytest.mark.parametrize(
    ("line", "status", "headers", "part"),
    [
        (
            "",
            200,
            {"content-type": "application/json", "openai-organization": "simulated-organization"},
            b'"completed"',
        ),
        ("status=429 retry_after=2", 429, {"retry-after": "2", "retry-after-ms": "2000"}, b'"rate_limit_exceeded"'),
        ("status=429 code=insufficient_quota", 429, {"retry-after": None}, b'"type": "insufficient_quota"'),
        ("status=401", 401, {}, b'"invalid_api_key"'),
        ("status=404 code=other", 404, {}, b'"code": "other"'),
        ("status=418", 418, {}, b'"type": "invalid_request_error"'),
        ("status=500", 500, {}, b'"type": "server_error"'),
        ("status=503", 503, {}, b'"server_is_overloaded"'),
        ("html", 200, {"content-type": "text/html; charset=utf-8"}, b"<!doctype html>"),
        ("html status=502", 502, {"content-type": "text/html; charset=utf-8"}, b"<!doctype html>"),
        ("redirect=https://example.com/", 307, {"location": "https://example.com/"}, b""),
        ("delay=0.01", 200, {}, b'"completed"'),
        ("split=7", 200, {}, b'"completed"'),
        ("error_event", 500, {}, b'"server_error"'),
        ("tool_call", 400, {}, b"no such function or custom tool"),
    ],
)
def test_json_answers(
    provider: SimulatedProvider, line: str, status: int, headers: dict[str, str | None], part: bytes
) -> None:
    provider.script(line)
    answer, content = exchange(provider)
    assert answer.status == status
    assert {name: answer.headers[name] for name in headers} == headers
    assert part in content
    assert answer.headers.get_all("set-cookie", []) != []


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("", "response.completed"),
        ("split=1", "response.completed"),
        ("pause=0.001", "response.completed"),
        ("sent", "response.completed"),
        ("end=3", "response.output_item.added"),
        ("end=0", None),
        ("end=999", "response.completed"),
        ("incomplete", "response.incomplete"),
        ("failed", "response.failed"),
        ("error_event", "error"),
    ],
)
def test_streams_that_end(provider: SimulatedProvider, line: str, last: str | None) -> None:
    provider.script(line)
    answer, content = exchange(provider, STREAM)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    names = [row.removeprefix("event: ") for row in content.decode().splitlines() if row.startswith("event: ")]
    assert (names[-1] if names else None) == last


@pytest.mark.parametrize(("body", "line", "events"), [(STREAM, "cut=3", 3), (STREAM, "cut=0", 0), (BODY, "cut=1", 0)])
def test_cut_leaves_the_body_unfinished(provider: SimulatedProvider, body: bytes, line: str, events: int) -> None:
    provider.script(line)
    with pytest.raises((http.client.IncompleteRead, ssl.SSLEOFError)):
        exchange(provider, body)
    with dial(provider) as connection:
        provider.script(line)
        connection.sendall(post(body=body))
        data = b""
        try:
            while more := connection.recv(65536):
                data += more
        except ssl.SSLEOFError:  # no close_notify: TLS tells it, too
            pass
    assert data.startswith(b"HTTP/1.1 200")
    assert (data.count(b"event: "), data.endswith(b"0\r\n\r\n")) == (events, False)
    assert not any(call.hung_up.is_set() for call in provider.calls)


def test_end_of_a_json_answer_is_proper_http_and_no_json(provider: SimulatedProvider) -> None:
    provider.script("end=1")
    answer, content = exchange(provider)
    assert (answer.status, len(content)) == (200, int(answer.headers["content-length"]))
    with pytest.raises(ValueError, match=r"line|Unterminated"):
        json.loads(content)


def test_reset(provider: SimulatedProvider) -> None:
    provider.script("reset")
    with pytest.raises(ConnectionResetError):
        exchange(provider)
    assert len(provider.calls) == 1


def test_garbage(provider: SimulatedProvider) -> None:
    provider.script("garbage")
    with pytest.raises(http.client.BadStatusLine):
        exchange(provider)


def test_a_script_goes_before_the_request_and_to_good_calls_alone(provider: SimulatedProvider) -> None:
    asking = b'{"model": "m", "metadata": {"simulate": "status=503"}}'
    provider.script("status=429", "")
    bodies = [b"{}", asking, asking, asking]
    assert [exchange(provider, body)[0].status for body in bodies] == [400, 429, 200, 503]


def test_a_script_that_cannot_be_followed_is_not_taken(provider: SimulatedProvider) -> None:
    with pytest.raises(DirectiveError):
        provider.script("status=500", "explode")
    assert exchange(provider)[0].status == 200


def test_clear_forgets_calls_and_script(provider: SimulatedProvider) -> None:
    exchange(provider)
    provider.script("status=500")
    provider.clear()
    assert (provider.calls, provider.dialled) == ([], 0)
    assert exchange(provider)[0].status == 200


# -- its life


def test_closing_drops_connections_and_leaves_no_thread(tmp_path: Path) -> None:
    with SimulatedProvider(directory=tmp_path) as provider:
        connection = dial(provider)
        provider.script("hang")
        connection.sendall(post())
        (call,) = provider.wait_for_calls(1)
        assert "simulated-provider" in {thread.name for thread in threading.enumerate()}
        port = provider.port
    with connection, pytest.raises((ConnectionError, ssl.SSLEOFError)):
        raise ConnectionError(connection.recv(1))
    assert not call.hung_up.is_set()
    call.release()
    assert provider.dialled == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_that_is_taken_is_told(provider: SimulatedProvider) -> None:
    with pytest.raises(OSError, match=str(provider.port)), SimulatedProvider(port=provider.port):
        pass


@pytest.mark.parametrize(
    ("host", "tls", "start"), [("localhost", True, "https://localhost:"), ("0.0.0.0", False, "http://127.0.0.1:")]
)
def test_url(host: str, start: str, directory: Path, *, tls: bool) -> None:
    with SimulatedProvider(host=host, tls=tls, directory=directory) as provider:
        assert provider.url == f"{start}{provider.port}/v1"
        assert exchange(provider)[0].status == 200


def test_without_a_directory_the_authority_goes_with_the_provider() -> None:
    with SimulatedProvider() as provider:
        assert exchange(provider)[0].status == 200
        assert provider.ca_file.exists()
    assert not provider.ca_file.exists()


def test_events_can_say_when_they_were_sent(provider: SimulatedProvider) -> None:
    provider.script("sent")
    before = time.monotonic()
    _, content = exchange(provider, STREAM)
    sent = [float(line.removeprefix(b": sent ")) for line in content.splitlines() if line.startswith(b": sent ")]
    assert len(sent) == content.count(b"event: ")
    in_order = [round(before, 6), *sent, round(time.monotonic(), 6)]
    assert in_order == sorted(in_order)


@pytest.mark.parametrize(("tls", "round_trips"), [(True, 2), (False, 1)])
def test_a_new_connection_to_a_provider_far_away_takes_the_handshakes_round_trips(
    tls: bool, round_trips: int, tmp_path: Path
) -> None:
    with SimulatedProvider(tls=tls, directory=tmp_path, round_trip=0.1) as far:
        began = time.monotonic()
        answer, _ = exchange(far)
        assert answer.status == 200
        assert time.monotonic() - began >= 0.1 * round_trips  # no less, however busy the machine is


def test_a_provider_far_away_closes_connections_that_have_not_opened(tmp_path: Path) -> None:
    with SimulatedProvider(tls=False, directory=tmp_path, round_trip=3600) as far:
        connection = socket.create_connection(("127.0.0.1", far.port), timeout=30)
        assert far.dialled == 1
    with connection:
        assert connection.recv(1) == b""
