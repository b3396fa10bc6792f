import json
import string
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.foundry.caller import SCOPE, Caller
from addons.verifiers.key_sources import KeyFile
from addons.verifiers.sections import JwtSettings
from addons.verifiers.signed_token import SignedToken
from addons.verifiers.signing_keys import SigningKey
from tests.sources.raised_alarms import a_fault
from tests.verifiers.refusals import run, verdict
from tests.verifiers.tokens import (
    AUDIENCE,
    ED25519,
    ISSUER,
    OTHER_RSA,
    P256,
    P384,
    RSA,
    claims,
    forged,
    jwk,
    mac,
    pem,
    raw_signed,
    segment,
    signed,
)

NOW = int(time.time())
RID = "ri.compass.main.folder.a"


class Ring:
    """One key of each kind, under the id "one"."""

    keys = (
        SigningKey("one", frozenset({"RS256", "PS256", "RS512"}), RSA.public_key()),
        SigningKey("one", frozenset({"ES256"}), P256.public_key()),
        SigningKey("one", frozenset({"EdDSA"}), ED25519.public_key()),
        SigningKey("two", frozenset({"RS256"}), OTHER_RSA.public_key()),
    )

    async def find(self, key_id: str | None, algorithm: str) -> list[SigningKey]:
        return [key for key in self.keys if key_id in (None, key.id) and algorithm in key.algorithms]

    async def missing(self) -> Sequence[str]:
        return ()


def verifier(**changes: Any) -> SignedToken:
    own = {"issuer": ISSUER, "audience": AUDIENCE, "public_key_file": "key.pem"} | changes
    return SignedToken(JwtSettings.model_validate(own), Ring())


GOOD: dict[str, str] = {
    "RS256": signed(),
    "PS256": signed(RSA, "PS256"),
    "ES256": signed(P256, "ES256"),
    "EdDSA": signed(ED25519, "EdDSA"),
    "another key": signed(OTHER_RSA, kid="two"),
    "no key id, first key": signed(kid=None),
    "no key id, second key": signed(OTHER_RSA, kid=None),
    "several audiences": signed(aud=["other", AUDIENCE]),
    "scp, list": signed(scope=None, scp=[SCOPE]),
    "no iat": signed(iat=None),
    "clocks apart": signed(iat=NOW + 3, nbf=NOW + 3),
    "nbf passed": signed(nbf=NOW - 60),
}


@pytest.mark.parametrize("token", GOOD.values(), ids=GOOD)
def test_good_tokens(token: str) -> None:
    found = run(verdict(verifier(), token))
    assert isinstance(found, Caller)
    assert found == Caller("alice", frozenset({SCOPE}), expires_at=found.expires_at)
    assert found.expires_at is not None
    assert found.expires_at > NOW


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scope": None}, set()),
        ({"scope": f"openid {SCOPE}"}, {"openid", SCOPE}),
        ({"scope": f"{SCOPE}-not"}, {f"{SCOPE}-not"}),
        ({"scope": f"not-{SCOPE} x{SCOPE}x"}, {f"not-{SCOPE}", f"x{SCOPE}x"}),
    ],
)
def test_scopes_are_whole_words(changes: dict[str, Any], expected: set[str]) -> None:
    found = run(verdict(verifier(), signed(**changes)))
    assert isinstance(found, Caller)
    assert found.scopes == expected


def test_claims_of_permissions() -> None:
    token = signed(p=[RID], m=[])
    found = run(verdict(verifier(projects_claim="p", models_claim="m", subject_claim="iss"), token))
    assert isinstance(found, Caller)
    assert found == Caller(ISSUER, frozenset({SCOPE}), frozenset({RID}), frozenset(), found.expires_at)


PAYLOAD = claims()
GOOD_SIGNATURE = GOOD["RS256"].rsplit(".", 1)[1]
TAMPERED = f"{segment({'alg': 'RS256', 'kid': 'one'})}.{segment(PAYLOAD | {'sub': 'root'})}.{GOOD_SIGNATURE}"


