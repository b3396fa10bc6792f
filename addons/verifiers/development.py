"""For a developer's own machine: accepts any well-formed bearer token.

`addons/configuration/agreement.py` refuses it on an address that is not loopback (docs/contract.md#callers).
"""

import time
from collections.abc import Sequence

import jwt

from addons.foundry.caller import SCOPE, Caller
from addons.verifiers import claims
from addons.verifiers.refused import expired


class Development:
    """Accepts every token. Scopes and an expiry that a JWT carries still count.

    A token without scopes gets the scope that calls need. A token without a subject gets the subject ``development``.
    """

    async def verify(self, token: str) -> Caller:
        said = _claims(token)
        scopes = claims.scopes(said)
        expires_at = claims.numeric_date(said, "exp")
        if expires_at is not None and expires_at <= time.time():
            raise expired()
        return Caller(
            subject=claims.subject(said, "sub") or "development",
            scopes=frozenset({SCOPE}) if scopes is None else scopes,
            expires_at=expires_at,
        )

    async def missing(self) -> Sequence[str]:
        return ()


def _claims(token: str) -> claims.Claims:
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return {}  # not a JWT: an opaque token carries no claims
