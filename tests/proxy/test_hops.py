"""What belongs to one hop stays on it, and what is odd in the provider's framing harms nobody (RFC 9110 §7.6.1).

Each case is a provider's answer over a raw socket, through a real proxy.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from addons.simulator.certificates import LOOPBACK, Authority
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.faults.answers import CHUNKED, EVENTS, JSON, SIZED, STREAM, chunk, head
from tests.faults.raw_provider import NAME, Pause, RawProvider, Script, Step
from tests.proxy.client import HELLO, Reply, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import LONGEST

END = b"0\r\n\r\n"

type Start = Callable[..., Any]


@pytest.fixture
def start(make_settings: SettingsMaker, records: Records, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """A sidecar whose provider answers with these bytes; keyword arguments are settings' sections."""
    authority = Authority(tmp_path_factory.mktemp("authority"))

    @contextmanager
    def started(*steps: Step, timeouts: dict[str, float] | None = None, **sections: Any) -> Iterator[RunningSidecar]:
        with RawProvider({"call": Script(steps)}, authority.server_context(LOOPBACK)) as raw:
            provider = make_settings().provider.model_dump()
            provider |= {"trusted_ca": authority.file, "timeouts": timeouts or {}}
            provider["regions"]["global"]["url"] = raw.url
            with RunningSidecar(make_settings(provider=provider, **sections)) as sidecar:
                yield sidecar

    return started


def ask(sidecar: RunningSidecar, *, stream: bool = False) -> Reply:
    return post(sidecar.port, {**HELLO, "stream": stream}, headers=[(NAME, "call")])


# streams


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""], ids=["one line feed", "CRLF", "CR", "none"])
def test_a_last_event_without_its_blank_line_counts(start: Start, records: Records, end: bytes) -> None:
    sent = STREAM.rstrip(b"\n") + end
    with start(CHUNKED + chunk(sent) + END, "keep") as sidecar:
        reply = ask(sidecar, stream=True)
    assert reply.body == sent
    (record,) = records.wait()
    assert (record["call.outcome"], record["usage.status"]) == ("served", "reported")


@pytest.mark.parametrize("ids", [False, True], ids=["plain", "with ids"])
def test_a_cut_stream_raises_our_error_in_the_sdk(start: Start, ids: bool) -> None:
    whole = b"".join(b"id: %d\n" % number + event if ids else event for number, event in enumerate(EVENTS[:5]))
    with (
        start(CHUNKED + chunk(whole) + chunk(EVENTS[5][:40])) as sidecar,
        openai.OpenAI(
            api_key="token",
            base_url=f"{sidecar.url}/api/v2/llm/proxy/openai/v1",
            default_headers={NAME: "call"},
            max_retries=0,
        ) as client,
        pytest.raises(openai.APIError) as caught,
    ):
        for _ in client.responses.create(model=MODEL, input="Hello", stream=True):
            pass
    assert caught.value.code == "stream_truncated"


@pytest.mark.parametrize("comment", [b":\n", b": alive\n\n", b":\r\n"])
def test_comments_pass_at_once(start: Start, comment: bytes) -> None:
    with (
        start(CHUNKED + chunk(EVENTS[0]) + chunk(comment), Pause(LONGEST)) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), LONGEST / 2) as caller,  # gives up before the pause ends
    ):
        caller.sendall(request_bytes({**HELLO, "stream": True}, headers=[(NAME, "call")]))
        came = b""
        while comment not in came.partition(EVENTS[0])[2]:
            came += caller.recv(65536)


def test_a_slow_caller_is_not_the_providers_silence(start: Start, records: Records) -> None:
    """Time in which the sidecar does not read counts against nobody."""
    many = b"".join(b": %d %s\n\n" % (number, b"x" * 1000) for number in range(24_000))
    sent = EVENTS[0] + many + b"".join(EVENTS[1:])
    with (
        start(CHUNKED, chunk(sent) + END, timeouts={"read": 2.0}) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller,
    ):
        caller.sendall(request_bytes({**HELLO, "stream": True}, headers=[(NAME, "call")]))
        caller.recv(1000, socket.MSG_PEEK)
        time.sleep(4)
        reply = read_reply(caller)
    assert len(reply.body) == len(sent)
    (record,) = records.wait()
    assert record["call.outcome"] == "served"


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_usage_behind_a_gigantic_part_is_read(start: Start, records: Records, stream: bool) -> None:
    big = b"x" * (40 << 20)
    if stream:
        sent = b"".join(EVENTS[:-1]) + EVENTS[-1].replace(b'"user":null', b'"user":"%s"' % big)
        answer = CHUNKED + chunk(sent) + END
    else:
        sent = JSON.replace(b'"user": null', b'"user": "%s"' % big)
        answer = head(b"Content-Length: %d" % len(sent), kind=b"application/json") + sent
    assert len(sent) > len(big)
    with start(answer, "keep") as sidecar:
        assert len(ask(sidecar, stream=stream).body) == len(sent)
    (record,) = records.wait()
    assert (record["call.outcome"], record["usage.status"]) == ("served", "reported")


