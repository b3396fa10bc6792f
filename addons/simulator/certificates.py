"""A certificate authority for tests and demonstrations: it signs for loopback names, and nobody else trusts it."""

import datetime as dt
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_DAY: Final = dt.timedelta(days=1)
_VALID: Final = 30 * _DAY


class Authority:
    """The authority kept in a directory as ``ca.pem`` and ``ca-key.pem``; made when it is missing or expired.

    Raises:
        OSError, ValueError: the directory can't be written, or what lies there can't be read.
    """

    def __init__(self, directory: Path) -> None:
        self.file = directory / "ca.pem"
        key_file = directory / "ca-key.pem"
        self._certificate, self._key = _load(self.file, key_file) or _make(self.file, key_file)

    def issue(self, names: Sequence[str], valid: dt.timedelta | None = None) -> tuple[bytes, bytes]:
        """A new server certificate for ``names``, host names or addresses, and its key, both as PEM.

        ``valid`` is from now on, absent the usual time; less than nothing makes an expired one.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder("Simulated provider", self._certificate.subject, key, valid)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(Encoding.PEM), _key_pem(key)

    def server_context(self, names: Sequence[str], valid: dt.timedelta | None = None) -> ssl.SSLContext:
        """A server's TLS context with a new certificate, as ``issue`` makes it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # OpenSSL takes the chain from a file alone; this one is gone when the context is made.
        with tempfile.TemporaryDirectory() as directory:
            chain = Path(directory) / "server.pem"
            _write(chain, b"".join(self.issue(names, valid)))
            context.load_cert_chain(chain)
        return context


def _load(file: Path, key_file: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    if not (file.exists() and key_file.exists()):
        return None
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    key = load_pem_private_key(key_file.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{key_file} holds another kind of key; remove it to have a new authority made")  # noqa: TRY004 - a wrong file, no wrong type
    if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC) + _DAY:
        return None
    return certificate, key


def _make(file: Path, key_file: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder("Simulated provider CA", None, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256())
    file.parent.mkdir(parents=True, exist_ok=True)
    _write(key_file, _key_pem(key))
    _write(file, certificate.public_bytes(Encoding.PEM))
    return certificate, key


def _builder(
    name: str, issuer: x509.Name | None, key: ec.EllipticCurvePrivateKey, valid: dt.timedelta | None = None
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)  # clocks differ
        .not_valid_after(now + (_VALID if valid is None else valid))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes) -> None:
    """Write a file nobody else can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
