"""The fields of one server-sent event, and the data of a whole stream (WHATWG HTML, Server-sent events)."""

import pytest

from addons.bodies.server_sent_event import fields, split_events


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        pytest.param(b"data: a", "", b"a", id="data alone"),
        pytest.param(b"event: e\ndata: a", "e", b"a", id="a name and data"),
        pytest.param(b"data: a\nevent: e", "e", b"a", id="the name last"),
        pytest.param(b"event:e\ndata:a", "e", b"a", id="no space behind the colon"),
        pytest.param(b"data:  a", "", b" a", id="two spaces, of which one stays"),
        pytest.param(b"data: a\r\ndata: b\rdata: c", "", b"a\nb\nc", id="several lines, ended in any way"),
        pytest.param(b"id: 1\nretry: 2\n: data: x\ndata: a", "", b"a", id="other fields and a comment"),
        pytest.param(b"data", "", b"", id="a field without a colon is empty"),
        pytest.param(b"event: e", "e", None, id="no data"),
        pytest.param(b"", "", None, id="nothing"),
        pytest.param(b"event: \xff\ndata: \xff", "\N{REPLACEMENT CHARACTER}", b"\xff", id="no UTF-8"),
    ],
)
def test_fields(event: bytes, name: str, data: bytes | None) -> None:
    assert fields(event) == (name, data)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d", [b"a", b"b", b"c", b"d"], id="in any way"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [b"a"], id="behind a byte order mark"),
        pytest.param(b": keep\n\nevent: e\n\ndata:\n\ndata: a\n\n", [b"a"], id="what says nothing is left out"),
    ],
)
def test_split_events(stream: bytes, events: list[bytes]) -> None:
    assert list(split_events(stream)) == events
