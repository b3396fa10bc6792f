"""Lines that anyone can have written, as many as they like: the first of a kind are written, the rest are summed."""

import signal
import socket
from pathlib import Path

import pytest

from addons.process.repeated import ALONE, SPAN, Repeated
from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import SidecarProcess
from tests.waiting import LONGEST

MANY = ALONE + 25

SENT = [
    pytest.param(b"\x00no HTTP\r\n\r\n", "head_refused", id="what is no HTTP"),
    pytest.param(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "mitmproxy.proxy.server WARNING", id="what is no TLS"),
]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_kind_has_its_own_count_and_each_span_begins_anew() -> None:
    clock = Clock()
    repeated = Repeated(clock)
    assert [repeated.is_written("a") for _ in range(MANY)] == [True] * ALONE + [False] * (MANY - ALONE)
    assert repeated.is_written("b")
    assert not repeated.over
    clock.now = SPAN
    assert repeated.over
    assert repeated.sum() == {"a": MANY - ALONE}
    assert repeated.is_written("a")
    assert repeated.sum() == {}


@pytest.mark.parametrize(("sent", "kind"), SENT)
def test_whoever_reaches_the_port(make_document: DocumentMaker, tmp_path: Path, sent: bytes, kind: str) -> None:
    with SidecarProcess(written(tmp_path, make_document())) as sidecar:
        for _ in range(MANY):
            with socket.create_connection(("127.0.0.1", sidecar.port), LONGEST) as caller:
                caller.sendall(sent)
                while caller.recv(65536):
                    pass
        sidecar.signal(signal.SIGTERM)
        assert sidecar.exit_code() == 0
    (summed,) = sidecar.records.of("lines_summed")
    assert summed["lines"][kind] == MANY - ALONE
