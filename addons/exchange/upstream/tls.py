"""TLS as a function of bytes: asyncio's own costs a third more for each event of a stream."""

import contextlib
import ssl
from typing import Final

from addons.exchange.upstream.destination import Destination

_RECORD: Final = 16 * 1024  # the most payload that a TLS record holds, so that one read empties it


class TlsSession:
    """Ciphertext in, payload out, and the other way round."""

    __slots__ = ("_incoming", "_object", "_outgoing", "ended", "fault")

    def __init__(self, destination: Destination) -> None:
        """Raises ValueError: the destination's name can't stand in a certificate."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = destination.trust.context
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=destination.name)
        self.ended = False  # whether the peer has said close_notify
        self.fault = ""  # why nothing more can be read

    def shake_hands(self, data: bytes) -> bool:
        """Takes a further part of the handshake, at first none. Whether it is done, the server verified.

        Raises:
            ssl.SSLError: it failed.
        """
        self._incoming.write(data)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def decrypt(self, data: bytes) -> bytes:
        """The payload that these bytes complete, up to an end or a fault."""
        self._incoming.write(data)
        payload: list[bytes] = []
        while self._incoming.pending:
            try:
                record = self._object.read(_RECORD)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                self.fault = f"TLS: {error.reason or 'broken'}"
                break
            if not record:
                self.ended = True
                break
            payload.append(record)
        return payload[0] if len(payload) == 1 else b"".join(payload)

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """What is to be sent for this payload."""
        self._object.write(data)
        return self._outgoing.read()

    def to_send(self) -> bytes:
        """What TLS itself has to say: its part of the handshake, answers to the peer's messages, alerts."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def close_notify(self) -> bytes:
        """What tells the peer that no more will come."""
        with contextlib.suppress(ssl.SSLError):  # the peer's own is not waited for
            self._object.unwrap()
        return self._outgoing.read()
