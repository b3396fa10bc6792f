"""How many connections there may be, of one caller's address and of all."""

import resource
import socket
from contextlib import ExitStack

import pytest

from addons.exchange.connection_bounds import RESERVED, ConnectionBounds, _descriptors
from tests.conftest import SettingsMaker
from tests.proxy.client import read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records


@pytest.mark.parametrize(
    ("most", "of_one", "of_all"), [(1, 1, 1), (10, 9, 10), (100, 90, 100), (10**9, None, _descriptors() - RESERVED)]
)
def test_of_one_and_of_all(most: int, of_one: int | None, of_all: int) -> None:
    bounds = ConnectionBounds(most)
    if of_one is None:
        assert bounds._most == of_all, "descriptors must suffice"
        return
    assert [bounds.enter("a") for _ in range(most + 1)].count(True) == of_one
    assert [bounds.enter(f"b{number}") for number in range(most + 1)].count(True) == of_all - of_one
    bounds.leave("a")
    assert (bounds.enter("c"), bounds.enter("d")) == (True, False)


def test_the_soft_limit_of_descriptors_is_raised_as_far_as_it_goes() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 1, hard))
        assert [_descriptors(), _descriptors()] == [hard, hard]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_caller_that_is_gone_without_a_word_is_asked_for(make_settings: SettingsMaker) -> None:
    with (
        RunningSidecar(make_settings()) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller,
    ):
        caller.sendall(request_bytes())
        assert read_reply(caller).status == 200
        (connection,) = sidecar.part("sidecar-listener").callers
        own = connection._wire.socket
        assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        times = socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT
        assert [own.getsockopt(socket.IPPROTO_TCP, option) for option in times] == [60, 15, 4]


def test_one_more_than_the_setting_allows_is_closed(make_settings: SettingsMaker, records: Records) -> None:
    with RunningSidecar(make_settings(listen={"max_connections": 3})) as sidecar, ExitStack() as callers:
        *first, last = [
            callers.enter_context(socket.create_connection(("127.0.0.1", sidecar.port), 20)) for _ in range(4)
        ]
        assert last.recv(1) == b""
        for caller in first:
            caller.sendall(request_bytes())
            assert read_reply(caller).status == 200
    (told,) = records.of("connections_refused")
    assert told["most"] == 3
