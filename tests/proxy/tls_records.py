"""TLS records written by hand behind a real handshake: what no TLS library says, however it is asked.

The keys come from the log that OpenSSL writes of them (``SSLContext.keylog_filename``).
"""

import re
import ssl
import struct
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tests.proxy.tls_provider import Talk

ALERT: Final = 21
HANDSHAKE: Final = 22
PAYLOAD: Final = 23

CLOSE_NOTIFY: Final = b"\x01\x00"
NO_RENEGOTIATION: Final = b"\x01\x64"
USER_CANCELED: Final = b"\x01\x5a"
INTERNAL_ERROR: Final = b"\x02\x50"

HELLO_REQUEST: Final = b"\x00\x00\x00\x00"
KEY_UPDATE: Final = b"\x18\x00\x00\x01\x00"
KEY_UPDATE_REQUESTED: Final = b"\x18\x00\x00\x01\x01"
TICKET: Final = b"\x04\x00\x00\x15" + struct.pack("!IIB", 7200, 0, 0) + b"\x00\x08a-ticket\x00\x00"
CERTIFICATE_REQUEST: Final = b"\x0d\x00\x00\x0f\x04ctx1\x00\x08\x00\x0d\x00\x04\x00\x02\x04\x03"

_CIPHERS: Final = "ECDHE-ECDSA-AES128-GCM-SHA256"  # of TLS 1.2; 1.3 takes its own first one, AES-256-GCM
_RANDOM: Final = slice(11, 43)  # of the first flight of either side


class ServerRecords(Protocol):
    """The server's side of a connection, from its first record behind the handshake on."""

    def sealed(self, kind: int, content: bytes) -> bytes:
        """One record."""

    def update(self) -> None:
        """The next record has new keys."""


def log_keys(context: ssl.SSLContext, directory: Path) -> ssl.SSLContext:
    """A context whose connections ``records_behind`` can be made of."""
    context.keylog_filename = str(directory / "keys")
    context.num_tickets = 0
    context.set_ciphers(_CIPHERS)
    return context


def records_behind(talk: Talk, context: ssl.SSLContext) -> ServerRecords:
    """Behind the handshake, before anything else was said."""
    new = talk.tls.version() == "TLSv1.3"
    label = "SERVER_TRAFFIC_SECRET_0" if new else "CLIENT_RANDOM"
    log = Path(str(context.keylog_filename)).read_text()
    found = re.search(rf"^{label} {talk.first_read[_RANDOM].hex()} (\w+)$", log, re.MULTILINE)
    assert found
    secret = bytes.fromhex(found[1])
    return New(secret) if new else Old(secret, talk.first_read[_RANDOM], talk.first_said[_RANDOM])


class New:
    """TLS 1.3 (RFC 8446 §5.2, §7)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._begin()

    def _begin(self) -> None:
        self._number = 0
        self._cipher = AESGCM(self._expanded(b"key", 32))
        self._iv = int.from_bytes(self._expanded(b"iv", 12))

    def _expanded(self, label: bytes, size: int) -> bytes:
        label = b"tls13 " + label
        info = struct.pack("!HB", size, len(label)) + label + b"\x00"
        return HKDFExpand(hashes.SHA384(), size, info).derive(self._secret)

    def update(self) -> None:
        self._secret = self._expanded(b"traffic upd", 48)
        self._begin()

    def sealed(self, kind: int, content: bytes) -> bytes:
        head = struct.pack("!BHH", PAYLOAD, 0x303, len(content) + 1 + 16)
        nonce = (self._iv ^ self._number).to_bytes(12)
        self._number += 1
        return head + self._cipher.encrypt(nonce, content + bytes([kind]), head)


class Old:
    """TLS 1.2 (RFC 5246 §6.2.3.3, RFC 5288)."""

    def __init__(self, secret: bytes, of_client: bytes, of_server: bytes) -> None:
        block = _prf(secret, b"key expansion" + of_server + of_client, 2 * 16 + 2 * 4)
        self._cipher, self._salt = AESGCM(block[16:32]), block[36:40]
        self._number = 1  # Finished was 0

    def update(self) -> None:
        raise NotImplementedError("TLS 1.2 has none")

    def sealed(self, kind: int, content: bytes) -> bytes:
        number = struct.pack("!Q", self._number)
        self._number += 1
        about = number + struct.pack("!BHH", kind, 0x303, len(content))
        sealed = number + self._cipher.encrypt(self._salt + number, content, about)
        return struct.pack("!BHH", kind, 0x303, len(sealed)) + sealed


def _prf(secret: bytes, seed: bytes, size: int) -> bytes:
    def digest(data: bytes) -> bytes:
        made = hmac.HMAC(secret, hashes.SHA256())
        made.update(data)
        return made.finalize()

    made, step = b"", seed
    while len(made) < size:
        step = digest(step)
        made += digest(step + seed)
    return made[:size]
