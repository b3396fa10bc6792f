"""From the `caller:` keys to a verdict, with everything real in between."""

import json
from pathlib import Path
from typing import Any

import pytest

from addons.foundry.caller import SCOPE, Caller, token_hash
from addons.verifiers.build import build_verifier
from addons.verifiers.key_sources import KeySet
from addons.verifiers.protocol import Verifier
from addons.verifiers.settings import CallerSettings
from addons.verifiers.token_cache import TokenCache
from addons.verifiers.well_formed import LONGEST_TOKEN
from tests.verifiers.refusals import run, verdict
from tests.verifiers.servers import always, serving
from tests.verifiers.tokens import AUDIENCE, ISSUER, OTHER_RSA, P256, RSA, jwk, key_set, pem, signed

UNREACHABLE = "verifier_unreachable"


def built(verifier: str, **own: Any) -> Verifier:
    return build_verifier(CallerSettings.model_validate({"verifier": verifier} | ({verifier: own} if own else {})))


def jwt(**own: Any) -> Verifier:
    return built("jwt", issuer=ISSUER, audience=AUDIENCE, **own)


def introspection(url: str, tmp_path: Path, **own: Any) -> Verifier:
    (tmp_path / "secret").write_text("s")
    secret = {"file": str(tmp_path / "secret")}
    return built("introspection", url=url, client_id="me", client_secret=secret, **own)


def who(found: Caller | str) -> str:
    return found.subject if isinstance(found, Caller) else found


