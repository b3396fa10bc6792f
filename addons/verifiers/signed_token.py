"""Verifies JWTs that an identity provider, a cluster or a gateway signed (RFC 7519; RFC 8725 lists the attacks)."""

from collections.abc import Sequence
from typing import Any, Final

import jwt

from addons.foundry.caller import Caller
from addons.foundry.refusals import Refusal
from addons.verifiers import claims
from addons.verifiers.key_sources import KeySource
from addons.verifiers.refused import expired, invalid
from addons.verifiers.sections import JwtSettings
from addons.verifiers.signing_keys import SigningKey

_REASONS: Final[Sequence[tuple[type[Exception], str]]] = (
    (
        jwt.ImmatureSignatureError,
        "The bearer token is not valid yet. Compare the clocks of its issuer and the sidecar.",
    ),
    (jwt.InvalidAudienceError, "The bearer token was issued for another audience."),
    (jwt.InvalidIssuerError, "The bearer token was issued by another issuer than the one accepted here."),
    (jwt.MissingRequiredClaimError, "The bearer token lacks one of the claims exp, iss and aud."),
)
_MALFORMED: Final = "The bearer token is not a well-formed signed token."


class SignedToken:
    """A verifier of one issuer's tokens: signature, `iss`, `aud`, `exp`, and `nbf` and `iat` where they are present.

    Args:
        settings: the issuer, and how its tokens are read.
        keys: the issuer's signing keys.
    """

    def __init__(self, settings: JwtSettings, keys: KeySource) -> None:
        self._settings = settings
        self._keys = keys

    async def verify(self, token: str) -> Caller:
        key_id, algorithm = self._header(token)
        keys = await self._keys.find(key_id, algorithm)
        if not keys:
            raise invalid("The bearer token is signed by a key that is not known here.")
        said = self._decode(token, algorithm, keys)
        for name in ("exp", "nbf", "iat"):
            claims.numeric_date(said, name)  # PyJWT also accepts the string "1735689600"
        return claims.caller(said, self._settings)

    async def missing(self) -> Sequence[str]:
        return await self._keys.missing()

    def _header(self, token: str) -> tuple[str | None, str]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise invalid(_MALFORMED) from error
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._settings.algorithms:
            raise invalid("The bearer token is signed by an algorithm that is not accepted here.")
        return header.get("kid"), algorithm

    def _decode(self, token: str, algorithm: str, keys: Sequence[SigningKey]) -> dict[str, Any]:
        for key in keys:
            try:
                return jwt.decode(
                    token,
                    key.public,
                    algorithms=[algorithm],  # the settings and the key allow it
                    audience=self._settings.audience,
                    issuer=self._settings.issuer,
                    leeway=self._settings.leeway_seconds,
                    options={"require": ["exp", "iss", "aud"]},
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError as error:
                raise _refusal(error) from error
        raise invalid("The bearer token's signature does not match.")


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, jwt.ExpiredSignatureError):
        return expired()
    return invalid(next((message for kind, message in _REASONS if isinstance(error, kind)), _MALFORMED))
