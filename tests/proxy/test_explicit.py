"""The explicit-proxy listener: an app keeps https://$HOSTNAME and goes through it. Never an open relay."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import PATH, SettingsMaker
from tests.proxy.client import HELLO, Reply, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.proxy.test_closed import by_fault, raising, raising_later
from tests.proxy.watching import Watcher
from tests.records import Records
from tests.waiting import eventually

FOUNDRY = "acme.palantirfoundry.invalid"  # no resolver knows it: whatever is served was not asked of Foundry
PASSED = "passed.example.invalid"
LISTENS_ON = "127.0.0.2"  # mitmproxy takes port 0 once an address


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The far end of each unread tunnel, which is on this machine for the test alone."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        async def leads_here(_host: str, _port: int) -> tuple[str, int]:
            return "127.0.0.1", listening.getsockname()[1]

        monkeypatch.setattr("addons.exchange.tunnel.resolve", leads_here)
        yield listening


@pytest.fixture
def explicit(make_settings: SettingsMaker, certificates: Path, records: Records) -> Iterator[RunningSidecar]:
    listen = {"proxy": f"{LISTENS_ON}:0", "passthrough_hosts": [PASSED]}
    with RunningSidecar(make_settings(listen=listen, foundry={"hostnames": [FOUNDRY]})) as sidecar:
        yield sidecar


def proxy_port(sidecar: RunningSidecar) -> int:
    addresses = sidecar.master.addons.get("proxyserver").listen_addrs()
    return next(int(address[1]) for address in addresses if address[0] == LISTENS_ON)


@contextmanager
def connected(sidecar: RunningSidecar) -> Iterator[socket.socket]:
    with socket.create_connection((LISTENS_ON, proxy_port(sidecar)), 20) as connection:
        yield connection


def open_tunnel(connection: socket.socket, authority: str) -> int:
    """CONNECT; the status it was answered with."""
    connection.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n") and (piece := connection.recv(1)):
        head += piece
    return int(head.split()[1])


def through_tls(connection: socket.socket, certificates: Path, name: str, request: bytes) -> Reply:
    context = ssl.create_default_context(cafile=str(certificates / "mitmproxy-ca-cert.pem"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(connection, server_hostname=name) as encrypted:
        assert encrypted.selected_alpn_protocol() == "http/1.1"
        encrypted.sendall(request)
        return read_reply(encrypted)


def test_an_app_that_keeps_foundrys_name_is_served(
    explicit: RunningSidecar, provider: SimulatedProvider, records: Records, certificates: Path
) -> None:
    with connected(explicit) as connection:
        assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
        reply = through_tls(connection, certificates, FOUNDRY, request_bytes(host=FOUNDRY))
    assert reply.status == 200
    assert len(provider.calls) == 1
    (record,) = records.wait()
    assert record["call.outcome"] == "served"


def test_without_a_server_name_the_certificate_names_foundry(explicit: RunningSidecar, certificates: Path) -> None:
    """It is made out to the tunnel's far end, which is not dialled."""
    context = ssl.create_default_context(cafile=str(certificates / "mitmproxy-ca-cert.pem"))
    context.check_hostname = False
    with connected(explicit) as connection:
        assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
        with context.wrap_socket(connection) as encrypted:
            certificate = encrypted.getpeercert() or {}
    assert ("DNS", FOUNDRY) in certificate["subjectAltName"]


def test_foundrys_name_is_known_however_it_is_spelled(explicit: RunningSidecar) -> None:
    with connected(explicit) as connection:
        assert open_tunnel(connection, f"{FOUNDRY.upper()}.:443") == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"target": "/api/v2/ontologies"}, 404),
        ({"target": "/api/v2/llm/proxy/anthropic/v1/messages"}, 404),
        ({"target": PATH, "host": "api.openai.com"}, 400),
        ({"target": PATH, "host": "localhost"}, 400),
        ({"target": f"https://api.openai.com{PATH}"}, 400),
        ({"body": {**HELLO, "store": True}}, 400),
        ({"without": ["authorization"]}, 401),
    ],
)
def test_the_gates_hold_inside_a_tunnel(
    explicit: RunningSidecar, provider: SimulatedProvider, certificates: Path, request_: dict[str, Any], status: int
) -> None:
    dialled = provider.dialled
    with connected(explicit) as connection:
        assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
        reply = through_tls(connection, certificates, FOUNDRY, request_bytes(**{"host": FOUNDRY, **request_}))
    assert reply.status == status
    assert provider.dialled == dialled


