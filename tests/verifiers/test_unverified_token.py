import json

import pytest

from addons.verifiers.unverified_token import UnverifiedToken, read_unverified
from tests.verifiers.tokens import ISSUER, forged, segment, signed


@pytest.mark.parametrize(
    ("token", "issuer"),
    [
        (signed(), ISSUER),
        (forged({"alg": "none"}, {"iss": ISSUER}), ISSUER),
        (forged({}, {}), None),
        (forged({}, {"iss": None}), None),
        (forged({}, {"iss": [ISSUER]}), None),
        (f"a.{segment(json.dumps({'iss': 'a'}).encode() + b', ')}.c", "none"),
    ],
)
def test_the_issuer_a_token_names(token: str, issuer: str | None) -> None:
    assert read_unverified(token) == (None if issuer == "none" else UnverifiedToken(issuer))


NONE = [
    *("", "a", "a.b", "a.b.c", "a.b.c.d", "..", "a.\u00e9.c", "a.e30=.c.d", f"a.{'9' * 5000}.c"),
    *(f"a.{segment(payload)}.c" for payload in ([1], b"[" * 9000, b"\xff", b"9" * 5000)),
]


@pytest.mark.parametrize("token", NONE, ids=range(len(NONE)))
def test_what_is_no_signed_token(token: str) -> None:
    assert read_unverified(token) is None
