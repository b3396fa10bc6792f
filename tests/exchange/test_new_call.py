"""Calls out of requests' heads: the target's forms, and what is kept apart."""

import pytest

from addons.exchange.new_call import open_call, reopen
from addons.exchange.request import SECRET_FIELDS, Body, BodyBounds, Request
from addons.exchange.wire import Peer
from addons.gates.body_bytes import BodyBytes

PEER = Peer("192.0.2.1", "proxy", encrypted=True, server_name="acme.example", client_identity="app", by_hand=("held",))
TRACE = "0af7651916cd43dd8448eb211c80319c"


def request(target: str = "/x", *fields: tuple[bytes, bytes], method: str = "POST") -> Request:
    body = Body(BodyBounds(1, BodyBytes(1), BodyBytes(1)))
    return Request(method, target, fields, "1.1", keep_alive=True, body=body)


@pytest.mark.parametrize(
    ("sent", "authority", "target"),
    [
        ("/x?y", "", "/x?y"),
        ("/http://a/x", "", "/http://a/x"),
        ("http://a/x?y", "a", "/x?y"),
        ("http://a/x/y", "a", "/x/y"),
        ("https://a", "a", "/"),
        ("https://a:443/", "a:443", "/"),
        ("http://user:password@a/x", "a", "/x"),
        ("http://user@password@a/x", "a", "/x"),
        ("http:///x", "?", "/x"),
        ("http://user@/x", "?", "/x"),
        ("://a/x", "", "://a/x"),
        ("x", "", "x"),
        ("*", "", "*"),
        ("a:443", "", "a:443"),
    ],
)
def test_a_target_in_each_form(sent: str, authority: str, target: str) -> None:
    found = open_call(request(sent), PEER)
    assert (found.authority, found.target) == (authority, target)


def test_what_the_connection_tells() -> None:
    found = open_call(request(), PEER)
    assert (found.method, found.peer, found.listener, found.encrypted) == ("POST", "192.0.2.1", "proxy", True)
    assert (found.server_name, found.client_identity, found.by_hand) == ("acme.example", "app", ["held"])


@pytest.mark.parametrize("name", sorted(SECRET_FIELDS))
def test_a_credential_is_kept_apart(name: str) -> None:
    found = open_call(request("/x", (name.title().encode(), b"secret"), (b"Host", b"a")), PEER)
    assert found.credentials == {name: ("secret",)}
    assert found.headers == {"host": ("a",)}


def test_an_edited_head_takes_the_place_of_the_first_and_credentials_stay() -> None:
    found = open_call(request("http://a/x", (b"Authorization", b"Bearer its-own")), PEER)
    edited = request(
        "http://b/y", (b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode()), (b"X-Api-Key", b"b"), method="GET"
    )
    reopen(found, edited, PEER)
    assert (found.method, found.authority, found.target) == ("GET", "b", "/y")
    assert found.headers.keys() == {"traceparent"}
    assert found.trace.trace_id == TRACE
    assert found.credentials == {"authorization": ("Bearer its-own",)}