# heads


@pytest.mark.parametrize(
    "line",
    [
        b"Connection: x-hop, close", b"Keep-Alive: timeout=5", b"Proxy-Authenticate: Basic", b"TE: trailers",
        b"Trailer: X-T", b"Upgrade: h2c", b"Proxy-Connection: keep-alive", b"X-RateLimit-Limit-Tokens: 5",
        b"Set-Cookie: a=b", b"CF-Ray: 1", b"OpenAI-Organization: o", b"Sidecar-Changes: none",
    ],
    ids=lambda line: line.decode(),
)  # fmt: skip
def test_fields_of_one_hop_stay_on_it(start: Start, line: bytes) -> None:
    name = line.partition(b":")[0].decode().lower()
    with start(SIZED[:-2] + line + b"\r\nX-Hop: 1\r\nX-Own: 2\r\n\r\n" + JSON, "keep") as sidecar:
        reply = ask(sidecar)
        assert reply.status == 200
        assert reply.headers["x-own"] == "2"
        assert name not in reply.headers or (name == "sidecar-changes" and reply.headers[name] != "none")
        assert ("x-hop" in reply.headers) is (name != "connection")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 5000,
        SIZED.replace(b"\r\n", b"\r\nX: a\rb\r\n", 1) + JSON,
        SIZED.replace(b"\r\n", b"\r\n" + b"X: a\r\n" * 5000, 1) + JSON,
        SIZED.replace(b"\r\n", b"\r\nno colon\r\n", 1) + JSON,
    ],
    ids=["endless interim answers", "CR in a value", "5,000 fields", "no colon"],
)
def test_a_head_that_is_none_is_final(start: Start, records: Records, answer: bytes) -> None:
    with start(answer, Pause(LONGEST)) as sidecar:
        reply = ask(sidecar)
    assert (reply.status, reply.code, reply.headers["x-should-retry"]) == (500, "upstream_error", "false")
    (record,) = records.wait()
    assert record["call.outcome"] == "provider_error"


def test_what_left_is_charged_though_its_answer_was_lost(start: Start, records: Records) -> None:
    limits = {"user": {"default": {"requests_per_minute": 3}}}
    with start("reset", limits=limits) as sidecar:
        assert [ask(sidecar).status for _ in range(5)] == [500] * 3 + [429] * 2


@pytest.mark.parametrize("after", ["1000000000", "-5", "soon", "1e9", "nan", "\u0663"])
@pytest.mark.parametrize("status", [429, 503])
def test_how_long_to_wait_is_a_sane_number(start: Start, after: str, status: int) -> None:
    body = b'{"error": {"message": "slow", "type": "x", "param": null, "code": "rate_limit_exceeded"}}'
    lines = (b"Retry-After: " + after.encode(), b"Content-Length: %d" % len(body))
    with start(head(*lines, status=b"%d No" % status, kind=b"application/json") + body, "keep") as sidecar:
        reply = ask(sidecar)
    assert reply.status == status
    told = reply.headers.get("retry-after", "0")
    assert told.isascii()
    assert told.isdigit()
    assert int(told) <= 24 * 3600


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_a_body_where_none_may_be_is_no_answer_to_the_next(
    start: Start, provider: SimulatedProvider, status: bytes
) -> None:
    del provider
    with (
        start(b"HTTP/1.1 " + status + b"\r\n\r\n" + SIZED + JSON, "keep") as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller,
    ):
        for _ in range(2):
            caller.sendall(request_bytes(headers=[(NAME, "call")]))
            assert read_reply(caller).status == 500