def test_registry(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(f"- {{sha256: {token_hash('known')}, subject: pod, scopes: [{SCOPE}]}}")
    verifier = built("registry", file=tmp_path / "t.yaml")
    assert run(verdict(verifier, "known")) == Caller("pod", frozenset({SCOPE}))
    assert run(verdict(verifier, "unknown")) == "INVALID"


def test_jwt_by_key_file(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(P256))
    verifier = jwt(public_key_file=tmp_path / "key.pem")
    assert who(run(verdict(verifier, signed(P256, "ES256")))) == "alice"
    assert run(verdict(verifier, signed())) == "INVALID"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Of whatever is built to remember keys or tokens."""
    clock = Clock()
    for kind in (KeySet, TokenCache):
        defaults = kind.__init__.__kwdefaults__
        assert defaults
        monkeypatch.setitem(defaults, "clock", clock)
    return clock


@pytest.mark.parametrize(
    ("keys", "fetches"),
    [
        ({}, [1, 1, 1, 2]),
        ({"keys_seconds": 30}, [1, 1, 2, 3]),
        ({"keys_seconds": 3600}, [1, 1, 1, 2]),
    ],
)
def test_keys_are_fetched_again_after_their_seconds(clock: Clock, keys: dict[str, float], fetches: list[int]) -> None:
    async def main() -> None:
        async with serving(always(200, key_set(jwk(RSA, "one")))) as served:
            verifier = jwt(jwks_url=served.url, cache_seconds=0, **keys)
            seen = []
            for seconds in (0, 29, 2, 3600):
                clock.now += seconds
                assert who(await verdict(verifier, signed())) == "alice"
                seen.append(len(served.requests))
            assert seen == fetches

    run(main())


@pytest.mark.parametrize(("keys", "fetches"), [({}, [1, 1, 2]), ({"keys_interval_seconds": 60}, [1, 1, 1])])
def test_an_unknown_key_has_them_fetched_no_oftener_than_said(
    clock: Clock, keys: dict[str, float], fetches: list[int]
) -> None:
    async def main() -> None:
        async with serving(always(200, key_set(jwk(RSA, "one")))) as served:
            verifier = jwt(jwks_url=served.url, **keys)
            seen = []
            for number, seconds in enumerate((0, 4, 2)):
                clock.now += seconds
                assert await verdict(verifier, signed(OTHER_RSA, kid=f"unknown {number}")) == "INVALID"
                seen.append(len(served.requests))
            assert seen == fetches

    run(main())


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ({}, [1, 1, 2, 2]),
        ({"cache_seconds": 10}, [1, 2, 3, 3]),
        ({"cache_seconds": 0}, [1, 2, 3, 4]),
        ({"cache_entries": 1}, [1, 1, 2, 3]),
    ],
    ids=str,
)
def test_what_was_learnt_of_a_token_is_kept_as_configured(
    clock: Clock, tmp_path: Path, keys: dict[str, Any], asked: list[int]
) -> None:
    """Of two tokens: one, the same later, another, and the first again."""

    async def main() -> None:
        answer = {"active": True, "sub": "alice", "scope": SCOPE}
        async with serving(always(200, json.dumps(answer))) as served:
            verifier = introspection(served.url, tmp_path, **keys)
            seen = []
            for token, seconds in (("one", 0), ("one", 29), ("two", 0), ("one", 0)):
                clock.now += seconds
                assert who(await verdict(verifier, token)) == "alice"
                seen.append(len(served.requests))
            assert seen == asked

    run(main())


def test_jwt_by_key_set() -> None:
    async def main() -> None:
        async with serving(always(200, key_set(jwk(RSA, "one")))) as served:
            verifier = jwt(jwks_url=served.url)
            token = signed()
            for expected, sent in [
                ("alice", token),
                ("alice", token),
                ("bob", signed(sub="bob")),
                ("INVALID", signed(OTHER_RSA)),
                ("INVALID", signed(OTHER_RSA, kid="two")),
            ]:
                assert who(await verdict(verifier, sent)) == expected
            assert len(served.requests) == 1
        assert who(await verdict(verifier, token)) == "alice"  # offline, as long as the keys hold
        assert who(await verdict(jwt(jwks_url=served.url), token)) == UNREACHABLE

    run(main())


@pytest.mark.parametrize(
    ("said", "expected"), [({"active": True, "sub": "alice"}, "alice"), ({"active": False}, "INVALID")]
)
def test_introspection_is_asked_once_for_a_token(tmp_path: Path, said: dict[str, Any], expected: str) -> None:
    async def main() -> None:
        async with serving(always(200, json.dumps(said))) as served:
            verifier = introspection(served.url, tmp_path)
            for asked, token in [(1, "a"), (1, "a"), (2, "b")]:
                assert who(await verdict(verifier, f"token-{token}")) == expected
                assert len(served.requests) == asked

    run(main())


def test_foundry_that_fails_is_asked_again() -> None:
    async def main() -> None:
        replies = [(503, ""), (200, json.dumps({"id": "alice"})), (503, "")]

        async def answer(_: object) -> Any:
            return replies.pop(0)

        async with serving(answer) as served:
            verifier = built("foundry", url=served.url)
            assert await verdict(verifier, "the-token") == UNREACHABLE
            assert who(await verdict(verifier, "the-token")) == "alice"
            assert who(await verdict(verifier, "the-token")) == "alice"
            assert len(served.requests) == 2

    run(main())


def test_development() -> None:
    assert run(verdict(built("development"), "anything")) == Caller("development", frozenset({SCOPE}))


def test_a_malformed_token_reaches_no_verifier(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(always(500, "")) as served:
            for verifier in (
                jwt(jwks_url=served.url),
                introspection(served.url, tmp_path),
                built("foundry", url=served.url),
                built("development"),
            ):
                for token in ("a\r\nX-Injected: 1", "tökén", "a" * (LONGEST_TOKEN + 1), "two words"):
                    assert await verdict(verifier, token) == "INVALID"
            assert served.requests == []

    run(main())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"verifier": "registry", "registry": {"file": "{}/none.yaml"}}, "none.yaml: can't be read"),
        ({"verifier": "registry", "registry": {"file": "{}/bad.yaml"}}, "bad.yaml:2: subject: Field required"),
        (
            {"verifier": "jwt", "jwt": {"issuer": "i", "audience": "a", "public_key_file": "{}/bad.yaml"}},
            "bad.yaml: is neither a PEM public key nor a PEM certificate",
        ),
        (
            {
                "verifier": "introspection",
                "introspection": {"url": "https://x", "client_id": "i", "client_secret": {"env": "NOT_SET_ANYWHERE"}},
            },
            "caller.introspection.client_secret: environment variable NOT_SET_ANYWHERE is empty or not set",
        ),
        (
            {"verifier": "foundry", "foundry": {"url": "https://x", "trusted_ca": "{}/none.pem"}},
            "none.pem: can't be read: No such file",
        ),
    ],
    ids=["no registry", "bad registry", "bad key", "no secret", "no authorities"],
)
def test_bad_files_and_secrets_are_errors_at_once(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    (tmp_path / "bad.yaml").write_text(f"\n- {{sha256: {token_hash('x')}, scopes: []}}")
    settings = CallerSettings.model_validate_json(json.dumps(given).replace("{}/", f"{tmp_path}/"))
    with pytest.raises(ValueError) as caught:
        build_verifier(settings)
    assert message in str(caught.value)


def test_settings_that_went_round_their_checks_build_nothing() -> None:
    with pytest.raises(ValueError, match=r"caller\.jwt: its settings are missing"):
        build_verifier(CallerSettings.model_construct(verifier="jwt"))
