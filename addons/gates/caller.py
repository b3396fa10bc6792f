"""Gate: a verified caller that holds the scope (docs/contract.md#callers)."""

import re
from dataclasses import dataclass
from typing import Final

from addons.call import Call
from addons.foundry.caller import SCOPE, Caller, token_hash
from addons.foundry.refusals import Refusal
from addons.verifiers.grant import Granting
from addons.verifiers.protocol import Verifier
from addons.verifiers.well_formed import GRAMMAR

BEARER: Final = re.compile(f"bearer +({GRAMMAR})", re.IGNORECASE)
"""What Authorization holds; the scheme in any case (docs/contract.md#tokens)."""


@dataclass(frozen=True, slots=True)
class IdentifyCaller:
    """Fills ``call.caller``, and drops the caller's credentials.

    Args:
        verifier: asked about the bearer token.
        by_certificate: what callers hold that are known by their certificate; None: certificates say nothing here. A
            connection that showed one is whom it names, and its bearer, which SDKs always send, is not looked at.
    """

    verifier: Verifier
    by_certificate: Granting | None = None

    async def __call__(self, call: Call) -> None:
        credentials, call.credentials = ",".join(call.credentials.get("authorization", ())), {}
        if self.by_certificate is not None and call.client_identity is not None:
            call.caller = _certified(call.client_identity, self.by_certificate)
        else:
            call.caller = await self._bearer(call, credentials)
        if SCOPE not in call.caller.scopes:
            raise Refusal(
                "missing_scope",
                f"The caller lacks the scope {SCOPE}; add it to the application's OAuth2 operations and sign in again,"
                " or to what the sidecar's configuration grants it.",
                parameters={"missingScope": SCOPE},
            )

    async def _bearer(self, call: Call, credentials: str) -> Caller:
        if not credentials:
            raise Refusal(
                "missing_credentials",
                "No bearer token: send the header Authorization: Bearer <your Foundry token>.",
            )
        match = BEARER.fullmatch(credentials.strip())
        if not match:
            raise Refusal(
                "unauthorized",
                "The Authorization header is not one well-formed bearer token.",
                parameters={"error": "INVALID"},
            )
        token = match[1]
        call.token_prefix = token_hash(token)[:12]
        return await self.verifier.verify(token)


def _certified(identity: str, granting: Granting) -> Caller:
    if not identity:
        raise Refusal(
            "unauthorized",
            "The client certificate names nobody: it needs exactly one SPIFFE id, or a subject in printable ASCII.",
            parameters={"error": "INVALID"},
        )
    return granting.caller(identity)
