"""Large bodies through a real proxy: the same bytes, in fewer pieces."""

import json

import pytest
from mitmproxy.connection import Client
from mitmproxy.proxy import events
from mitmproxy.proxy.server import ConnectionHandler

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records

STOCK = 65_535  # bytes mitmproxy takes at a time
TEXT = "spoken " * 600_000
DELTAS = 2_000


@pytest.mark.parametrize("lean", [True, False])
def test_all_that_has_come_is_taken_at_once(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
    lean: bool,
) -> None:
    taken: list[int] = []  # from the caller
    stock = ConnectionHandler.server_event

    async def watched(handler: ConnectionHandler, event: events.Event) -> None:
        if isinstance(event, events.DataReceived) and isinstance(event.connection, Client):
            taken.append(len(event.data))
        await stock(handler, event)

    monkeypatch.setattr(ConnectionHandler, "server_event", watched)
    asked = {**HELLO, "input": TEXT, "stream": True, "metadata": {"simulate": f"events={DELTAS}"}}
    with RunningSidecar(make_settings(mitmproxy={"lean": lean})) as sidecar:
        reply = post(sidecar.port, asked)
        records.wait()
    assert json.loads(provider.calls[0].body)["input"] == TEXT
    assert reply.body.count(b"event: response.output_text.delta\n") == DELTAS
    assert sum(taken) > len(TEXT)
    assert (max(taken) > STOCK) == lean
