"""The gates as one ordered list, for whoever sends a Call through them: the proxy, and ``explain``."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from addons.call import Call

type Gate = Callable[[Call], Awaitable[None] | None]
"""Fills its part of the Call, or raises ``Refusal``."""

type Named = tuple[str, Gate]


class Gates(NamedTuple):
    """``head`` judges by the headers alone, ``body`` once the body is there."""

    head: Sequence[Named]
    body: Sequence[Named]


async def run(gates: Sequence[Named], call: Call) -> None:
    """Sends the call through them in their order; each it got through is noted in ``call.passed``."""
    for name, gate in gates:
        outcome = gate(call)
        if inspect.isawaitable(outcome):
            await outcome
        call.passed.append(name)
