"""Streams cut off at any byte: the real SDK raises the sidecar's own error, whatever had come before."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from addons.responses.stream import EventStream
from tests.responses.test_stream import COMPLETED, CREATED, DELTA, event

CODE, MESSAGE = "stream_truncated", "The stream broke off.\nTry again."


class Sdk:
    """The real SDK, to which any stream can be given."""

    def __init__(self) -> None:
        self._body = b""
        self.http = httpx2.Client(transport=httpx2.MockTransport(self._answer))
        self._openai = openai.OpenAI(api_key="k", http_client=self.http, max_retries=0)

    def _answer(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=self._body)

    def seen(self, body: bytes) -> list[Any]:
        """The events it yields, up to the end of the stream or its exception."""
        self._body = body
        return list(self._openai.responses.create(model="m", input="i", stream=True))

    def raises_ours(self, body: bytes) -> None:
        with pytest.raises(openai.APIError, match="The stream broke off") as caught:
            self.seen(body)
        assert (caught.value.code, caught.value.type) == (CODE, "server_error")


@pytest.fixture(scope="module")
def sdk() -> Iterator[Sdk]:
    sdk = Sdk()
    with sdk.http:
        yield sdk


def with_ids(stream: bytes) -> bytes:
    return stream.replace(b"event:", b"id: 7\nevent:")


LARGE = event(
    "response.output_item.done",
    item={"b64": 'x\\"\u20ac', "list": [1, -2.5, True, None, {"\u00fc": []}], "error": {"code": "theirs"}},
    sequence_number=1,
)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("ids", [False, True], ids=["", "with ids"])
@pytest.mark.parametrize("held", [10_000, 5], ids=["held", "passing in pieces"])
def test_a_stream_cut_at_any_byte(sdk: Sdk, line_end: bytes, ids: bool, held: int) -> None:
    whole = CREATED + DELTA + b": comment\n" + LARGE + DELTA
    whole = (with_ids(whole) if ids else whole).replace(b"\n", line_end)
    for at in range(len(whole)):
        stream = EventStream(held)
        sdk.raises_ours(stream.feed(whole[:at]) + stream.cut(CODE, MESSAGE))


@pytest.mark.parametrize("line_end", [b"\n", b"\r"], ids=["LF", "CR"])
@pytest.mark.parametrize("ids", [False, True], ids=["", "with ids"])
@pytest.mark.parametrize("held", [10_000, 5], ids=["held", "passing in pieces"])
def test_a_stream_that_ends_cleanly_at_any_byte_but_without_its_last_event(
    sdk: Sdk, line_end: bytes, ids: bool, held: int
) -> None:
    whole = CREATED + LARGE
    whole = (with_ids(whole) if ids else whole).replace(b"\n", line_end)
    # Half a character passes at a clean end as it came, and the SDK stumbles over it.
    for at in (len(whole.decode()[:length].encode()) for length in range(len(whole.decode()))):
        stream = EventStream(held)
        sdk.raises_ours(stream.feed(whole[:at]) + stream.end() + stream.cut(CODE, MESSAGE))


def test_data_in_several_lines(sdk: Sdk) -> None:
    lines = b'event: x\ndata: {"a":\ndata: [1,\r\ndata\ndata:2], "b": 3\nretry: 4\n'
    for at in range(len(lines)):
        stream = EventStream(2)
        sdk.raises_ours(stream.feed(lines[:at]) + stream.cut(CODE, MESSAGE))


def test_a_stream_that_said_its_last_is_not_spoiled(sdk: Sdk) -> None:
    for behind in (b"", b": comment\n", b"data: [DO", b"event: x\n"):
        stream = EventStream()
        out = stream.feed(COMPLETED + behind)
        assert stream.cut(CODE, MESSAGE) == b""
        assert stream.end() == b"", "what was held back is dropped"
        assert [seen.type for seen in sdk.seen(out)] == ["response.completed"]


def test_the_error_event_is_the_documented_one_with_the_error_nested() -> None:
    stream = EventStream()
    stream.feed(CREATED + DELTA + DELTA[:20])
    name, data, *end = stream.cut(CODE, MESSAGE).split(b"\n")
    assert (name, end) == (b"event: error", [b"", b""])
    assert json.loads(data.removeprefix(b"data: ")) == {
        "type": "error", "code": CODE, "message": MESSAGE, "param": None, "sequence_number": 2,
        "error": {"type": "server_error", "code": CODE, "message": MESSAGE, "param": None},
    }  # fmt: skip
    assert stream.cut(CODE, MESSAGE) == b""  # once
    assert stream.terminal is None


def test_what_is_no_json_ends_as_it_is_and_the_error_follows() -> None:
    stream = EventStream(5)
    assert stream.feed(b"data: [1, 2") + stream.cut(CODE, MESSAGE) == (
        b"data: [1, 2\n\n" + EventStream().cut(CODE, MESSAGE)
    )
