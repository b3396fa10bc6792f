"""The one function that lets a call out: it runs every gate and makes what ``sending`` takes.

``Judged`` and ``PassedOn`` can be made nowhere else: their constructor asks for a value that only this module holds.
So whoever reads this file and ``sending`` has seen that nothing unjudged leaves.
"""

from collections.abc import Awaitable, Callable
from typing import Final, final

from addons.call import Call, Headers, Outbound
from addons.exchange.rules import Rules
from addons.exchange.upstream.destination import Destination
from addons.gates.order import run

_MADE_HERE: Final = object()


@final
class Judged:
    """A request that every gate let through, for the model provider.

    ``destination`` and ``region`` say where it goes, and whose credential opens the way there.
    """

    __slots__ = ("destination", "outbound", "region")

    def __init__(self, outbound: Outbound, region: str, destination: Destination, made_here: object) -> None:
        _hold(made_here)
        self.outbound = outbound
        self.region = region
        self.destination = destination


@final
class PassedOn:
    """A request for one of Foundry's other paths, which the shorter list of gates let through.

    ``credentials`` are the caller's own header lines; they go to Foundry alone.
    """

    __slots__ = ("credentials", "outbound")

    def __init__(self, outbound: Outbound, credentials: Headers, made_here: object) -> None:
        _hold(made_here)
        self.outbound = outbound
        self.credentials = credentials


async def judge(call: Call, rules: Rules, read_body: Callable[[], Awaitable[bytes]]) -> Judged | PassedOn | None:
    """Sends the call through every gate: those of the head before its body is read, the others behind it.

    None: nothing leaves, and ``call.own_answer`` is its answer.

    Raises:
        Refusal: a gate's reason why the call is not served.
        RuntimeError: a gate was left out, or none said where the call goes; a fault of the sidecar.
    """
    await run(rules.gates.head, call)
    call.wire_body = await read_body()
    await run(rules.gates.body, call)
    call.wire_body = b""
    expected = rules.every_gate[call.to]
    if tuple(call.passed) != expected:
        raise RuntimeError(f"gates passed: {call.passed}, expected: {expected}")
    outbound = call.outbound
    if call.to == "nobody":
        if outbound is not None:
            raise RuntimeError("a gate had a call leave that is answered here")
        return None
    if outbound is None:
        raise RuntimeError("no gate said where the call goes")
    if call.to == "foundry":
        credentials, call.credentials = call.credentials, {}
        return PassedOn(outbound, credentials, _MADE_HERE)
    if outbound.region is None:
        raise RuntimeError("no gate said whose credential the call takes")
    destination = rules.destinations[outbound.region]
    if (outbound.host, outbound.port) != destination.address:
        raise RuntimeError(f"{outbound.host} is not where the region {outbound.region} is")
    return Judged(outbound, outbound.region, destination, _MADE_HERE)


def _hold(made_here: object) -> None:
    if made_here is not _MADE_HERE:
        raise TypeError("only judge() makes a request that may leave")
