"""Who a bearer token stands for."""

import hashlib
from dataclasses import dataclass
from typing import Final

SCOPE: Final = "api:use-language-models-execute"
"""The OAuth2 operation scope third-party applications must hold (Palantir's page for this endpoint)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What a verifier proved about a token.

    ``projects`` and ``models`` are the RIDs the caller may name and use; None means no restriction.
    ``expires_at`` is a Unix time in seconds, None where the verifier knows of none.
    """

    subject: str
    scopes: frozenset[str]
    projects: frozenset[str] | None = None
    models: frozenset[str] | None = None
    expires_at: float | None = None


def token_hash(token: str) -> str:
    """SHA-256 of the whole token as 64 hex digits; records carry the first 12 (docs/contract.md#request-headers)."""
    return hashlib.sha256(token.encode()).hexdigest()
