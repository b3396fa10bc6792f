"""The gates as one ordered list, for whoever sends a Call through them: the proxy, and ``explain``."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from addons.call import Call, To

type Gate = Callable[[Call], Awaitable[None] | None]
"""Fills its part of the Call, or raises ``Refusal``."""

TO_PROVIDER: Final[frozenset[To]] = frozenset({"provider"})
TO_FOUNDRY: Final[frozenset[To]] = frozenset({"foundry"})
TO_NOBODY: Final[frozenset[To]] = frozenset({"nobody"})
TO_ALL: Final[frozenset[To]] = TO_PROVIDER | TO_FOUNDRY | TO_NOBODY


class Named(NamedTuple):
    """One gate, and which calls go through it, by where they are sent."""

    name: str
    gate: Gate
    to: frozenset[To] = TO_PROVIDER


class Gates(NamedTuple):
    """``head`` judges by the headers alone, ``body`` once the body is there."""

    head: Sequence[Named]
    body: Sequence[Named]

    def names(self, to: To) -> tuple[str, ...]:
        """The gates that a call must have passed to be sent there."""
        return tuple(each.name for each in (*self.head, *self.body) if to in each.to)


async def run(gates: Sequence[Named], call: Call) -> None:
    """Runs the gates in their order. The name of each that lets the call pass is added to ``call.passed``."""
    for each in gates:
        if call.to not in each.to:
            continue
        outcome = each.gate(call)
        if outcome is not None:
            await outcome
        call.passed.append(each.name)
