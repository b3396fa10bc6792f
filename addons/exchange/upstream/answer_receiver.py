"""Who is told of an answer while it arrives."""

from collections.abc import Sequence
from typing import Protocol

from addons.exchange.upstream.failure import UpstreamFailure


class AnswerReceiver(Protocol):
    """Told in the order of these methods, on the event loop, while the bytes are being read.

    Each may call the connection's ``pause``, ``resume`` and ``abort``; after ``abort`` nothing more is told.
    One that raises ends the connection: the event loop's exception handler gets the exception.
    """

    def head(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """The final answer's head, 200 to 599; interim answers are skipped. Names are spelled as they came."""

    def data(self, payload: bytes) -> None:
        """Payload, its framing taken off; never empty. One call a read, however many chunks came in it."""

    def read_ended(self) -> None:
        """All that came in one read has been told: the moment to write on what was gathered."""

    def ended(self, failure: UpstreamFailure | None) -> None:
        """Exactly once, after all else. None: the answer is whole, its framing ended exactly."""
