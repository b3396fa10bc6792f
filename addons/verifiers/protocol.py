"""What the sidecar asks of a verifier."""

from typing import Protocol

from addons.foundry.caller import Caller


class Verifier(Protocol):
    async def verify(self, token: str) -> Caller:
        """Who the token stands for. May wait for the network, never blocks the loop.

        Raises:
            Refusal: ``unauthorized`` (parameters ``error``: EXPIRED or INVALID), or ``verifier_unreachable``
                when it can't be told.
        """
