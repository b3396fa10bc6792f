"""Gives each token to one of several verifiers.

The first that knows the token's issuer decides, and no other is asked. Were a second one asked when the first refuses,
every issuer could vouch for every subject.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from addons.foundry.caller import Caller
from addons.verifiers.protocol import Verifier
from addons.verifiers.refused import invalid

type Knows = Callable[[str], Awaitable[bool]]
"""Whether a token, not yet verified, is one that the verifier decides about."""


class Choice(NamedTuple):
    """A verifier, and which tokens it decides about."""

    knows: Knows
    verifier: Verifier


class Several:
    """A verifier that asks the first of ``choices`` that knows the token. Readiness needs all of them."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self._choices = choices

    async def verify(self, token: str) -> Caller:
        for choice in self._choices:
            if await choice.knows(token):
                return await choice.verifier.verify(token)
        raise invalid("The bearer token comes from no issuer that is accepted here.")

    async def missing(self) -> Sequence[str]:
        return [why for choice in self._choices for why in await choice.verifier.missing()]
