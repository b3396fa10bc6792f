"""What a connection tells of its caller, and which of mitmproxy's events end it."""

from typing import Any

import pytest
from mitmproxy.connection import Client, Server
from mitmproxy.proxy import events
from mitmproxy.proxy.mode_specs import ProxyMode

from addons.exchange.layer import _closes, peer_of
from addons.exchange.wire import Peer


def client(mode: str = "reverse:https://nowhere.invalid", **known: Any) -> Client:
    made = Client(peername=("192.0.2.1", 5), sockname=("127.0.0.1", 8080))
    made.proxy_mode = ProxyMode.parse(mode)
    for name, value in known.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("caller", "encrypted", "peer"),
    [
        (client(), False, Peer("192.0.2.1", "reverse")),
        (client("regular"), False, Peer("192.0.2.1", "proxy")),
        (client(peername=None), False, Peer("?", "reverse")),
        (client(sni="acme.example"), True, Peer("192.0.2.1", "reverse", encrypted=True, server_name="acme.example")),
        (client(sni="acme.example"), False, Peer("192.0.2.1", "reverse")),
    ],
)
def test_who_is_at_the_other_end(caller: Client, encrypted: bool, peer: Peer) -> None:
    assert peer_of(caller, encrypted=encrypted) == peer


def test_which_events_end_it() -> None:
    caller, server = client(), Server(address=("127.0.0.1", 1))
    told = events.ConnectionClosed(caller), events.ConnectionClosed(server), events.DataReceived(caller, b"x")
    assert [_closes(each, caller) for each in told] == [True, False, False]
