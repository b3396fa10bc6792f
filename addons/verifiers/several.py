"""Several verifiers, each for tokens of its own.

A token goes to the first that knows its issuer, and to no other: were a second one asked when the first refuses, every
issuer could vouch for every subject.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from addons.foundry.caller import Caller
from addons.verifiers.protocol import Verifier
from addons.verifiers.refused import invalid

type Knows = Callable[[str], Awaitable[bool]]


class Choice(NamedTuple):
    knows: Knows  # whether a token, unproven, is one of those the verifier decides about
    verifier: Verifier


class Several:
    def __init__(self, choices: Sequence[Choice]) -> None:
        self._choices = choices

    async def verify(self, token: str) -> Caller:
        for choice in self._choices:
            if await choice.knows(token):
                return await choice.verifier.verify(token)
        raise invalid("The bearer token was issued by nobody who is accepted here.")

    async def missing(self) -> Sequence[str]:
        return [why for choice in self._choices for why in await choice.verifier.missing()]