@pytest.mark.parametrize(
    "authority",
    [
        "api.openai.com:443",
        "127.0.0.1:443",
        "localhost:22",
        "[::1]:443",
        "169.254.169.254:80",
        "0.0.0.0:80",
        f"{FOUNDRY}:80",
        f"{FOUNDRY}:8443",
        f"{FOUNDRY}..:443",
        f"evil.{FOUNDRY}:443",
        f"{PASSED}:80",
        "mitm.it:443",
    ],
)
def test_no_other_tunnel_is_opened(
    explicit: RunningSidecar, provider: SimulatedProvider, records: Records, authority: str
) -> None:
    dialled = provider.dialled
    with connected(explicit) as connection:
        status = open_tunnel(connection, authority)
    (line,) = records.wait("tunnel_refused")
    assert (status, line["setting"]) in {(403, "listen.passthrough_hosts"), (400, None)}
    assert line["target"] == authority
    assert provider.dialled == dialled


def test_not_even_to_the_provider(
    explicit: RunningSidecar, provider: SimulatedProvider, records: Records, certificates: Path
) -> None:
    address = provider.url.removeprefix("https://").removesuffix("/v1")
    dialled = provider.dialled
    with connected(explicit) as connection:
        assert open_tunnel(connection, address) == 403
    with connected(explicit) as connection:
        connection.sendall(request_bytes(target=f"http://{address}/v1/responses", host=address))
        assert read_reply(connection).status == 403
    assert provider.dialled == dialled


@pytest.mark.parametrize(
    "request_",
    [
        request_bytes(target=f"http://{FOUNDRY}{PATH}", host=FOUNDRY),
        request_bytes(host=FOUNDRY),
        request_bytes(host="localhost"),
        request_bytes(b"", method="GET", target="http://mitm.it/", host="mitm.it"),
        request_bytes(b"", method="GET", target="http://169.254.169.254/latest/meta-data", host="169.254.169.254"),
        request_bytes(b"", method="GET", target="http://passed.example.invalid/", host=PASSED),
    ],
)
def test_plain_http_through_the_proxy_is_refused(
    explicit: RunningSidecar, provider: SimulatedProvider, records: Records, request_: bytes
) -> None:
    dialled = provider.dialled
    with connected(explicit) as connection:
        connection.sendall(request_)
        reply = read_reply(connection)
    assert reply.status in {400, 403}
    assert provider.dialled == dialled


@pytest.mark.parametrize("inside", [request_bytes(host=FOUNDRY), b"\x00\x01\x02raw bytes\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_a_tunnel_to_foundry_carries_tls_alone(
    explicit: RunningSidecar, provider: SimulatedProvider, records: Records, inside: bytes
) -> None:
    dialled = provider.dialled
    with connected(explicit) as connection:
        assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
        connection.sendall(inside)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert not answer or answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))
    assert provider.dialled == dialled


@pytest.mark.parametrize(("host", "status"), [(PASSED, 403), (FOUNDRY, 400)])
def test_a_passed_hosts_name_in_foundrys_tunnel_passes_nothing_unread(
    explicit: RunningSidecar, provider: SimulatedProvider, certificates: Path, host: str, status: int
) -> None:
    """mitmproxy would pass on unread what names a passed host in its handshake; here it goes through the gates."""
    dialled = provider.dialled
    with connected(explicit) as connection:
        assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
        assert through_tls(connection, certificates, PASSED, request_bytes(host=host)).status == status
    assert provider.dialled == dialled


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedProvider]:
    """Any TLS server that is not ours. DNS alone is played: the passed host's name leads to it."""
    with SimulatedProvider() as running:

        async def leads_here(_host: str, _port: int) -> tuple[str, int]:
            return "127.0.0.1", running.port

        monkeypatch.setattr("addons.exchange.tunnel.resolve", leads_here)
        yield running


def ask_unread(sidecar: RunningSidecar, elsewhere: SimulatedProvider) -> Reply:
    with connected(sidecar) as connection:
        assert open_tunnel(connection, f"{PASSED}:443") == 200
        context = ssl.create_default_context(cafile=str(elsewhere.ca_file))
        context.check_hostname = False
        with context.wrap_socket(connection, server_hostname=PASSED) as encrypted:
            encrypted.sendall(request_bytes(host=PASSED, target="/v1/responses"))
            return read_reply(encrypted)


def test_a_listed_host_is_tunnelled_unread(
    explicit: RunningSidecar, elsewhere: SimulatedProvider, records: Records
) -> None:
    assert ask_unread(explicit, elsewhere).status == 200
    (seen,) = elsewhere.calls
    assert {name.lower() for name, _ in seen.headers} >= {"authorization"}  # as the app sent it
    assert records.of("call") == []


