"""What the sidecar asks of a verifier."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from addons.foundry.caller import Caller
from addons.foundry.refusals import Refusal

NOBODY: Final = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"RS256","kid":"readiness"}', b"{}", b"-")
)
"""A token nobody has: whoever is asked about it refuses it, if they can be reached."""


class Verifier(Protocol):
    async def verify(self, token: str) -> Caller:
        """Who the token stands for. May wait for the network, never blocks the loop.

        Raises:
            Refusal: ``unauthorized`` (parameters ``error``: EXPIRED or INVALID), or ``verifier_unreachable``
                when it can't be told.
        """

    async def missing(self) -> Sequence[str]:
        """What tokens are verified by and is missing now; empty where nothing is. For readiness."""


async def missing_when_asked(verify: Callable[[str], Awaitable[object]]) -> Sequence[str]:
    """Why the server that ``verify`` asks can't be asked now; empty where it can. No caller's token is used."""
    try:
        await verify(NOBODY)
    except Refusal as refusal:
        return [refusal.detail or refusal.name] if refusal.name == "verifier_unreachable" else []
    return []
