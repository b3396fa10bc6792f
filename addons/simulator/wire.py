"""One HTTP/1.1 connection from the server's side: h11 judges what comes, a tornado stream carries it.

h11 and not tornado's own HTTP: it keeps header names and the target as they came, and is strict about lengths.
"""

import gzip
import re
import socket
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import h11
from tornado.iostream import IOStream, StreamClosedError

type Headers = Sequence[tuple[str, str]]

_READ: Final = 65536
_ACCEPTED: Final = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[^,]*)?(?:,|$)", re.IGNORECASE)
_CHUNKED: Final = ("Transfer-Encoding", "chunked")
_GZIP: Final = ("Content-Encoding", "gzip")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was on the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]  # in order, with duplicates, names in the case they were sent in
    body: bytes

    def values(self, name: str) -> list[str]:
        """Every value of a header, its name in any case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Peer:
    """The simulated provider's end of one connection.

    As OpenAI's front does, it compresses whole answers and streams for a client that says it takes gzip (RFC 9110
    §12.5.3), and for no other.
    """

    def __init__(self, stream: IOStream) -> None:
        self._stream = stream
        self._takes_gzip = False
        self._gzip: zlib._Compress | None = None  # of the stream under way
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_READ)

    async def request(self) -> Request | None:
        """The next whole request, or None when the client is done or what it sent is not HTTP (then answered 400)."""
        head: h11.Request | None = None
        body = bytearray()
        try:
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    await self._read()
                elif isinstance(event, h11.Request):
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage) and head is not None:
                    headers = [
                        (name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items()
                    ]
                    request = Request(head.method.decode(), head.target.decode("latin-1"), headers, bytes(body))
                    self._takes_gzip = bool(_ACCEPTED.search(",".join(request.values("accept-encoding"))))
                    return request
                else:
                    return None
        except h11.RemoteProtocolError as error:
            if not self._stream.closed() and self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                text = f"Not a request: {error}\n".encode()
                framing = [("Content-Length", str(len(text))), ("Connection", "close")]
                await self.whole(error.error_status_hint, framing, text)
            return None

    async def _read(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[], reason="Continue"))
        try:
            self._http.receive_data(await self._stream.read_bytes(_READ, partial=True))
        except StreamClosedError:
            self._http.receive_data(b"")

    async def head(self, status: int, headers: Headers) -> None:
        """Begin an answer."""
        if self._takes_gzip and _CHUNKED in headers:
            self._gzip = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
            headers = [*headers, _GZIP]
        await self._send(_head(status, headers))

    async def data(self, data: bytes) -> None:
        """Send some of its body, framed as its headers said."""
        if self._gzip:
            data = self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        await self._send(h11.Data(data=data))

    async def end(self) -> None:
        """End it properly."""
        rest = [h11.Data(data=self._gzip.flush())] if self._gzip else []
        self._gzip = None
        await self._send(*rest, h11.EndOfMessage(), last=True)

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer in one write."""
        if self._takes_gzip and body:
            body = gzip.compress(body)
            kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
            headers = [*kept, ("Content-Length", str(len(body))), _GZIP]
        await self._send(_head(status, headers), h11.Data(data=body), h11.EndOfMessage(), last=True)

    async def raw(self, data: bytes) -> None:
        """Send bytes past HTTP."""
        await self._stream.write(data)

    def reset(self) -> None:
        """Close the connection with RST in place of FIN."""
        self._stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def on_close(self, callback: Callable[[], None] | None) -> None:
        """What to call when the client closes, before the end of an answer is written."""
        self._stream.set_close_callback(callback)

    def close(self) -> None:
        """Close the connection, on our own account."""
        self.on_close(None)
        self._stream.close()

    def next(self) -> bool:
        """Make ready for the next request; False when the connection has to be closed instead."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _send(self, *events: h11.Event, last: bool = False) -> None:
        data = b"".join(self._http.send(event) or b"" for event in events)
        written = self._stream.write(data)
        if last:
            # Before the client can see the end of the answer, and close with every right.
            self.on_close(None)
        await written


def _head(status: int, headers: Headers) -> h11.Response:
    return h11.Response(status_code=status, headers=[(name.encode(), value.encode()) for name, value in headers])
