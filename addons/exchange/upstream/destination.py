"""Where a connection leads, and how its server is verified."""

import hashlib
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import certifi

from addons.values.small_file import read_small


class Trust:
    """The authorities that may vouch for a server. Two are equal when their files held the same bytes.

    The certificate must bear the destination's name, and TLS must be 1.2 or newer; HTTP/2 is not offered, and
    renegotiation is refused.

    An authority's certificate need not keep to every form of RFC 5280: Python's own default has been strict about
    that since 3.13, which refuses authorities that networks with TLS inspection use and mitmproxy takes. What is
    checked of the server, signatures, dates and name, is the same.
    """

    def __init__(self, pem: bytes) -> None:
        """Raises ssl.SSLError, ValueError: ``pem`` holds no certificates."""
        self._digest = hashlib.sha256(pem).digest()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the certificate and its name
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.options |= ssl.OP_NO_RENEGOTIATION
        self.context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an intermediate authority may be the one trusted
        self.context.set_alpn_protocols(["http/1.1"])
        self.context.load_verify_locations(cadata=pem.decode("ascii", "ignore"))  # other bytes stand in comments alone

    @classmethod
    def load(cls, file: Path | None) -> "Trust":
        """The authorities in ``file``, as PEM; without one those of certifi.

        Raises:
            ValueError: the file can't be read, or holds no certificates.
        """
        path = file or Path(certifi.where())
        pem = read_small(path)
        try:
            return cls(pem)
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(f"{path} is not a PEM bundle of certificates: {error}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trust) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"Trust({self._digest.hex()[:12]})"


@dataclass(frozen=True, slots=True)
class EgressProxy:
    """An HTTP proxy that the network demands; asked by CONNECT. ``authorization``: value of Proxy-Authorization."""

    host: str
    port: int
    authorization: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Destination:
    """Connections are shared among calls to an equal destination, and with no others.

    ``group`` keeps apart what must not share: a region's name, or "foundry". ``address`` is dialled, or named to
    the proxy. ``name`` is the TLS server name, and the one that the certificate must bear.
    """

    group: str
    address: tuple[str, int]
    name: str
    trust: Trust
    proxy: EgressProxy | None = None
