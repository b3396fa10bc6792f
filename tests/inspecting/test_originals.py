import pytest
from addons.egress import STAND_IN
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from addons.inspecting.originals import KEY, MAX_KEPT, Original, header_table, keep, original

HEADERS = ((b"Host", b"localhost"), (b"X", b"caf\xe9"), (b"x", b"2"))
FIELDS = (("Host", "localhost"), ("X", "café"), ("x", "2"))


def flow(**request: object) -> http.HTTPFlow:
    fields = {"method": b"POST", "path": b"/p?q=1", "authority": b"", "headers": HEADERS, "content": b"body"}
    return tflow.tflow(req=tutils.treq(**{**fields, **request}))


@pytest.mark.parametrize(
    ("authority", "target"), [(b"", "/p?q=1"), (b"api.openai.com:80", "http://api.openai.com:80/p?q=1")]
)
def test_a_request_that_was_never_rewritten_is_the_original(authority: bytes, target: str) -> None:
    assert original(flow(authority=authority)) == Original("POST", target, FIELDS, b"body")


def test_what_is_kept_is_plain_and_found_again() -> None:
    exchange = flow()
    keep(exchange)
    assert exchange.metadata[KEY] == {
        "method": "POST",
        "target": "/p?q=1",
        "headers": [["Host", "localhost"], ["X", "café"], ["x", "2"]],
        "body": b"body",
    }
    exchange.request = flow(headers=((b"Authorization", b"Bearer " + STAND_IN.encode() + b"1"),)).request
    assert original(exchange) == Original("POST", "/p?q=1", FIELDS, b"body")


@pytest.mark.parametrize(("size", "kept"), [(MAX_KEPT, True), (MAX_KEPT + 1, False)])
def test_a_large_body_is_not_kept(size: int, kept: bool) -> None:
    exchange = flow(content=b"x" * size)
    keep(exchange)
    assert (KEY in exchange.metadata) == kept


def test_of_a_rewritten_request_nothing_is_known() -> None:
    assert original(flow(headers=((b"Authorization", b"Bearer " + STAND_IN.encode() + b"1"),))) is None
    assert original(flow(headers=((b"Authorization", b"Bearer another"),))) is not None


def test_headers_by_name() -> None:
    assert header_table(FIELDS) == {"host": ("localhost",), "x": ("café", "2")}
