from collections.abc import Sequence

import pytest

from addons.foundry.caller import SCOPE, Caller, token_hash
from addons.gates.caller import IdentifyCaller
from addons.verifiers import refused
from addons.verifiers.grant import Grant, Granting
from tests.gates.calls import call, refused_by, through


class Known:
    """Knows tokens by what they say of themselves."""

    async def verify(self, token: str) -> Caller:
        if token == "unreachable":
            raise refused.unreachable("nobody there")
        if token == "expired":
            raise refused.expired()
        return Caller(token, frozenset({SCOPE, "api:other"} if token != "unscoped" else {"api:other"}))

    async def missing(self) -> Sequence[str]:
        return ()


GATE = IdentifyCaller(Known())


def shown(authorization: str | None) -> dict[str, tuple[str, ...]]:
    return {} if authorization is None else {"authorization": (authorization,), "cookie": ("session=1",)}


@pytest.mark.parametrize(
    ("credentials", "subject"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER abc", "abc"),
        ("Bearer   abc", "abc"),
        (" Bearer abc ", "abc"),
        ("Bearer aZ09-._~+/==", "aZ09-._~+/=="),
    ],
)
def test_identified(credentials: str, subject: str) -> None:
    asked = through(GATE, call(credentials=shown(credentials)))
    assert asked.caller
    assert asked.caller.subject == subject
    assert asked.token_prefix == token_hash(subject)[:12]
    assert asked.credentials == {}


@pytest.mark.parametrize(
    ("credentials", "refusal", "parameters"),
    [
        (None, "missing_credentials", {}),
        ("", "missing_credentials", {}),
        ("abc", "unauthorized", {"error": "INVALID"}),
        ("Bearer", "unauthorized", {"error": "INVALID"}),
        ("Bearer ", "unauthorized", {"error": "INVALID"}),
        ("Bearerabc", "unauthorized", {"error": "INVALID"}),
        ("Basic abc", "unauthorized", {"error": "INVALID"}),
        ("Bearer a b", "unauthorized", {"error": "INVALID"}),
        ("Bearer\tabc", "unauthorized", {"error": "INVALID"}),
        ("Bearer =abc", "unauthorized", {"error": "INVALID"}),
        ("Bearer a=b", "unauthorized", {"error": "INVALID"}),
        ("Bearer a,Bearer b", "unauthorized", {"error": "INVALID"}),
        ("Bearer caf\u00e9", "unauthorized", {"error": "INVALID"}),
        ("Bearer expired", "unauthorized", {"error": "EXPIRED"}),
        ("Bearer unscoped", "missing_scope", {"missingScope": SCOPE}),
        ("Bearer unreachable", "verifier_unreachable", {}),
    ],
)
def test_refused(credentials: str | None, refusal: str, parameters: dict[str, str]) -> None:
    asked = call(credentials=shown(credentials))
    given = refused_by(GATE, asked)
    assert (given.name, given.parameters) == (refusal, parameters)
    assert asked.credentials == {}, "the call forgets the token, refused or not"


CERTIFIED = IdentifyCaller(
    Known(),
    Granting(
        subjects={
            "spiffe://a.example/*": Grant(scopes=frozenset({SCOPE})),
            "CN=b": Grant(scopes=frozenset({"api:other"})),
        }
    ),
)


@pytest.mark.parametrize("credentials", [None, "Bearer abc", "Bearer expired", "Basic abc", "Bearer unreachable"])
def test_a_certificate_decides_where_one_is_shown(credentials: str | None) -> None:
    asked = through(CERTIFIED, call(credentials=shown(credentials), client_identity="spiffe://a.example/app"))
    assert asked.caller == Caller("spiffe://a.example/app", frozenset({SCOPE}))
    assert asked.token_prefix is None
    assert asked.credentials == {}


@pytest.mark.parametrize(
    ("identity", "refusal", "parameters"),
    [
        ("", "unauthorized", {"error": "INVALID"}),
        ("CN=b", "missing_scope", {"missingScope": SCOPE}),
        ("CN=c", "missing_scope", {"missingScope": SCOPE}),
        ("spiffe://b.example/x", "missing_scope", {"missingScope": SCOPE}),
    ],
)
def test_a_certificate_is_no_fallback_nor_has_one(identity: str, refusal: str, parameters: dict[str, str]) -> None:
    asked = call(credentials=shown("Bearer abc"), client_identity=identity)
    given = refused_by(CERTIFIED, asked)
    assert (given.name, given.parameters) == (refusal, parameters)
    assert asked.credentials == {}


def test_without_a_certificate_the_token_decides() -> None:
    asked = through(CERTIFIED, call(credentials=shown("Bearer abc")))
    assert asked.caller
    assert asked.caller.subject == "abc"


def test_a_certificate_says_nothing_where_none_are_asked_for() -> None:
    asked = call(client_identity="spiffe://a.example/app")
    assert refused_by(GATE, asked).name == "missing_credentials"
