import time

import pytest

from addons.foundry.caller import SCOPE, Caller
from addons.verifiers.development import Development
from tests.verifiers.refusals import run, verdict
from tests.verifiers.tokens import forged, segment, signed

LATER = int(time.time()) + 3600
HEADER = {"alg": "none"}
ANYONE = Caller("development", frozenset({SCOPE}))

CASES: list[tuple[str, Caller | str]] = [
    ("opaque", ANYONE),
    ("a.b.c", ANYONE),
    ("a.b", ANYONE),
    (".".join("abcde"), ANYONE),
    (forged(HEADER, ["not", "claims"]), ANYONE),
    (forged(HEADER, b"{"), ANYONE),
    (f"{segment(HEADER)}.{segment(b'[' * 9000)}.", ANYONE),
    (forged(HEADER, {}), ANYONE),
    (forged(HEADER, {"sub": "bob"}), Caller("bob", frozenset({SCOPE}))),
    (forged(HEADER, {"sub": 7}), ANYONE),
    (forged(HEADER, {"sub": "bob", "exp": LATER}), Caller("bob", frozenset({SCOPE}), expires_at=LATER)),
    (forged(HEADER, {"scope": "openid"}), Caller("development", frozenset({"openid"}))),
    (forged(HEADER, {"scp": []}), Caller("development", frozenset())),
    (forged(HEADER, {"scp": [SCOPE, "b"]}), Caller("development", frozenset({SCOPE, "b"}))),
    (signed(exp=LATER), Caller("alice", frozenset({SCOPE}), expires_at=LATER)),
    (forged(HEADER, {"exp": 1, "scope": SCOPE}), "EXPIRED"),
    (signed(exp=1), "EXPIRED"),
    (forged(HEADER, {"exp": "later"}), "INVALID"),
    (forged(HEADER, {"scope": 1}), "INVALID"),
]


@pytest.mark.parametrize(("token", "expected"), CASES, ids=range(len(CASES)))
def test_development(token: str, expected: Caller | str) -> None:
    assert run(verdict(Development(), token)) == expected
