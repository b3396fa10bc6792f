"""What the app sent and what left, told apart in flows of today and of 0.1."""

from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from addons.call import Outbound
from addons.inspecting.originals import (
    LEFT,
    MAX_KEPT,
    SENT_BY_0_1,
    STAND_IN_BY_0_1,
    Original,
    header_table,
    keep_left,
    left,
    original,
)

HEADERS = ((b"Host", b"localhost"), (b"X", b"caf\xe9"), (b"x", b"2"))
FIELDS = (("Host", "localhost"), ("X", "café"), ("x", "2"))
KEPT_BY_0_1 = {"method": "POST", "target": "/p?q=1", "headers": [list(field) for field in FIELDS], "body": b"body"}
STAND_IN = ((b"Authorization", STAND_IN_BY_0_1.encode() + b"1"),)


def flow(metadata: dict[str, Any] | None = None, **request: object) -> http.HTTPFlow:
    fields = {"method": b"POST", "path": b"/p?q=1", "authority": b"", "headers": HEADERS, "content": b"body"}
    made = tflow.tflow(req=tutils.treq(**{**fields, **request}))
    made.metadata.update(metadata or {})
    return made


@pytest.mark.parametrize(
    ("authority", "target"), [(b"", "/p?q=1"), (b"api.openai.com:80", "http://api.openai.com:80/p?q=1")]
)
def test_the_request_is_what_the_app_sent(authority: bytes, target: str) -> None:
    assert original(flow(authority=authority)) == Original("POST", target, FIELDS, b"body")


@pytest.mark.parametrize(("size", "kept"), [(0, True), (MAX_KEPT, True), (MAX_KEPT + 1, False)])
def test_what_left_is_plain_and_its_body_bounded(size: int, kept: bool) -> None:
    exchange = flow()
    body = b"x" * size
    keep_left(
        exchange, Outbound("global", "api.openai.com", 443, "/v1/responses", (("Host", "api.openai.com"),), (body,))
    )
    assert exchange.metadata[LEFT] == {
        "method": "POST",
        "url": "https://api.openai.com:443/v1/responses",
        "headers": [["Host", "api.openai.com"]],
        "body": body if kept else None,
    }
    assert left(exchange) == exchange.metadata[LEFT]
    assert original(exchange) == Original("POST", "/p?q=1", FIELDS, b"body")


@pytest.mark.parametrize(
    ("saved", "sent", "leaving"),
    [
        (
            flow({SENT_BY_0_1: KEPT_BY_0_1}, headers=STAND_IN, content=b"left"),
            Original("POST", "/p?q=1", FIELDS, b"body"),
            {"headers": [["Authorization", "Bearer provider-key-stand-in-1"]], "body": b"left"},
        ),
        (flow(headers=STAND_IN), None, None),
        (flow(headers=((b"Authorization", b"Bearer another"),)), flow, None),
    ],
    ids=["0.1, rewritten", "0.1, too large to be kept", "of another program"],
)
def test_flows_of_other_origins(saved: http.HTTPFlow, sent: object, leaving: object) -> None:
    found = original(saved)
    assert (found is not None) if sent is flow else (found == sent)
    assert left(saved) == leaving


def test_headers_by_name() -> None:
    assert header_table(FIELDS) == {"host": ("localhost",), "x": ("café", "2")}
