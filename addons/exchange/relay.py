"""An answer on its way back: how it is framed, and what is read of it meanwhile.

Told of the answer piece by piece (``AnswerReceiver``), it writes what passes to the caller at once; what does not
pass (an error, a page from something in between) is kept, within bounds, for the exchange to speak of. Payload bytes
pass unchanged.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from addons.bodies.answer_stream import AnswerStream
from addons.bodies.json_answer import JsonAnswer
from addons.call import Call, Outcome
from addons.exchange import answer_bytes
from addons.exchange.answer_fields import Passing, passing_fields, passing_of
from addons.exchange.upstream.failure import UpstreamFailure

MOST_KEPT: Final = 1024 * 1024
"""Bytes of an answer that does not pass; enough for any error object."""


class Watch(NamedTuple):
    """For whoever looks on: that a head has come, and each piece of payload as it came."""

    begins: Callable[[], object]
    piece: Callable[[bytes], object]


class Relay:
    """Takes one answer from the provider's connection and writes it to the caller's.

    ``write`` takes bytes for the caller. ``asked`` is the method and the HTTP version of its own request, by which it
    reads the answer. ``more_fields`` gives those that the sidecar adds to an answer that passes, by how it is framed.
    ``quotes_credential`` tells of a text whether it holds what the call left with.
    """

    def __init__(  # noqa: PLR0913 - one parameter a part it works with
        self,
        call: Call,
        write: Callable[[bytes], None],
        *,
        asked: tuple[str, str],
        more_fields: Callable[[answer_bytes.Framing], Iterable[tuple[bytes, bytes]]],
        quotes_credential: Callable[[bytes], bool],
        watch: Watch | None = None,
    ) -> None:
        self._call = call
        self._write = write
        self._method, self._version = asked
        self._more_fields = more_fields
        self._quotes_credential = quotes_credential
        self._watch = watch
        self.passing: Passing | None = None  # None: no head has come
        self.fields: answer_bytes.Fields = ()  # the provider's
        self.outgoing: answer_bytes.Fields = ()  # those of an answer that passes, as the caller gets them
        self.error_event = b""  # what a stream was ended with that broke off
        self.kept = bytearray()  # of an answer that does not pass
        self.overflowed = False  # more came than is kept
        self.failure: BaseException | None = None  # of the other side, or a fault of our own
        self.over = False
        self.framing_ended = False  # the caller knows by the framing that it has everything
        self._framing: answer_bytes.Framing = "close"
        self._out: list[bytes] = []  # payload that leaves with this read
        self._head = b""
        self._stream: AnswerStream | None = None  # of an answer that passes as events
        self._document: JsonAnswer | None = None  # of one that passes as JSON
        self._changed: asyncio.Future[None] | None = None

    @property
    def begun(self) -> bool:
        """Whether the caller has got the head of an answer."""
        return self.passing not in {None, "kept"}

    @property
    def finished(self) -> bool:
        """Whether the last event of a stream has come; what comes after it, or does not, changes nothing."""
        return self._stream is not None and self._stream.finished

    # told by the provider's connection

    def head(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        try:
            self._head_came(status, headers)
        except BaseException as error:  # noqa: BLE001 - the exchange raises it, where it ends the call as a fault
            self._fault(error)

    def data(self, payload: bytes) -> None:
        if self.over:
            return
        try:
            self._payload_came(payload)
        except BaseException as error:  # noqa: BLE001 - the exchange raises it, where it ends the call as a fault
            self._fault(error)

    def read_ended(self) -> None:
        if self.over:
            return
        try:
            self._call.last_activity = time.monotonic()
            if self._out or self._head:
                self._flush()
        except BaseException as error:  # noqa: BLE001 - the exchange raises it, where it ends the call as a fault
            self._fault(error)

    def ended(self, failure: UpstreamFailure | None) -> None:
        self.failure = self.failure or failure
        self.over = True
        self._wake()

    def _fault(self, error: BaseException) -> None:
        self.failure = error
        self.over = True
        self._wake()

    def _head_came(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        answer, fields = self._call.answer, {name.lower(): value.strip() for name, value in headers}
        answer.status = status
        answer.first_byte_at = self._call.last_activity = time.monotonic()
        self.fields = headers
        self.passing = passing_of(self._call, status, fields)
        answer.streamed = self.passing == "events"
        if (api := self._call.api) is not None:
            if self.passing == "events" and api.stream is not None:
                self._stream = api.stream(self._call.document)
            elif self.passing == "json":
                self._document = JsonAnswer(api.answer)
        if self.passing != "kept":
            known_length = self.passing != "events" and b"content-length" in fields
            self._framing = answer_bytes.framing_of(
                status, version=self._version, method=self._method, length=known_length
            )
            self.outgoing = tuple(self._outgoing())
            self._head = answer_bytes.head(status, self.outgoing)
            self._call.status = status
        if self._watch is not None:
            self._watch.begins()

    def _payload_came(self, payload: bytes) -> None:
        if self._watch is not None:
            self._watch.piece(payload)
        if self._stream is not None:
            if passed := self._stream.feed(payload):
                self._out.append(passed)
        elif self._document is not None:
            self._document.feed(payload)
            self._out.append(payload)
        elif self.passing == "unread":
            self._out.append(payload)
        elif len(self.kept) + len(payload) <= MOST_KEPT:
            self.kept += payload
        else:
            self.overflowed = True
            self._wake()

    # used by the exchange

    async def change(self) -> None:
        """Returns when the answer is over, too large to keep, or ``nudge`` was called."""
        self._changed = asyncio.get_running_loop().create_future()
        if not self.over and not self.overflowed:
            await self._changed

    def nudge(self) -> None:
        self._wake()

    def finish(self) -> bool:
        """The answer is complete: bytes that were held back are sent on. False where a stream lacks its last event."""
        if self._stream is not None:
            if held := self._stream.end():
                self._out.append(held)
            if not self._stream.finished:
                return False
        self._flush()
        self._end_framing()
        return True

    def break_off(self, code: str, sentence: str) -> bool:
        """The answer broke off. A stream gets one error event and its proper end; any other stays open, as it is.

        Whether the connection may serve another call.
        """
        if self._stream is not None:
            if event := self._stream.cut(code, sentence):
                self.error_event = event
                self._out.append(event)
            self._flush()
            self._end_framing()
        else:
            self._flush()
        return self.framing_ended

    @property
    def outcome(self) -> Outcome:
        """How a complete answer ended, by its own content."""
        if self._stream is not None:
            return Outcome.PROVIDER_ERROR if self._stream.failed else Outcome.SERVED
        if self._document is not None:
            facts = self._document.facts()
            if facts.failed or not facts.is_result:
                return Outcome.PROVIDER_ERROR
            return Outcome.SERVED if self._document.complete else Outcome.PROVIDER_ERROR  # it is no JSON
        return Outcome.SERVED

    def read_facts(self) -> None:
        """Puts the facts that were read from the answer into the call."""
        if self._stream is not None:
            facts = self._stream.facts
            self._call.answer.facts = replace(facts, unread=True) if self._stream.unread else facts
        elif self._document is not None:
            self._call.answer.facts = self._document.facts()

    def _end_framing(self) -> None:
        if self._framing == "chunked":
            self._write(answer_bytes.LAST_CHUNK)
        self.framing_ended = self._framing != "close"

    def _flush(self) -> None:
        payload = b"".join(self._out)
        self._out.clear()
        head, self._head = self._head, b""
        if payload and self._framing == "chunked":
            payload = answer_bytes.chunk(payload)
        elif self._framing == "none":
            payload = b""
        if head or payload:
            self._write(head + payload)

    def _outgoing(self) -> Iterator[tuple[bytes, bytes]]:
        for name, value in passing_fields(self.fields, self._framing):
            if not (self._quotes_credential(value) or self._quotes_credential(name)):
                yield name, value
        if self._framing == "chunked":
            yield b"Transfer-Encoding", b"chunked"
        yield from self._more_fields(self._framing)

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
