"""Several verifiers at once: each token has one that decides about it."""

import json
from pathlib import Path
from typing import Any

from addons.foundry.caller import SCOPE, Caller, token_hash
from addons.verifiers.build import build_verifier
from addons.verifiers.protocol import Verifier
from addons.verifiers.settings import CallerSettings
from tests.sources.raised_alarms import Alarms
from tests.verifiers.refusals import run, verdict
from tests.verifiers.servers import NOBODY, always, serving
from tests.verifiers.tokens import OTHER_RSA, P256, RSA, jwk, key_set, pem, signed

A, B, CLUSTER = "https://a.example", "https://b.example", "https://kubernetes.default.svc"
LISTED = "a-token-of-the-registry"
LISTED_JWT = signed(RSA, iss=A, sub="listed")


def everything(folder: Path, introspection: str, **changes: Any) -> Verifier:
    """Two issuers, a cluster that nobody reaches, the registry, and a server that is asked about all the rest."""
    (folder / "a.pem").write_bytes(pem(RSA))
    (folder / "b.pem").write_bytes(pem(P256))
    (folder / "secret").write_text("secret")
    rows = [{"sha256": token_hash(token), "subject": "listed", "scopes": [SCOPE]} for token in (LISTED, LISTED_JWT)]
    (folder / "tokens.yaml").write_text(json.dumps(rows))
    secret = {"file": str(folder / "secret")}
    grant = {"default": {"scopes": [SCOPE]}}
    settings = {
        "verifier": ["jwt", "kubernetes", "registry", "introspection"],
        "jwt": [
            {"issuer": A, "audience": "ours", "public_key_file": str(folder / "a.pem")} | grant,
            {"issuer": B, "audience": "theirs", "public_key_file": str(folder / "b.pem")}
            | {"subject_prefix": "b/"} | grant,
        ],
        "kubernetes": {
            "audience": "ours", "issuer": CLUSTER, "api": NOBODY, "credentials": secret, "trusted_ca": None,
        } | grant,
        "registry": {"file": str(folder / "tokens.yaml")},
        "introspection": {"url": introspection, "client_id": "me", "client_secret": secret},
    }  # fmt: skip
    return build_verifier(CallerSettings.model_validate(settings | changes), Alarms())


def at_a(key: Any = RSA, algorithm: str = "RS256", **changes: Any) -> str:
    return signed(key, algorithm, **{"iss": A, "aud": "ours", **changes})


def at_b(key: Any = P256, algorithm: str = "ES256", **changes: Any) -> str:
    return signed(key, algorithm, **{"iss": B, "aud": "theirs", **changes})


def who(found: Caller | str) -> str:
    return found.subject if isinstance(found, Caller) else found


def test_each_token_is_decided_about_once(tmp_path: Path) -> None:
    # what is asked, who it is, how often the server of last resort was asked by then
    tokens: list[tuple[str, str, int]] = [
        (at_a(), "alice", 0),
        (at_b(), "b/alice", 0),
        (LISTED, "listed", 0),
        ("opaque", "somebody", 1),
        (signed(iss="https://elsewhere.example"), "somebody", 2),
        # refused where it is known, and asked about nowhere else
        (LISTED_JWT, "INVALID", 2),
        (at_a(OTHER_RSA), "INVALID", 2),
        (at_a(P256, "ES256"), "INVALID", 2),
        (at_b(RSA, "RS256"), "INVALID", 2),
        (at_a(aud="theirs"), "INVALID", 2),
        (at_b(aud="ours"), "INVALID", 2),
        (at_a(exp=1), "EXPIRED", 2),
        (signed(iss=CLUSTER), "verifier_unreachable", 2),
        # not quite an issuer that is known
        (at_a(iss=A + "/"), "somebody", 3),
        (at_a(iss=A.upper()), "somebody", 4),
        (at_a(iss="https://\u0430.example"), "somebody", 5),
    ]

    async def main() -> None:
        async with serving(always(200, json.dumps({"active": True, "sub": "somebody", "scope": SCOPE}))) as served:
            verifier = everything(tmp_path, served.url)
            for token, expected, asked in tokens:
                assert (who(await verdict(verifier, token)), len(served.requests)) == (expected, asked), token

    run(main())


def test_a_token_nobody_knows(tmp_path: Path) -> None:
    verifier = everything(tmp_path, NOBODY, verifier=["jwt", "registry"])
    for token in ("opaque", signed(iss="https://elsewhere.example"), signed(iss=None)):
        assert run(verdict(verifier, token)) == "INVALID"


def test_all_of_them_are_looked_at_for_readiness(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(always(200, key_set(jwk(RSA)))) as served:
            jwt = [
                {"issuer": A, "audience": "ours", "jwks_url": served.url},
                {"issuer": B, "audience": "ours", "jwks_url": NOBODY},
            ]
            missing = await everything(tmp_path, NOBODY, jwt=jwt).missing()
        assert [why.split(":")[0].split(" ")[0] for why in missing] == ["keys", "kubernetes", "introspection"]
        assert NOBODY in missing[0]

    run(main())


def test_where_a_certificate_alone_counts_no_token_does() -> None:
    settings = {"verifier": "certificate", "certificate": {"trusted_ca": "ca.pem", "default": {"scopes": [SCOPE]}}}
    assert run(verdict(build_verifier(CallerSettings.model_validate(settings)), signed())) == "INVALID"
