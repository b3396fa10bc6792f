"""Gate: a verified caller that holds the scope (SPEC §3)."""

import re
from dataclasses import dataclass
from typing import Final

from addons.call import Call
from addons.foundry.caller import SCOPE, token_hash
from addons.foundry.refusals import Refusal
from addons.verifiers.verifier import Verifier

BEARER: Final = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)
"""Foundry's bearer grammar; the scheme in any case (SPEC §2)."""


@dataclass(frozen=True, slots=True)
class IdentifyCaller:
    """Fills ``call.caller``, and forgets what the caller showed for itself."""

    verifier: Verifier

    async def __call__(self, call: Call) -> None:
        credentials, call.credentials = ",".join(call.credentials.get("authorization", ())), {}
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
        call.caller = await self.verifier.verify(token)
        if SCOPE not in call.caller.scopes:
            raise Refusal(
                "missing_scope",
                f"The token lacks the scope {SCOPE}; add it to the application's OAuth2 operations and sign in again.",
                parameters={"missingScope": SCOPE},
            )
