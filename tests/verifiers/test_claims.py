from typing import Any

import pytest

from addons.foundry.caller import SCOPE, Caller
from addons.foundry.refusals import Refusal
from addons.verifiers import claims
from addons.verifiers.sections import JwtSettings

RID = "ri.compass.main.folder.a"
OTHER = "ri.compass.main.folder.b.c"

SCOPES: list[tuple[dict[str, Any], set[str] | None]] = [
    ({}, None),
    ({"scope": SCOPE}, {SCOPE}),
    ({"scope": f"openid {SCOPE}  email "}, {"openid", SCOPE, "email"}),
    ({"scope": ["openid", SCOPE]}, {"openid", SCOPE}),
    ({"scp": SCOPE}, {SCOPE}),
    ({"scp": [SCOPE]}, {SCOPE}),
    ({"scope": "openid", "scp": [SCOPE]}, {"openid", SCOPE}),
    ({"scope": ""}, set()),
    ({"scope": []}, set()),
    ({"scopes": SCOPE}, None),
    # not this scope, however alike
    ({"scope": f"{SCOPE}-not"}, {f"{SCOPE}-not"}),
    ({"scope": f"x{SCOPE}"}, {f"x{SCOPE}"}),
    ({"scope": SCOPE.upper()}, {SCOPE.upper()}),
    ({"scope": f"openid\u00a0{SCOPE}"}, {f"openid\u00a0{SCOPE}"}),
    ({"scope": f"openid\t{SCOPE}"}, {f"openid\t{SCOPE}"}),
    ({"scope": f"openid,{SCOPE}"}, {f"openid,{SCOPE}"}),
    ({"scp": [f"openid {SCOPE}"]}, {f"openid {SCOPE}"}),
]


@pytest.mark.parametrize(("said", "expected"), SCOPES, ids=ascii)
def test_scopes(said: dict[str, Any], expected: set[str] | None) -> None:
    assert claims.scopes(said) == expected


@pytest.mark.parametrize(
    "value", [1, 1.5, True, None, {SCOPE: True}, [[SCOPE]], [SCOPE, 1], [{"name": SCOPE}]], ids=str
)
@pytest.mark.parametrize("name", ["scope", "scp"])
def test_scopes_of_another_shape_are_refused(name: str, value: Any) -> None:
    with pytest.raises(Refusal, match="scope claim is neither"):
        claims.scopes({name: value, "sub": "alice"})


@pytest.mark.parametrize(("value", "expected"), [(0, 0.0), (1735689600, 1735689600.0), (1.5, 1.5)])
def test_numeric_date(value: Any, expected: float) -> None:
    assert claims.numeric_date({"exp": value}, "exp") == expected


def test_numeric_date_absent() -> None:
    assert claims.numeric_date({}, "exp") is None


@pytest.mark.parametrize(
    "value",
    ["1735689600", True, None, [], {}, -1, 1e12, 10**400, float("inf"), float("-inf"), float("nan")],
    ids=lambda value: str(value)[:20],
)
def test_no_numeric_date(value: Any) -> None:
    with pytest.raises(Refusal, match="exp claim is not a date"):
        claims.numeric_date({"exp": value}, "exp")


def settings(**changes: Any) -> JwtSettings:
    return JwtSettings.model_validate({"issuer": "i", "audience": "a", "public_key_file": "k"} | changes)


CALLERS: list[tuple[dict[str, Any], dict[str, Any], Caller]] = [
    ({"sub": "alice"}, {}, Caller("alice", frozenset())),
    ({"sub": "alice", "exp": 5, "scope": "a b"}, {}, Caller("alice", frozenset({"a", "b"}), expires_at=5.0)),
    ({"client_id": "svc", "sub": "x"}, {"subject_claim": "client_id"}, Caller("svc", frozenset())),
    (
        {"sub": "alice", "p": [RID, OTHER], "m": [RID]},
        {"projects_claim": "p", "models_claim": "m"},
        Caller("alice", frozenset(), frozenset({RID, OTHER}), frozenset({RID})),
    ),
    # restricted by configuration, not by the token: it may use nothing
    (
        {"sub": "alice"},
        {"projects_claim": "p", "models_claim": "m"},
        Caller("alice", frozenset(), frozenset(), frozenset()),
    ),
]


@pytest.mark.parametrize(("said", "changes", "expected"), CALLERS, ids=str)
def test_caller(said: dict[str, Any], changes: dict[str, Any], expected: Caller) -> None:
    assert claims.caller(said, settings(**changes)) == expected


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ({}, {}),
        ({"sub": ""}, {}),
        ({"sub": 7}, {}),
        ({"sub": "a\n"}, {}),
        ({"sub": "a\nb"}, {}),
        ({"sub": "älice"}, {}),
        ({"sub": "a" * 257}, {}),
        ({"sub": "alice"}, {"subject_claim": "client_id"}),
        ({"sub": "alice", "p": RID}, {"projects_claim": "p"}),
        ({"sub": "alice", "p": [RID, "gpt"]}, {"projects_claim": "p"}),
        ({"sub": "alice", "p": {RID: True}}, {"projects_claim": "p"}),
        ({"sub": "alice", "p": None}, {"projects_claim": "p"}),
        ({"sub": "alice", "m": [[RID]]}, {"models_claim": "m"}),
    ],
    ids=ascii,
)
def test_no_caller(said: dict[str, Any], changes: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        claims.caller(said, settings(**changes))
    assert caught.value.parameters == {"error": "INVALID"}
