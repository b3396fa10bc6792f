"""Reads the public keys that verify tokens, and says which algorithms each may be used with.

The key decides which algorithms are accepted, and the token's header chooses among those. So no token can have a key
used with the wrong algorithm (RFC 8725 §3.1).
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK

from addons.values.small_file import FileError, read_text

type PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_SHORTEST_RSA: Final = 2048  # bits, RFC 7518 §3.3
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}  # RFC 7518 §3.4


class SigningKey(NamedTuple):
    """A public key that verifies signatures, and the values of `alg` it may be used with."""

    id: str | None  # its `kid`; None: it has none, or is read from a file
    algorithms: frozenset[str]
    public: PublicKey


def read_public_key(path: Path) -> SigningKey:
    """The key in a PEM file, which holds a public key or a certificate.

    Raises:
        FileError: it holds no key that can be used; the message says which keys can.
    """
    pem = read_text(path)
    if "PRIVATE KEY-----" in pem:
        raise FileError(f"{path}: holds a private key; write only the public key into it")
    try:
        if "-----BEGIN CERTIFICATE-----" in pem:
            public: Any = x509.load_pem_x509_certificate(pem.encode()).public_key()
        else:
            public = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FileError(f"{path}: is neither a PEM public key nor a PEM certificate") from error
    algorithms = _algorithms(public)
    if not algorithms:
        raise FileError(f"{path}: use an RSA key of {_SHORTEST_RSA} bits or more, P-256, P-384, P-521 or Ed25519")
    return SigningKey(None, algorithms, public)


def parse_key_set(document: bytes) -> tuple[SigningKey, ...]:
    """The usable keys of a JSON Web Key Set. Others are left out, as RFC 7517 §5 recommends.

    Raises:
        ValueError: it is no key set, or holds no usable key.
    """
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    listed = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(listed, list):
        raise ValueError("no list of keys")  # noqa: TRY004 - the document is at fault, not its reader
    keys = tuple(key for key in map(_signing_key, listed) if key is not None)
    if not keys:
        raise ValueError("no usable key")
    return keys


def _signing_key(jwk: Any) -> SigningKey | None:
    if not isinstance(jwk, dict):
        return None
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        public = PyJWK(jwk).key
    except Exception:  # noqa: BLE001 - a strange key may make its parser raise anything; it is left out
        return None
    algorithms = _algorithms(public)
    if jwk.get("alg") is not None:
        algorithms = frozenset(each for each in algorithms if each == jwk["alg"])
    key_id = jwk.get("kid")
    return SigningKey(key_id if isinstance(key_id, str) else None, algorithms, public) if algorithms else None


def _algorithms(public: Any) -> frozenset[str]:
    """Empty for a key that is too short, of another curve, or no public key.

    So shared secrets are not used, nor are private keys that an issuer published by mistake.
    """
    match public:
        case RSAPublicKey() if public.key_size >= _SHORTEST_RSA:
            return _RSA
        case EllipticCurvePublicKey() if public.curve.name in _CURVES:
            return frozenset({_CURVES[public.curve.name]})
        case Ed25519PublicKey():
            return frozenset({"EdDSA"})
    return frozenset()
