"""Addon: callers' TLS certificates on the reverse port, verified before anything else is said.

mitmproxy's own ``request_client_cert`` asks for a certificate and takes any: its verify callback (net/tls.py,
``accept_all``) accepts whatever comes, and the store it would be checked against holds the listener's own chain. So
the ``tls_start_client`` hook puts a connection of our own context in its hook data, as the hook is meant to be used:
OpenSSL checks chain, dates and purpose against ``trusted_ca`` alone, and a certificate that fails ends the handshake.

What follows: a certificate in ``client.certificate_list`` was verified here, since nothing else asks for one
(``request_client_cert`` stays off). Should this hook fail, mitmproxy's own connection takes its place: it asks for no
certificate, and its caller is nobody.

A connection proves its caller once, and may live for days. So it is closed, once its call under way is over, when its
certificate has expired, or an authority was removed since.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from mitmproxy import connection
from mitmproxy.proxy import mode_specs
from mitmproxy.tls import TlsData
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags

from addons.sources.fault import Fault
from addons.sources.watched_file import stamp
from addons.values.small_file import FileError, as_file_error, read_small
from addons.verifiers.certificate_identity import identity

LOOK_EVERY: Final = 1.0  # seconds

_HTTP: Final = b"http/1.1"


class _Trust(NamedTuple):
    """The context that asks callers for certificates, and fingerprints of the authorities that it trusts."""

    context: SSL.Context
    trusted: frozenset[bytes]


class _Proof(NamedTuple):
    """A certificate that proves a connection's caller: until a Unix time, while these authorities are trusted."""

    until: float
    trusted: frozenset[bytes]


class ClientCertificates:
    """
    Args:
        certificate: PEM, what the reverse port shows: leaf first.
        key: PEM, its private key.
        trusted_ca: PEM, what callers' certificates must chain to.
        required: whether a caller without a certificate is refused in the handshake.
        fault: goes wrong while a file is bad.
        close_after_call: has a connection, by its client's id, serve no further call.
        clock: Unix time in seconds.

    Raises:
        FileError: a file can't be used.
    """

    name = "sidecar-client-certificates"

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        certificate: Path,
        key: Path,
        trusted_ca: Path,
        *,
        required: bool,
        fault: Fault,
        close_after_call: Callable[[str], object] = lambda _client: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._files = (certificate, key, trusted_ca)
        self._required = required
        self._fault = fault
        self._close_after_call = close_after_call
        self._clock = clock
        self._proofs: dict[str, _Proof] = {}  # by the client's id
        self._task: asyncio.Task[None] | None = None  # until all of mitmproxy runs, which may never be
        self._seen = self._look()
        self._trust = self._made()

    def running(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def done(self) -> None:
        if self._task:
            self._task.cancel()

    async def tls_start_client(self, data: TlsData) -> None:
        if not isinstance(data.context.client.proxy_mode, mode_specs.ReverseMode):
            return  # a tunnel's inner TLS, with a certificate of the sidecar's own authority
        trust = await asyncio.to_thread(self._current)
        self._proofs[data.context.client.id] = _Proof(float("inf"), trust.trusted)
        data.ssl_conn = SSL.Connection(trust.context)
        data.ssl_conn.set_accept_state()

    def tls_established_client(self, data: TlsData) -> None:
        client = data.context.client
        if (proof := self._proofs.pop(client.id, None)) and client.certificate_list:
            ends = client.certificate_list[0].to_cryptography().not_valid_after_utc
            self._proofs[client.id] = proof._replace(until=ends.timestamp())

    def client_disconnected(self, client: connection.Client) -> None:
        self._proofs.pop(client.id, None)

    async def _watch(self) -> None:
        while True:
            trusted, now = (await asyncio.to_thread(self._current)).trusted, self._clock()
            for client, proof in tuple(self._proofs.items()):
                if proof.until <= now or not proof.trusted <= trusted:
                    del self._proofs[client]
                    self._close_after_call(client)
            await asyncio.sleep(LOOK_EVERY)

    def _current(self) -> _Trust:
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            try:
                self._trust = self._made()
            except FileError as error:
                self._fault.wrong(f"{error}; what the files said before stays in force")
            else:
                self._fault.right()
        return self._trust

    def _made(self) -> _Trust:
        with as_file_error(self._files[0]):
            return _context(*self._files, required=self._required)

    def _look(self) -> tuple[object, ...]:
        return tuple(stamp(file) for file in self._files)


def client_identity(client: connection.Client) -> str | None:
    """The name in a connection's verified certificate. None: there is no certificate; ``""``: it names nobody."""
    if not isinstance(client.proxy_mode, mode_specs.ReverseMode) or not client.certificate_list:
        return None
    return identity(client.certificate_list[0].to_cryptography())


def _context(certificate: Path, key: Path, trusted_ca: Path, *, required: bool) -> _Trust:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    # A resumed session brings no certificate that could be looked at again, so there are none.
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    leaf, *chain = _certificates(certificate)
    context.use_certificate(leaf)
    for issuer in chain:
        context.add_extra_chain_cert(issuer)
    content = read_small(key)
    try:
        context.use_privatekey(_private(load_pem_private_key(content, None)))
        context.check_privatekey()
    except (TypeError, ValueError, SSL.Error) as error:
        raise FileError(f"{key}: is not the private key, unencrypted, of {certificate}") from error
    store = context.get_cert_store()
    assert store is not None, "a context has a store from the beginning"
    store.set_flags(X509StoreFlags.PARTIAL_CHAIN)  # an authority may be one that another signed, as with SPIFFE
    authorities = _certificates(trusted_ca)
    for authority in authorities:
        store.add_cert(X509.from_cryptography(authority))
        context.add_client_ca(authority)
    context.set_verify(SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if required else 0))
    context.set_alpn_select_callback(lambda _, offered: _HTTP if _HTTP in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
    return _Trust(context, frozenset(authority.fingerprint(SHA256()) for authority in authorities))


def _private(key: object) -> RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey:
    if isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
        return key
    raise TypeError("no key that signs in TLS")


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(read_small(file))
    except ValueError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{file}: holds no certificates in PEM that can be read: {error}") from error
