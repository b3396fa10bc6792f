"""The reverse port as TLS callers find it: one protocol, and the name of the handshake is the name that counts."""

import socket
import ssl

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.clients.started import TOKEN, Started
from tests.proxy.client import Reply, read_reply, request_bytes


def send(sidecar: Started, name: str, host: str, offered: list[str] | None = None) -> tuple[str | None, Reply]:
    """What was agreed on by ALPN, and the answer to one call over TLS with this SNI and this Host."""
    context = ssl.create_default_context(cafile=str(sidecar.authority))
    if offered:
        context.set_alpn_protocols(offered)
    request = request_bytes(host=host, headers=[("Authorization", f"Bearer {TOKEN}")])
    with (
        socket.create_connection(("127.0.0.1", sidecar.port), 30) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        connection.sendall(request)
        return connection.selected_alpn_protocol(), read_reply(connection)


@pytest.mark.parametrize(
    ("offered", "agreed"), [(["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), (None, None)]
)
def test_http_1_is_agreed_on(
    sidecar: Started, provider: SimulatedProvider, offered: list[str] | None, agreed: str | None
) -> None:
    selected, reply = send(sidecar, "localhost", "localhost", offered)
    assert (selected, reply.status) == (agreed, 200)
    assert len(provider.calls) == 1


@pytest.mark.parametrize(
    ("name", "host", "status"),
    [
        ("localhost", "localhost:8080", 200),
        ("LOCALHOST", "localhost", 200),
        ("localhost", "LocalHost", 200),
        ("127.0.0.1", "localhost", 200),  # an address is never sent as SNI
        ("localhost", "127.0.0.1", 400),
        ("localhost", "acme.palantirfoundry.com", 400),
        ("acme.palantirfoundry.com", "localhost", 400),
        ("acme.palantirfoundry.com", "acme.palantirfoundry.com", 404),  # agreed, but not served here
    ],
)
def test_the_host_must_be_the_name_of_the_handshake(
    sidecar: Started, provider: SimulatedProvider, name: str, host: str, status: int
) -> None:
    _, reply = send(sidecar, name, host)
    assert reply.status == status
    assert len(provider.calls) == (status == 200)
    if status == 200:  # of callers that nobody knows some records are summed up
        assert sidecar.record()["http.response.status_code"] == status