@pytest.mark.usefixtures("records")
def test_of_an_unread_tunnel_nothing_is_shown(make_settings: SettingsMaker, elsewhere: SimulatedProvider) -> None:
    listen, watcher = {"proxy": f"{LISTENS_ON}:0", "passthrough_hosts": [PASSED]}, Watcher()
    with RunningSidecar(make_settings(listen=listen), inspect=True, view=watcher) as sidecar:
        assert ask_unread(sidecar, elsewhere).status == 200
        assert post(sidecar.port).status == 200
        shown = sidecar.on_loop(lambda: list(watcher))
    assert [type(flow).__name__ for flow in shown] == ["HTTPFlow"], "the call alone"


def test_a_listed_name_that_leads_home_is_not_dialled(
    make_settings: SettingsMaker, records: Records, names: None
) -> None:
    with SimulatedProvider() as elsewhere:
        authority = f"home.palantirfoundry.invalid:{elsewhere.port}"
        settings = make_settings(listen={"proxy": f"{LISTENS_ON}:0", "passthrough_hosts": [authority]})
        with RunningSidecar(settings) as sidecar, connected(sidecar) as connection:
            assert open_tunnel(connection, authority) == 403
        assert elsewhere.dialled == 0


@by_fault
@pytest.mark.parametrize("make", [raising, raising_later])
def test_a_fault_on_connect_opens_no_tunnel(
    make: Callable[[BaseException], Any],
    fault: BaseException,
    explicit: RunningSidecar,
    provider: SimulatedProvider,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("addons.exchange.tunnel.resolve", make(fault))
    dialled = provider.dialled
    with connected(explicit) as connection:
        assert open_tunnel(connection, f"{PASSED}:443") == 500
        assert drained(connection)
    assert provider.dialled == dialled
    assert records.of("fault")


@by_fault
@pytest.mark.parametrize("step", ["caller_connection.CallerConnection.open_tunnel", "socket_wire.SocketWire.go_on"])
@pytest.mark.parametrize("host", [FOUNDRY, PASSED])
def test_a_fault_behind_the_answer_opens_no_tunnel_either(
    host: str,
    step: str,
    fault: BaseException,
    explicit: RunningSidecar,
    far: socket.socket,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the caller sends goes nowhere, and no second answer is taken for the far end's."""
    monkeypatch.setattr(f"addons.exchange.{step}", raising(fault))
    with connected(explicit) as connection:
        assert open_tunnel(connection, f"{host}:443") == 200
        answer = b""
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"hello")
            answer = connection.recv(1)
        assert answer == b""
        eventually(lambda: not explicit.part("sidecar-listener").callers)
    far.setblocking(False)
    with pytest.raises(BlockingIOError):
        far.accept()
    assert [record["exc_info"] for record in records.of("fault")][:1] == [fault]


def drained(connection: socket.socket) -> bool:
    """Whether the connection ends, once everything is read."""
    while connection.recv(65536):
        pass
    return True


def test_what_comes_early_goes_into_the_tunnel(
    explicit: RunningSidecar, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the name is looked up, which the caller does not wait for."""
    with SimulatedProvider() as elsewhere:

        async def leads_here(_host: str, _port: int) -> tuple[str, int]:
            await asyncio.sleep(0.1)
            return "127.0.0.1", elsewhere.port

        monkeypatch.setattr("addons.exchange.tunnel.resolve", leads_here)
        context = ssl.create_default_context(cafile=str(elsewhere.ca_file))
        context.check_hostname = False
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname=PASSED)
        with contextlib.suppress(ssl.SSLWantReadError):
            session.do_handshake()
        hello = outgoing.read()
        with connected(explicit) as connection:
            connection.sendall(f"CONNECT {PASSED}:443 HTTP/1.1\r\nHost: {PASSED}\r\n\r\n".encode() + hello[:50])
            connection.sendall(hello[50:])
            answer = b""
            while b"\r\n\r\n\x16\x03\x03" not in answer:
                piece = connection.recv(65536)
                assert piece, answer
                answer += piece
        assert answer.startswith(b"HTTP/1.1 200")


def test_there_is_no_tunnel_within_a_tunnel(
    explicit: RunningSidecar, provider: SimulatedProvider, certificates: Path
) -> None:
    dialled = provider.dialled
    connect = f"CONNECT {FOUNDRY}:443 HTTP/1.1\r\nHost: {FOUNDRY}\r\n\r\n".encode()
    with connected(explicit) as connection:
        assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
        assert through_tls(connection, certificates, FOUNDRY, connect).status in {404, 405}
    assert provider.dialled == dialled
