"""What nobody can read yet is bounded: in bytes, and a head in seconds."""

import contextlib
import socket
import time
from pathlib import Path

import pytest

from addons.exchange.layer import MOST_HELLO
from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.proxy.test_explicit import FOUNDRY, LISTENS_ON, connected, open_tunnel, through_tls
from tests.proxy.test_odd_http import BODY, CHUNKED, IN_CHUNKS, SIZED, head
from tests.records import Records
from tests.waiting import LONGEST

LONG = 2_000_000  # bytes; far beyond the bound, and beyond what sockets buffer

CASES = [
    # what is sent, the status that answers it (None: none does), the record's refusal (None: it is no call yet)
    pytest.param(b"POST / HTTP/1.1\r\nX: " + b"a" * LONG, 431, None, id="a header without end"),
    pytest.param(head() + b"X: a\r\n" * (LONG // 6), 400, "missing_body", id="what follows a head is no head"),
    pytest.param(head()[:-2] + b"X: a\r\n" * (LONG // 6), 431, None, id="headers without end"),
    pytest.param(b"POST /" + b"a" * LONG, 414, None, id="a target without end"),
    pytest.param(head(SIZED, *[b"X-%d: a" % i for i in range(10_000)]) + BODY, 431, None, id="10,000"),
    pytest.param(head(IN_CHUNKS) + b"5;" + b"a" * LONG, 400, "bad_target", id="a chunk extension without end"),
    pytest.param(head(IN_CHUNKS) + b"0" * LONG, 400, "bad_target", id="a chunk size without end"),
    pytest.param(head(IN_CHUNKS) + CHUNKED + b"0\r\n" + b"X: a\r\n" * (LONG // 6), 400, "bad_target", id="trailers"),
    pytest.param(head(IN_CHUNKS) + b"zz\r\n", 400, "bad_target", id="a chunk size that is none"),
    pytest.param(head(IN_CHUNKS) + CHUNKED[:-2] + b"XX", 400, "bad_target", id="a chunk longer than it says"),
]


@pytest.mark.parametrize(("sent", "status", "refusal"), CASES)
def test_what_can_not_be_read(
    sidecar: RunningSidecar,
    provider: SimulatedProvider,
    records: Records,
    sent: bytes,
    status: int,
    refusal: str | None,
) -> None:
    dialled = provider.dialled
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as connection:
        with contextlib.suppress(OSError):  # hung up on in the middle
            connection.sendall(sent)
        assert read_reply(connection).status == status
    assert provider.dialled == dialled
    if refusal is None:
        (told,) = records.wait("head_refused")
        assert told["bytes"] < LONG / 2
        assert records.of("call") == []
    else:
        (record,) = records.wait()
        assert (record["policy.decision"], record["error.type"]) == ("refused", refusal)
        assert record["http.response.status_code"] == status


def test_calls_sent_ahead_of_their_turn_without_end(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    """They are not read, and what was sent ahead is served in its turn."""
    provider.script("hold=0")
    sent = request_bytes()
    with socket.create_connection(("127.0.0.1", sidecar.port), 0.5) as connection:
        with pytest.raises(TimeoutError):
            connection.sendall(sent * (50_000_000 // len(sent)))
        connection.settimeout(LONGEST)
        (call,) = provider.wait_for_calls()
        call.release()
        assert [read_reply(connection).status for _ in range(3)] == [200] * 3
    (record, *_) = records.wait()
    assert record["call.outcome"] == "served"


@pytest.fixture
def hasty(make_settings: SettingsMaker, records: Records) -> RunningSidecar:
    return RunningSidecar(make_settings(listen={"head_seconds": 0.3}))


@pytest.mark.parametrize("sent", [b"", request_bytes()[:40], b"\x16\x03\x01\x02\x00\x01"], ids=["-", "HTTP", "TLS"])
@pytest.mark.parametrize("trickle", [False, True], ids=["silent", "byte by byte"])
def test_a_head_that_does_not_end_in_time(hasty: RunningSidecar, records: Records, sent: bytes, trickle: bool) -> None:
    with hasty, socket.create_connection(("127.0.0.1", hasty.port), 20) as connection:
        connection.sendall(sent)
        connection.settimeout(0.05 if trickle else 20)
        for _ in range(200):
            try:
                if connection.recv(100) == b"":
                    break
            except TimeoutError:
                with contextlib.suppress(ConnectionError):  # hung up on in this very moment
                    connection.sendall(sent[-1:])
            except ConnectionResetError:
                break
        else:
            pytest.fail("never hung up")
        records.wait("head_not_ended")
    assert records.of("call") == []


HELLO_WITHOUT_END = b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + bytes(0x4000 - 4)
"""A TLS record of 16 KiB, which begins a ClientHello of 16 MiB."""

MORE_OF_IT = b"\x16\x03\x01\x40\x00" + bytes(0x4000)


def test_a_client_hello_without_end(sidecar: RunningSidecar, provider: SimulatedProvider, records: Records) -> None:
    """mitmproxy keeps all of it, and waits for the rest."""
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(HELLO_WITHOUT_END)
        for _ in range(LONG // len(MORE_OF_IT)):
            connection.sendall(MORE_OF_IT)
        assert connection.recv(100) == b""
    (told,) = records.wait("handshake_too_long")
    assert MOST_HELLO < told["bytes"] < 2 * MOST_HELLO
    assert records.of("fault") == []
    assert provider.dialled == 0


def test_between_calls_nobody_is_hurried(make_settings: SettingsMaker, records: Records) -> None:
    with (
        RunningSidecar(make_settings(listen={"head_seconds": 1.0})) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as connection,
    ):
        for pause in (1.5, 0):
            connection.sendall(request_bytes())
            assert read_reply(connection).status == 200
            time.sleep(pause)
        connection.sendall(request_bytes()[:40])
        assert connection.recv(100) == b""
        assert len(records.wait("head_not_ended")) == 1


@pytest.mark.parametrize(
    ("head_seconds", "drips"),
    [(20, b""), (0.6, b""), (0.6, b"\x16\x03\x01\x02\x00" + bytes(40))],
    ids=["soon", "-", "TLS"],
)
def test_a_tunnel_opened_in_advance_is_held_to_the_heads_time(
    make_settings: SettingsMaker, records: Records, certificates: Path, head_seconds: float, drips: bytes
) -> None:
    listen = {"proxy": f"{LISTENS_ON}:0", "head_seconds": head_seconds}
    settings = make_settings(listen=listen, foundry={"hostnames": [FOUNDRY]})
    with RunningSidecar(settings) as sidecar, connected(sidecar) as connection:
        assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
        with contextlib.suppress(OSError):
            for byte in drips:
                connection.send(bytes([byte]))
                time.sleep(2 * head_seconds / len(drips))
        if head_seconds > 1:
            assert through_tls(connection, certificates, FOUNDRY, request_bytes(host=FOUNDRY)).status == 200
        else:
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(100) == b""
            records.wait("head_not_ended")
