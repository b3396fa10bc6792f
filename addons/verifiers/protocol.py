"""What a verifier does, and how readiness asks one."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from addons.foundry.caller import Caller
from addons.foundry.refusals import Refusal

READINESS_TOKEN: Final = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"RS256","kid":"readiness"}', b"{}", b"-")
)
"""A token of a JWT's form that no caller has. A service that can be reached refuses it."""


class Verifier(Protocol):
    """Tells who a bearer token stands for (docs/contract.md#callers)."""

    async def verify(self, token: str) -> Caller:
        """The caller that the token stands for. May wait for the network; never blocks the event loop.

        Raises:
            Refusal: ``unauthorized``, with EXPIRED or INVALID as its parameter ``error``; ``verifier_unreachable``,
                where the service that knows can't be asked.
        """

    async def missing(self) -> Sequence[str]:
        """Why tokens can't be verified now, a sentence for each reason; empty where they can. For readiness."""


async def missing_when_asked(verify: Callable[[str], Awaitable[object]]) -> Sequence[str]:
    """Why the service that ``verify`` asks can't be reached now; empty where it can. Sends no caller's token."""
    try:
        await verify(READINESS_TOKEN)
    except Refusal as refusal:
        return [refusal.detail or refusal.name] if refusal.name == "verifier_unreachable" else []
    return []
