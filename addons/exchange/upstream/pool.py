"""Connections to providers, shared by all callers."""

from collections.abc import Callable

from addons.exchange.upstream.connection import UpstreamConnection
from addons.exchange.upstream.destination import Destination


class UpstreamPool:
    """At most ``most`` connections a destination, idle ones kept for ``idle_seconds``.

    A call waits up to ``wait_seconds`` for one to come free.
    """

    def __init__(self, *, idle_seconds: float, most: int, wait_seconds: float) -> None: ...

    async def connect(self, destination: Destination) -> UpstreamConnection:
        """A kept connection, or a new one whose server is verified. The caller sets the deadline by cancelling.

        Raises:
            UpstreamFailure: UNREACHABLE or NO_CONNECTION_FREE.
        """
        raise NotImplementedError

    def forget(self, still_wanted: Callable[[Destination], bool]) -> None:
        """Closes idle connections of other destinations now, and busy ones when their answer has ended."""
        raise NotImplementedError

    async def close(self) -> None:
        """Ends all connections."""
        raise NotImplementedError

    @property
    def idle(self) -> int:
        raise NotImplementedError

    @property
    def busy(self) -> int:
        raise NotImplementedError
