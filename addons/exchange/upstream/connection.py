"""One request and its answer on a provider's connection."""

from collections.abc import Sequence

from addons.exchange.upstream.answer import AnswerReceiver


class UpstreamConnection:
    """A verified connection, for one request. It goes back into the pool by itself."""

    @property
    def address(self) -> tuple[str, int]:
        """What was really connected to: the egress proxy where there is one."""
        raise NotImplementedError

    @property
    def tls_version(self) -> str:
        raise NotImplementedError

    @property
    def cipher(self) -> str:
        raise NotImplementedError

    @property
    def unsent(self) -> int:
        """Bytes of the request that the socket has not yet taken."""
        raise NotImplementedError

    def send(self, request: Sequence[bytes], receiver: AnswerReceiver, *, answer_has_body: bool = True) -> None:
        """Sends head and body, and tells ``receiver`` of the answer. Once.

        ``answer_has_body``: False for HEAD.
        """
        raise NotImplementedError

    async def drain(self) -> None:
        """Returns when the socket has taken all of the request, or the exchange is over."""
        raise NotImplementedError

    def pause(self) -> None:
        """Stops reading."""
        raise NotImplementedError

    def resume(self) -> None:
        raise NotImplementedError

    def abort(self) -> None:
        """Cuts the exchange; nothing more is told. Does nothing when it is over."""
        raise NotImplementedError
