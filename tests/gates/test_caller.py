import pytest

from addons.foundry.caller import SCOPE, Caller, token_hash
from addons.gates.caller import IdentifyCaller
from addons.verifiers import refused
from tests.gates.calls import call, refused_by, through


class Known:
    """Knows tokens by what they say of themselves."""

    async def verify(self, token: str) -> Caller:
        if token == "unreachable":
            raise refused.unreachable("nobody there")
        if token == "expired":
            raise refused.expired()
        return Caller(token, frozenset({SCOPE, "api:other"} if token != "unscoped" else {"api:other"}))


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
