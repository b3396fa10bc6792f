"""What was judged, sealed: a connection that the sidecar opens carries those bytes to that place, or nothing.

The last barrier before the wire. Whatever happens to a flow between the verdict and the sending (an edit in
mitmweb, another script, a fault) shows here as a difference, and then not a byte goes out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import structlog
from mitmproxy import http

from addons.call import Call
from addons.foundry.refusals import Refusal

BEARER: Final = b"\r\nAuthorization: Bearer "

_log = structlog.get_logger("sidecar.sealed")


class Place(NamedTuple):
    """An address, and the name its certificate must bear."""

    address: tuple[str, int] | None
    name: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Seal:
    """One judged request, as the flow holds it: ``head`` with a stand-in for the credentials, and ``body``.

    ``wire`` is what is encrypted in the place of ``head``: the credentials in it, and behind it what the flow holds
    no body for.
    """

    call: Call
    flow: http.HTTPFlow
    place: Place
    head: bytes
    body: bytes = field(repr=False)
    wire: bytes = field(repr=False)

    def fits(self, head: bytes, place: Place) -> bool:
        """Whether this head, and the body that waits behind it, are what was judged for this place."""
        return head == self.head and place == self.place and (self.flow.request.raw_content or b"") == self.body


class SealedConnection:
    """A pyOpenSSL connection to ``place`` that encrypts sealed requests alone, and puts the credentials in meanwhile.

    ``take`` gives the seal of a stand-in, once; ``cut`` closes the connection.
    """

    def __init__(self, inner: Any, place: Place, take: Callable[[bytes], Seal | None], cut: Callable[[], None]) -> None:
        self._inner = inner
        self._place = place
        self._take = take
        self._cut = cut
        self._body = b""  # what must come next; empty: a new head
        self._broken = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def sendall(self, data: bytes, flags: int = 0) -> int:
        """Called by mitmproxy with a whole head, then with a whole body."""
        if self._broken:
            return len(data)
        if self._body:
            body, self._body = self._body, b""
            return int(self._inner.sendall(data, flags)) if data == body else self._refuse(data, None)
        word, _, _ = data.partition(BEARER)[2].partition(b"\r\n")
        seal = self._take(word)
        if seal is None or not seal.fits(data, self._place):
            return self._refuse(data, seal)
        self._body = seal.body
        return int(self._inner.sendall(seal.wire, flags))

    def _refuse(self, data: bytes, seal: Seal | None) -> int:
        self._broken = True
        if seal is not None:
            seal.call.refusal = Refusal("fault", "The request was changed after it was judged, so it was not sent.")
            seal.call.released_at = None
        _log.error("unjudged_bytes_held_back", length=len(data), address=str(self._place.address))
        self._cut()
        return len(data)
