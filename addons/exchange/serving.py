"""From settings to callers' connections: what is shared by all of them."""

from functools import partial

from addons.exchange.answers import refusal_bytes
from addons.exchange.caller_connection import CallerConnection, Clocks, Peer, Served, Wire
from addons.exchange.exchange import Exchange
from addons.exchange.request import BodyBounds, Request
from addons.exchange.services import Services
from addons.exchange.tunnel import Tunnel, Tunnels


class Serving:
    """Makes the connection of a caller that has come, and the exchange of each of its requests."""

    def __init__(self, services: Services, tunnels: Tunnels, bounds: BodyBounds, clocks: Clocks) -> None:
        self._services = services
        self._tunnels = tunnels
        self._bounds = bounds
        self._clocks = clocks
        self._refuse = partial(refusal_bytes, error_format=services.error_format, close=True)

    def connect(self, wire: Wire, peer: Peer) -> CallerConnection:
        return CallerConnection(wire, peer, self._serve, self._refuse, self._bounds, self._clocks)

    def _serve(self, caller: CallerConnection, request: Request) -> Served:
        if request.method == "CONNECT" and caller.peer.listener == "proxy":
            return Tunnel(self._tunnels, caller, request)
        return Exchange(self._services, caller, request)
