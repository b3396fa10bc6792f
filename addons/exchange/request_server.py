"""Serves the requests of all callers' connections."""

from addons.exchange.answer_bytes import refusal_bytes
from addons.exchange.caller_connection import CallerConnection
from addons.exchange.connection_timer import ConnectionTimeouts
from addons.exchange.exchange import Exchange
from addons.exchange.request import BodyBounds, Request
from addons.exchange.services import Services
from addons.exchange.tunnel import Tunnel, Tunnels
from addons.exchange.wire import Peer, Served, Wire
from addons.foundry.refusals import Refusal


class RequestServer:
    """Serves the requests of all connections: each has an exchange of its own, or opens a tunnel."""

    def __init__(self, services: Services, tunnels: Tunnels, bounds: BodyBounds, timeouts: ConnectionTimeouts) -> None:
        self._services = services
        self._tunnels = tunnels
        self.bounds = bounds
        self.timeouts = timeouts

    def connect(self, wire: Wire, peer: Peer) -> CallerConnection:
        """The connection of a caller that has come."""
        return CallerConnection(wire, peer, self)

    def serve(self, caller: CallerConnection, request: Request) -> Served:
        if request.method == "CONNECT" and caller.peer.listener == "proxy" and not caller.in_tunnel:
            return Tunnel(self._tunnels, caller, request)
        try:
            return Exchange(self._services, caller, request)
        except BaseException:
            request.body.drop()  # nobody else knows of it any more
            raise

    def refuse(self, refusal: Refusal) -> bytes:
        return refusal_bytes(refusal, self._services.error_format, close=True)
