"""Checks the form that every token must have before a verifier gets it."""

import re
from collections.abc import Sequence
from typing import Final

from addons.foundry.caller import Caller
from addons.verifiers.protocol import Verifier
from addons.verifiers.refused import invalid

LONGEST_TOKEN: Final = 16 * 1024
"""Characters. Foundry's tokens have under 1,000. Without a bound, a caller could have any amount hashed and sent on."""

GRAMMAR: Final = r"[A-Za-z0-9\-._~+/]+=*"
"""Foundry's grammar of bearer tokens (docs/contract.md#tokens): such a token can be put
into a header or a form as it is."""

_WELL_FORMED: Final = re.compile(GRAMMAR)


class WellFormed:
    """A verifier that gives well-formed tokens to ``inner``, and refuses others."""

    def __init__(self, inner: Verifier) -> None:
        self._inner = inner

    async def verify(self, token: str) -> Caller:
        if len(token) > LONGEST_TOKEN:
            raise invalid(f"The bearer token is longer than {LONGEST_TOKEN} characters.")
        if not _WELL_FORMED.fullmatch(token):
            raise invalid("The bearer token is malformed: it may hold only A-Z a-z 0-9 - . _ ~ + / and = at its end.")
        return await self._inner.verify(token)

    async def missing(self) -> Sequence[str]:
        return await self._inner.missing()