BAD: dict[str, str] = {
    # who signed it, and how
    "alg none": forged({"alg": "none", "kid": "one"}, PAYLOAD),
    "alg None": forged({"alg": "None", "kid": "one"}, PAYLOAD),
    "alg NONE, signed": forged({"alg": "NONE"}, PAYLOAD, b"x"),
    "alg missing": forged({"kid": "one"}, PAYLOAD),
    "alg null": forged({"alg": None}, PAYLOAD),
    "alg a list": forged({"alg": ["RS256"]}, PAYLOAD),
    "alg an object": forged({"alg": {"RS256": 1}}, PAYLOAD),
    "alg in lower case": forged({"alg": "rs256"}, PAYLOAD),
    "alg unknown": forged({"alg": "XX256"}, PAYLOAD),
    "HS256 with the public key": mac("HS256", pem(RSA)),
    "HS512 with the public key": mac("HS512", pem(RSA)),
    "HS256 with the empty key": mac("HS256", b""),
    "an algorithm not configured": signed(RSA, "RS512"),
    "a stranger's key": signed(OTHER_RSA),
    "another key's algorithm": signed(P384, "ES384"),
    "its own key in the header": jwt.encode(
        PAYLOAD, OTHER_RSA, "RS256", headers={"jwk": jwk(OTHER_RSA), "jku": "http://127.0.0.1:1/", "kid": "one"}
    ),
    "no signature": GOOD["RS256"].rsplit(".", 1)[0] + ".",
    "tampered": TAMPERED,
    "cut": GOOD["RS256"][:-1],
    "an unknown critical header": jwt.encode(PAYLOAD, RSA, "RS256", headers={"kid": "one", "crit": ["x"], "x": 1}),
    "a detached payload": jwt.encode(PAYLOAD, RSA, "RS256", headers={"kid": "one", "b64": False, "crit": ["b64"]}),
    # key ids
    **{
        f"kid {name!r}": signed(kid=name)
        for name in ("", "three", "../../one", "/dev/null", "one\0", "' UNION SELECT 'x", "http://127.0.0.1:1/one")
    },
    "kid a number": forged({"alg": "RS256", "kid": 1}, PAYLOAD),
    "kid a list": forged({"alg": "RS256", "kid": ["one"]}, PAYLOAD),
    "kid null": forged({"alg": "RS256", "kid": None}, PAYLOAD, b"x"),
    # for whom, by whom
    "another issuer": signed(iss="https://evil.example"),
    "issuer with a slash more": signed(iss=ISSUER + "/"),
    "no issuer": signed(iss=None),
    "issuer a list": raw_signed(json.dumps(PAYLOAD | {"iss": [ISSUER]}).encode()),
    "another audience": signed(aud="other"),
    "audience a substring": signed(aud=f"{AUDIENCE}-2"),
    "other audiences": signed(aud=["other"]),
    "no audience": signed(aud=None),
    "audience an object": signed(aud={AUDIENCE: 1}),
    "no subject": signed(sub=None),
    "subject a number": signed(sub=7),
    "subject empty": signed(sub=""),
    # when
    "no expiry": signed(exp=None),
    "exp a word": signed(exp="never"),
    "exp a string of digits": signed(exp=str(NOW + 3600)),
    "exp a list": signed(exp=[NOW + 3600]),
    "exp infinite": signed(exp=float("inf")),
    "exp not a number": signed(exp=float("nan")),
    "exp beyond all dates": signed(exp=10**300),
    "exp beyond all floats": raw_signed(b'{"exp":1%s}' % (b"0" * 400)),
    "nbf ahead": signed(nbf=NOW + 3600),
    "nbf a string of digits": signed(nbf="0"),
    "nbf infinite": signed(nbf=float("inf")),
    "iat ahead": signed(iat=NOW + 3600),
    "iat a string of digits": signed(iat="0"),
    # what it may do
    "scope a number": signed(scope=1),
    "scope an object": signed(scope={SCOPE: True}),
    "scope a list in a list": signed(scope=[[SCOPE]]),
    "scp an object": signed(scp={"scope": SCOPE}),
    # no token at all
    "opaque": "abc",
    "two parts": "a.b",
    "four parts": GOOD["RS256"] + ".x",
    "empty parts": "..",
    "an encrypted token": ".".join("abcde"),
    "header not JSON": forged(b"{" , PAYLOAD),  # type: ignore[arg-type]  # the point
    "header a list": forged([], PAYLOAD),  # type: ignore[arg-type]  # the point
    "header nested": f"{segment(b'[' * 9000)}.e30.",
    "header not UTF-8": f"{segment(bytes([255, 254]))}.e30.",
    "payload not JSON": raw_signed(b"{"),
    "payload a list": raw_signed(b"[]"),
    "payload nested": raw_signed(b"[" * 9000),
    "payload not UTF-8": raw_signed(b'{"sub":"\xff"}'),
    "base64 with plus and slash": GOOD["RS256"].replace("-", "+").replace("_", "/") + "+/",
    "long": "a" * (16 * 1024),
}  # fmt: skip


@pytest.mark.parametrize("token", BAD.values(), ids=BAD)
def test_bad_tokens(token: str) -> None:
    assert run(verdict(verifier(), token)) == "INVALID"


@pytest.mark.parametrize(
    "changes",
    [{"exp": NOW - 60}, {"exp": 0}, {"exp": -1}, {"exp": 1.5}, {"exp": True}],
    ids=["a minute ago", "0", "-1", "1.5", "True"],
)
def test_expired(changes: dict[str, Any]) -> None:
    assert run(verdict(verifier(), signed(**changes))) == "EXPIRED"


@pytest.mark.parametrize(("leeway", "expected"), [(0, "EXPIRED"), (300, "alice")])
def test_leeway(leeway: float, expected: str) -> None:
    found = run(verdict(verifier(leeway_seconds=leeway), signed(exp=int(time.time()) - 5)))
    assert (found.subject if isinstance(found, Caller) else found) == expected


@given(st.text(string.ascii_letters + string.digits + "-._~+/="), st.sampled_from(["opaque-", "eyJhbGciOiJSUzI1NiJ9."]))
def test_any_text_is_refused_and_nothing_else_happens(text: str, start: str) -> None:
    assert run(verdict(verifier(), start + text)) == "INVALID"


CONFUSED = [
    signed(),
    mac("HS256", pem(P256)),
    forged({"alg": "none"}, PAYLOAD),
    signed(P384, "ES384"),
]


@pytest.mark.parametrize("token", CONFUSED, ids=range(len(CONFUSED)))
def test_a_key_file_takes_its_own_algorithm_alone(tmp_path: Path, token: str) -> None:
    (tmp_path / "key.pem").write_bytes(pem(P256))
    own = JwtSettings.model_validate(
        {"issuer": ISSUER, "audience": AUDIENCE, "public_key_file": tmp_path / "key.pem"}
        | {"algorithms": ["RS256", "ES256", "ES384"]}
    )
    checked = SignedToken(own, KeyFile(tmp_path / "key.pem", a_fault()))
    assert isinstance(run(verdict(checked, signed(P256, "ES256", kid=None))), Caller)
    assert run(verdict(checked, token)) == "INVALID"
