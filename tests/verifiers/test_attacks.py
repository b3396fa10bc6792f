"""Attacks on callers known by workload identity: a cluster's and a SPIFFE domain's tokens, with grants by subject.

What an attacker has: any key and token of their own, a good token of somebody with less, the issuers' public keys.
What they want: to be the app, or anybody who may call.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from addons.foundry.caller import SCOPE, Caller
from addons.verifiers.build import build_verifier
from addons.verifiers.protocol import Verifier
from addons.verifiers.settings import CallerSettings
from tests.sources.raised_alarms import Alarms
from tests.verifiers.refusals import run, verdict
from tests.verifiers.servers import Served, always, serving
from tests.verifiers.tokens import OTHER_RSA, P256, RSA, forged, jwk, key_set, mac, pem, raw_signed, segment, signed

CLUSTER: Final = "https://kubernetes.default.svc.cluster.local"
SPIFFE: Final = "https://spiffe.acme.example"
FOREIGN: Final = "https://issuer.evil.example"
APP: Final = "system:serviceaccount:apps:app"
SVID: Final = "spiffe://acme.example/ns/apps/sa/app"
HOLDING: Final = {"scopes": [SCOPE]}


def account(key: Any = RSA, algorithm: str = "RS256", **changes: Any) -> str:
    """A projected token as Kubernetes signs one; no scope in it."""
    more = {"kubernetes.io": {"namespace": "apps"}}
    return signed(key, algorithm, **{"iss": CLUSTER, "sub": APP, "aud": ["sidecar"], "scope": None, **more, **changes})


def svid(key: Any = P256, algorithm: str = "ES256", **changes: Any) -> str:
    return signed(key, algorithm, **{"iss": SPIFFE, "sub": SVID, "aud": "sidecar", "scope": None, **changes})


def headed(header: dict[str, Any], key: Any = RSA, algorithm: str = "RS256") -> str:
    payload = jwt.decode(account(), options={"verify_signature": False})
    return jwt.encode(payload, key, algorithm, headers={"kid": "one"} | header)


PAYLOAD: Final = jwt.decode(account(), options={"verify_signature": False})

ATTACKS: Final[dict[str, str | Callable[[str], str]]] = {
    # signed by nobody, or otherwise than the key allows
    "alg none": forged({"alg": "none", "kid": "one"}, PAYLOAD),
    "alg nOnE": forged({"alg": "nOnE", "kid": "one"}, PAYLOAD),
    "alg absent": forged({"kid": "one"}, PAYLOAD),
    "a signature cut off": account().rsplit(".", 1)[0] + ".",
    "HS256 over the public key": mac("HS256", pem(RSA), PAYLOAD),
    "an elliptic key where an RSA key is known": account(P256, "ES256"),
    "a subject exchanged under a good signature": ".".join(
        [
            account().split(".")[0],
            segment(PAYLOAD | {"sub": "system:serviceaccount:admin:root"}),
            account().split(".")[2],
        ]
    ),
    # by somebody else
    "a foreign issuer, with a key id that is known": account(OTHER_RSA, iss=FOREIGN),
    "a foreign issuer's key under the cluster's name": account(OTHER_RSA),
    "the domain's key under the cluster's name": account(P256, "ES256"),
    "the cluster's key under the domain's name": svid(RSA, "RS256"),
    "an issuer as a list": raw_signed(json.dumps(PAYLOAD | {"iss": [CLUSTER]}).encode()),
    "an issuer twice, the known one first": raw_signed(
        b'{"iss": "%s", ' % CLUSTER.encode() + json.dumps(PAYLOAD | {"iss": FOREIGN}).encode()[1:]
    ),
    "an issuer with a slash more": account(iss=CLUSTER + "/"),
    "an issuer in capitals": account(iss=CLUSTER.upper()),
    # by a key they bring along
    "jku": lambda url: headed({"jku": f"{url}/evil"}, OTHER_RSA),
    "x5u": lambda url: headed({"x5u": f"{url}/evil"}, OTHER_RSA),
    "jwk": headed({"jwk": jwk(OTHER_RSA)}, OTHER_RSA),
    "x5c": headed({"x5c": ["MIIB"]}, OTHER_RSA),
    "a key id that is an address": lambda url: headed({"kid": f"{url}/evil"}, OTHER_RSA),
    "a key id that is a path": headed({"kid": "../../../../dev/null"}, OTHER_RSA),
    "crit": headed({"crit": ["exp"], "exp": 1}),
    "crit, b64": headed({"crit": ["b64"], "b64": False}),
    # for another, at another time
    "no audience": account(aud=None),
    "an audience that is empty": account(aud=[]),
    "other audiences": account(aud=["https://kubernetes.default.svc", "vault"]),
    "an audience that begins so": account(aud="sidecar-2"),
    "an audience in capitals": account(aud="SIDECAR"),
    "an audience in a list in a list": account(aud=[["sidecar"]]),
    "an audience as an object": account(aud={"sidecar": 1}),
    "no end": account(exp=None),
    "an end as text": account(exp="4000000000"),
    "an end without end": raw_signed(json.dumps(PAYLOAD | {"exp": float("inf")}).encode()),
    "a beginning ahead": account(nbf=4_000_000_000),
    "a beginning as text": account(nbf="0"),
    "made tomorrow": account(iat=4_000_000_000),
    # whose?
    "no subject": account(sub=None),
    "a subject that is empty": account(sub=""),
    "a subject as a list": raw_signed(json.dumps(PAYLOAD | {"sub": [APP]}).encode()),
    "a subject in two lines": account(sub=f"{APP}\nadmin"),
    "a subject with a NUL": account(sub=f"{APP}\0"),
    "a subject in Cyrillic": account(sub=APP.replace("a", "\u0430")),
    "a subject with a mark above": account(sub=APP + "\u0301"),
    "a subject that turns round": account(sub=f"\u202e{APP}"),
    "a subject in full width": account(sub="".join(chr(ord(letter) + 0xFEE0) for letter in APP)),
    "a subject with a soft hyphen": account(sub=APP.replace("app:", "app\u00ad:") + "\u00ad"),
    "a subject with colours": account(sub=f"\x1b[31m{APP}"),
    "a subject of 257 letters": account(sub=f"{APP}{'a' * 257}"),
    "a subject of a megabyte": account(sub=f"{APP}{'a' * 1_000_000}"),
    "a token of a megabyte": account(padding="a" * 1_000_000),
}

POWERLESS: Final[dict[str, str]] = {
    "the domain's token with the cluster's subject": svid(sub=APP),
    "the cluster's token with the domain's subject": account(sub=SVID),
    "another case": account(sub=APP.upper()),
    "a capital": account(sub="System:serviceaccount:apps:app"),
    "a namespace that begins so": account(sub="system:serviceaccount:apps-evil:app"),
    "a namespace that ends so": account(sub="system:serviceaccount:evil-apps:app"),
    "the namespace alone": account(sub="system:serviceaccount:apps"),
    "the namespace and nobody in it": account(sub="system:serviceaccount:apps:"),
    "a blank before": account(sub=f" {APP}"),
    "the pattern's own star, elsewhere": account(sub="system:serviceaccount:*"),
    "a node": account(sub="system:node:app"),
    "a scope it gives itself": account(sub="system:serviceaccount:evil:app", scope=SCOPE),
    "a domain that begins so": svid(sub="spiffe://acme.example.evil.example/ns/apps/sa/app"),
    "a domain in capitals": svid(sub=SVID.replace("acme", "ACME")),
    "a scheme in capitals": svid(sub=SVID.replace("spiffe", "SPIFFE")),
    "a way back up": svid(sub="spiffe://acme.example/ns/apps/../admin/sa/root"),
    "a way that stays": svid(sub="spiffe://acme.example/ns/apps/./sa/app"),
    "an empty part": svid(sub="spiffe://acme.example/ns/apps//app"),
    "a namespace that begins so, SPIFFE": svid(sub="spiffe://acme.example/ns/apps-evil/sa/app"),
}
"""Tokens that prove somebody, who holds nothing."""


def callers(folder: Path, url: str) -> Verifier:
    (folder / "own").write_text("the-sidecars-own")
    jwt = [
        {
            "issuer": CLUSTER,
            "audience": "sidecar",
            "jwks_url": f"{url}/cluster",
            "credentials": {"file": str(folder / "own")},
            "subjects": {"system:serviceaccount:apps:*": HOLDING},
        },
        {
            "issuer": SPIFFE,
            "audience": "sidecar",
            "jwks_url": f"{url}/domain",
            "subjects": {"spiffe://acme.example/ns/apps/*": HOLDING},
        },
    ]
    return build_verifier(CallerSettings.model_validate({"verifier": "jwt", "jwt": jwt}), Alarms())


async def answer(request: Any) -> tuple[int, str]:
    if request.path == "/cluster":
        return 200, key_set(jwk(RSA, "one"))
    if request.path == "/domain":
        return 200, key_set(jwk(P256, "one"))
    return 200, key_set(jwk(OTHER_RSA, "one"))


def tried(folder: Path, token: str | Callable[[str], str]) -> tuple[Caller | str, Served]:
    async def main() -> tuple[Caller | str, Served]:
        async with serving(answer) as served:
            return await verdict(callers(folder, served.url), token(served.url) if callable(token) else token), served

    return run(main())


@pytest.mark.parametrize(("token", "subject"), [(account(), APP), (svid(), SVID), (account(aud="sidecar"), APP)])
def test_the_apps_own(tmp_path: Path, token: str, subject: str) -> None:
    found, _ = tried(tmp_path, token)
    assert isinstance(found, Caller)
    assert (found.subject, found.scopes) == (subject, frozenset({SCOPE}))


@pytest.mark.parametrize("token", ATTACKS.values(), ids=ATTACKS)
def test_attacks(tmp_path: Path, token: str | Callable[[str], str]) -> None:
    found, served = tried(tmp_path, token)
    assert found == "INVALID"
    assert {request.path for request in served.requests} <= {"/cluster", "/domain"}, (
        "no address out of a token is asked"
    )


@pytest.mark.parametrize("token", POWERLESS.values(), ids=POWERLESS)
def test_proven_and_powerless(tmp_path: Path, token: str) -> None:
    found, _ = tried(tmp_path, token)
    assert isinstance(found, Caller)
    assert found.scopes == frozenset()


def test_an_issuer_that_is_down_is_no_reason_to_ask_another(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(always(503, "")) as served:
            assert await verdict(callers(tmp_path, served.url), account()) == "verifier_unreachable"
            assert [request.path for request in served.requests] == ["/cluster"]

    run(main())
