import datetime as dt
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from addons.values.small_file import FileError
from addons.verifiers.signing_keys import SigningKey, parse_key_set, read_public_key
from tests.verifiers.tokens import ED25519, KOBLITZ, P256, P384, RSA, SHORT_RSA, jwk, key_set, pem

RSA_ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
USABLE: list[tuple[Any, set[str]]] = [
    (RSA, RSA_ALGORITHMS),
    (P256, {"ES256"}),
    (P384, {"ES384"}),
    (ec.generate_private_key(ec.SECP521R1()), {"ES512"}),
    (ED25519, {"EdDSA"}),
]


def certificate(key: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer.example")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + dt.timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(("key", "algorithms"), USABLE)
def test_pem(tmp_path: Path, key: Any, algorithms: set[str]) -> None:
    (tmp_path / "key.pem").write_bytes(pem(key))
    found = read_public_key(tmp_path / "key.pem")
    assert found == SigningKey(None, frozenset(algorithms), key.public_key())


def test_certificate(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(certificate(RSA))
    assert read_public_key(tmp_path / "key.pem").public == RSA.public_key()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is neither a PEM public key nor a PEM certificate"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is neither a PEM public key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is neither a PEM public key"),
        (key_set(jwk(RSA)).encode(), "is neither a PEM public key"),
        (P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "holds a private key"),
        (pem(SHORT_RSA), "use an RSA key of 2048 bits or more"),
        (pem(KOBLITZ), "use an RSA key of 2048 bits or more, P-256"),
    ],
    ids=["empty", "broken key", "broken certificate", "key set", "private", "short", "curve"],
)
def test_bad_pem(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_public_key(tmp_path / "key.pem")
    assert str(caught.value).startswith(f"{tmp_path / 'key.pem'}: {message}")


@pytest.mark.parametrize(("key", "algorithms"), USABLE)
def test_key_set(key: Any, algorithms: set[str]) -> None:
    (found,) = parse_key_set(key_set(jwk(key, "x")).encode())
    assert found == SigningKey("x", frozenset(algorithms), key.public_key())


NARROWED: list[tuple[dict[str, Any], set[str]]] = [
    ({"alg": "PS256"}, {"PS256"}),
    ({"alg": None}, RSA_ALGORITHMS),
    ({"use": "sig", "key_ops": ["verify"]}, RSA_ALGORITHMS),
]


@pytest.mark.parametrize(("members", "algorithms"), NARROWED, ids=str)
def test_a_key_may_narrow_its_use(members: dict[str, Any], algorithms: set[str]) -> None:
    (found,) = parse_key_set(key_set(jwk(RSA, **members)).encode())
    assert found.algorithms == algorithms


PRIVATE = [
    json.loads(jwt.get_algorithm_by_name(name).to_jwk(key)) | {"key_ops": ["verify"]}
    for name, key in (("RS256", RSA), ("ES256", P256))
]
UNUSABLE: list[Any] = [
    "text",
    7,
    None,
    [],
    {},
    {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
    {"kty": ["RSA"]},
    {"kty": "RSA", "n": 5, "e": {}},
    {"kty": "RSA", "n": "AQAB"},
    {"kty": "EC", "crv": {}, "x": "", "y": ""},
    {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
    {"kty": "OKP", "crv": "X25519", "x": "AAAA"},
    {"kty": "new"},
    *PRIVATE,
    jwk(SHORT_RSA),
    jwk(KOBLITZ),
    jwk(RSA, use="enc"),
    jwk(RSA, use=["sig"]),
    jwk(RSA, key_ops=["encrypt"]),
    jwk(RSA, key_ops="verify"),
    jwk(RSA, alg="HS256"),
    jwk(RSA, alg="none"),
    jwk(RSA, alg="RSA-OAEP"),
    jwk(RSA, alg="ES256"),
    jwk(RSA, alg=["RS256"]),
    jwk(RSA, alg=[]),
    jwk(RSA, alg={}),
    jwk(RSA, alg=0),
    jwk(P256, alg="ES384"),
]


@pytest.mark.parametrize("key", UNUSABLE, ids=range(len(UNUSABLE)))
def test_unusable_keys_are_left_out_and_spoil_no_other(key: Any) -> None:
    assert [found.id for found in parse_key_set(key_set(key, jwk(P384, "good")).encode())] == ["good"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no list of keys"),
        (b"{}", "no list of keys"),
        (b'{"keys": {}}', "no list of keys"),
        (b'{"keys": []}', "no usable key"),
        (key_set(jwk(SHORT_RSA)).encode(), "no usable key"),
    ],
    ids=range(9),
)
def test_no_key_set(document: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_key_set(document)
