"""One request and its answer on a provider's connection."""

import asyncio
from collections.abc import Callable, Sequence

from addons.exchange.upstream.answer_reader import AnswerReader
from addons.exchange.upstream.answer_receiver import AnswerReceiver
from addons.exchange.upstream.failure import UpstreamFailure
from addons.exchange.upstream.tls_connection import TlsConnection


class UpstreamConnection:
    """A verified connection, for one request. It goes back into the pool by itself.

    It is one call's hold on a connection that others will have after it: once the answer has ended, nothing that is
    done to it reaches the connection.
    """

    __slots__ = ("_below", "_free", "_held", "_reader", "_receiver", "_reused", "_told", "_written")

    def __init__(self, below: TlsConnection, free: Callable[[TlsConnection, bool], None]) -> None:
        """``free`` is called once, when the hold ends, with whether the connection is good for another request."""
        self._below = below
        self._free = free
        self._held = True
        self._reused = below.idle_since > 0
        self._reader: AnswerReader | None = None
        self._receiver: AnswerReceiver | None = None
        self._told = False  # whether the receiver has the head
        self._written = False
        below.user = self

    @property
    def reused(self) -> bool:
        """Whether the connection had served another call before this one."""
        return self._reused

    def send(
        self, request: Sequence[bytes | memoryview], receiver: AnswerReceiver, *, answer_has_body: bool = True
    ) -> None:
        """Sends head and body, and tells ``receiver`` of the answer. Once. Where it raises, the connection is gone.

        ``answer_has_body``: False for HEAD.
        """
        assert self._reader is None, "one request a connection"
        self._reader = AnswerReader(answer_has_body=answer_has_body)
        self._receiver = receiver
        if self._held and not self._below.closed:
            self._written = True
            try:
                self._below.write(request)
            except BaseException:
                self.abort()
                raise
        else:
            asyncio.get_running_loop().call_soon(self.lost, "closed")  # not before this call has returned

    def pause(self) -> None:
        """Stops reading."""
        if self._held:
            self._below.pause_reading()

    def resume(self) -> None:
        """Reads again."""
        if self._held:
            self._below.resume_reading()

    def abort(self) -> None:
        """Cuts the exchange; nothing more is told. Does nothing when it is over."""
        self._receiver = None
        self._give_back(reusable=False)

    # -- told by the connection

    def received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:  # before anything was asked
            self._give_back(reusable=False)
            return
        payload = reader.feed(data)
        if reader.status is not None and self._receiver:
            if not self._told:
                self._told = True
                self._receiver.head(reader.status, reader.headers)
            if payload and self._receiver:
                self._receiver.data(payload)
            if self._receiver:
                self._receiver.read_ended()
        if self._receiver and (reader.ended or reader.failure):
            self._over(reader.failure, reusable=reader.reusable)

    def lost(self, detail: str, *, cleanly: bool = False) -> None:
        reader = self._reader
        if reader is None:
            self._give_back(reusable=False)
        elif self._receiver:
            reader.connection_ended(detail, cleanly=cleanly)
            self._over(reader.failure, reusable=False)

    # -- the end

    def _over(self, failure: UpstreamFailure | None, *, reusable: bool) -> None:
        receiver, self._receiver = self._receiver, None
        self._give_back(reusable=reusable and not self._below.unsent)
        if failure is not None:
            failure.written = self._written
        assert receiver is not None
        receiver.ended(failure)

    def _give_back(self, *, reusable: bool) -> None:
        if not self._held:
            return
        self._held = False
        self._below.user = None
        if reusable:
            self._below.resume_reading()
        else:
            self._below.abort()
        self._free(self._below, reusable)
