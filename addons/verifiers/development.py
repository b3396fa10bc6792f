"""For a developer's own machine: accepts any well-formed bearer token. The settings say where it may listen."""

import time
from collections.abc import Sequence

import jwt

from addons.foundry.caller import SCOPE, Caller
from addons.verifiers import claims
from addons.verifiers.refused import expired


class Development:
    """Accepts every token. A JWT that carries scopes or an expiry is still held to them."""

    async def verify(self, token: str) -> Caller:
        said = _claims(token)
        scopes = claims.scopes(said)
        expires_at = claims.moment(said, "exp")
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
        return {}  # not a JWT: an opaque token says nothing about itself
