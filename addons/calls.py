"""Which Call belongs to which flow."""

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from mitmproxy.connection import Client
from mitmproxy.http import HTTPFlow

from addons.call import Call


class Calls:
    """One Call a flow, and the flow a client connection is busy with.

    HTTP/1 alone is spoken (``lockdown``), so a client connection has one flow at a time.
    """

    def __init__(self) -> None:
        self._by_flow: WeakKeyDictionary[HTTPFlow, Call] = WeakKeyDictionary()
        self._open: dict[str, tuple[HTTPFlow, Call]] = {}

    def open(self, flow: HTTPFlow, call: Call) -> None:
        self._by_flow[flow] = call
        self._open[flow.client_conn.id] = (flow, call)

    def of(self, flow: HTTPFlow) -> Call | None:
        return self._by_flow.get(flow)

    def current(self, client: Client) -> tuple[HTTPFlow, Call] | None:
        """The exchange that is under way on this client connection."""
        return self._open.get(client.id)

    def close(self, flow: HTTPFlow) -> None:
        known = self._open.get(flow.client_conn.id)
        if known and known[0] is flow:
            del self._open[flow.client_conn.id]

    def open_calls(self) -> Iterator[tuple[HTTPFlow, Call]]:
        yield from tuple(self._open.values())
