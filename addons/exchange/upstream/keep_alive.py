"""TCP keep-alive: how the kernel notices a peer that is silently gone."""

import socket
from asyncio.trsock import TransportSocket
from typing import Final

KEEP_ALIVE: Final = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 60),  # seconds of silence before the first probe
    (socket.IPPROTO_TCP, "TCP_KEEPALIVE", 60),  # the same on macOS
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 15),  # seconds between probes
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 4),  # unanswered probes after which the connection is gone
)
"""Below what load balancers cut idle connections at (350 s at the tightest): a reasoning model thinks for minutes."""


def keep_alive(own: socket.socket | TransportSocket) -> None:
    """Has the kernel ask a silent peer whether it is still there."""
    for level, option, value in KEEP_ALIVE:
        if hasattr(socket, option):
            own.setsockopt(level, getattr(socket, option), value)
