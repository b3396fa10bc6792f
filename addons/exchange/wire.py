"""A caller's side of a connection: where its bytes go, who it is, and a tunnel that it opened."""

from typing import Literal, NamedTuple, Protocol

from addons.call import ByHand
from addons.exchange.ending import Ending


class Wire(Protocol):
    """Where a caller's bytes go out, through whatever TLS lies between."""

    @property
    def unsent(self) -> int:
        """Bytes that the socket has not taken yet."""

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None:
        """Returns once the socket has taken everything; raises OSError where the connection is lost."""

    def end(self) -> None:
        """Ends writing; reading goes on."""

    def close(self) -> None:
        """Closes once everything written is taken."""

    def abort(self) -> None:
        """Closes now, and leaves nothing in the kernel."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def hung_up(self) -> bool:
        """Whether the caller has ended the connection, though what it sent before is not read yet."""

    def is_quiet(self) -> bool:
        """Whether nothing has passed for a while, either way."""

    def go_on(self) -> None:
        """Has whoever feeds the connection look at ``tunnel``."""


class OpenedTunnel(NamedTuple):
    """A tunnel that was granted.

    ``address`` is where an unread one leads; None: to Foundry, and it is read.
    """

    host: str
    port: int
    address: tuple[str, int] | None


class Peer(NamedTuple):
    """Who is at the other end, as far as the connection itself tells."""

    address: str
    listener: Literal["reverse", "proxy"]
    encrypted: bool = False
    server_name: str | None = None  # TLS SNI
    client_identity: str | None = None  # of the verified certificate it showed; "": it names nobody
    by_hand: tuple[ByHand, ...] = ()  # what a person who looks on has to do with its calls


class Served(Protocol):
    """One exchange under way."""

    def start(self) -> None: ...

    def end(self, ending: Ending) -> None:
        """Has it end for this reason; it still answers what can be answered, and is recorded."""
