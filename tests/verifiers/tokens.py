"""Keys and tokens for the tests."""

import base64
import json
import time
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from addons.foundry.caller import SCOPE

RSA: Final = rsa.generate_private_key(65537, 2048)
OTHER_RSA: Final = rsa.generate_private_key(65537, 2048)
SHORT_RSA: Final = rsa.generate_private_key(65537, 1024)
P256: Final = ec.generate_private_key(ec.SECP256R1())
P384: Final = ec.generate_private_key(ec.SECP384R1())
KOBLITZ: Final = ec.generate_private_key(ec.SECP256K1())
ED25519: Final = ed25519.Ed25519PrivateKey.generate()

ISSUER: Final = "https://issuer.example"
AUDIENCE: Final = "foundry-sidecar"


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token says; ``changes`` replace claims, None takes one out."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": now + 3600, "iat": now, "scope": SCOPE}
    return {name: value for name, value in (said | changes).items() if value is not None}


def signed(key: Any = RSA, algorithm: str = "RS256", *, kid: str | None = "one", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers={} if kid is None else {"kid": kid})


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: dict[str, Any], payload: Any, signature: bytes = b"") -> str:
    """Any header over any payload, as an attacker writes it."""
    return f"{segment(header)}.{segment(payload)}.{segment(signature)}"


def raw_signed(payload: bytes) -> str:
    """A payload that no JSON library would write, signed by the right key."""
    return jwt.PyJWS().encode(payload, RSA, "RS256", headers={"kid": "one"})


def pem(key: Any) -> bytes:
    public: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public


def jwk(key: Any, kid: str | None = "one", **changes: Any) -> dict[str, Any]:
    algorithm = {"RSAPrivateKey": "RS256", "ECPrivateKey": "ES256", "Ed25519PrivateKey": "EdDSA"}[type(key).__name__]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = {"secp384r1": "ES384", "secp256k1": "ES256K"}.get(key.curve.name, "ES256")
    public: dict[str, Any] = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key()))
    return public | ({} if kid is None else {"kid": kid}) | changes


def key_set(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": list(keys)})


def mac(algorithm: str, key: bytes, payload: dict[str, Any] | None = None) -> str:
    """A token signed with a secret that is a public key's bytes; PyJWT itself refuses to make one."""
    hash_algorithm = jwt.get_algorithm_by_name(algorithm)
    start = f"{segment({'alg': algorithm, 'kid': 'one'})}.{segment(payload or claims())}"
    return f"{start}.{segment(hash_algorithm.sign(start.encode(), key))}"
