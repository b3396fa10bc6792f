"""Which answers pass, and which of their fields reach the caller."""

from typing import Any

import pytest

from addons.call import OtherPath
from addons.embeddings.api import EMBEDDINGS
from addons.exchange.answer_bytes import Fields, Framing
from addons.exchange.answer_fields import Passing, passing_fields, passing_of
from addons.values.http_name import HOP_BY_HOP
from tests.gates.calls import call

JSON, EVENTS, HTML = b"application/json", b"text/event-stream", b"text/html"


@pytest.mark.parametrize(
    ("status", "fields", "passing", "filled"),
    [
        (200, {b"content-type": JSON}, "json", {}),
        (299, {b"content-type": JSON}, "json", {}),
        (200, {b"content-type": b" Application/JSON ; charset=utf-8"}, "json", {}),
        (200, {b"content-type": JSON, b"content-encoding": b"Identity"}, "json", {}),
        (200, {b"content-type": EVENTS}, "events", {}),
        (200, {b"content-type": b"text/event-stream;charset=utf-8"}, "events", {}),
        (200, {b"content-type": EVENTS}, "kept", {"api": None}),
        (200, {b"content-type": EVENTS}, "kept", {"api": EMBEDDINGS}),  # which has no streams
        (200, {b"content-type": JSON}, "json", {"api": EMBEDDINGS}),
        (200, {b"content-type": HTML}, "kept", {}),
        (200, {}, "kept", {}),
        (200, {b"content-type": JSON, b"content-encoding": b"gzip"}, "kept", {}),
        (199, {b"content-type": JSON}, "kept", {}),
        (300, {b"content-type": JSON}, "kept", {}),
        (500, {b"content-type": EVENTS}, "kept", {}),
        (500, {b"content-type": HTML}, "unread", {"other_path": OtherPath("acme", "/api")}),
        (200, {b"content-encoding": b"gzip"}, "unread", {"other_path": OtherPath("acme", "/api")}),
    ],
)
def test_how_an_answer_passes(
    status: int, fields: dict[bytes, bytes], passing: Passing, filled: dict[str, Any]
) -> None:
    assert passing_of(call(**filled), status, fields) == passing


STAYING = (
    *sorted(HOP_BY_HOP),
    "openai-organization", "openai-project", "set-cookie", "alt-svc", "strict-transport-security", "sidecar-changes",
    "cf-ray", "proxy-status", "x-ratelimit-limit-tokens",
)  # fmt: skip


@pytest.mark.parametrize("name", STAYING)
def test_fields_of_one_hop_and_of_the_operator_stay(name: str) -> None:
    fields = [(b"a", b"1"), (name.title().encode(), b"x"), (b"b", b"2")]
    assert list(passing_fields(fields, "length")) == [(b"a", b"1"), (b"b", b"2")]


PLAIN = [(b"X-Request-Id", b"1"), (b"openai-processing-ms", b"2"), (b"X-Request-Id", b"3"), (b"x-cf-ray", b"4")]


@pytest.mark.parametrize(
    ("fields", "framing", "left"),
    [
        (PLAIN, "chunked", PLAIN),
        ([*PLAIN, (b"Connection", b"close, X-REQUEST-ID"), (b"connection", b" x-cf-ray")], "length", [PLAIN[1]]),
        ([(b"Connection", b"a")], "length", []),
        ([(b"not-listed", b"a"), (b"a", b"1")], "length", [(b"not-listed", b"a"), (b"a", b"1")]),
        ([(b"Content-Length", b"5")], "length", [(b"Content-Length", b"5")]),
        ([(b"Content-Length", b"5")], "none", [(b"Content-Length", b"5")]),
        ([(b"Content-Length", b"5")], "chunked", []),
        ([(b"Content-Length", b"5")], "close", []),
    ],
)
def test_what_reaches_the_caller(fields: Fields, framing: Framing, left: Fields) -> None:
    assert list(passing_fields(fields, framing)) == left
