"""The one function that lets a call be sent: it runs every gate, and makes the value that ``sending`` takes.

``Judged`` and ``Forwarded`` can be made nowhere else: they ask for a key that only this module has, and cannot be
copied or changed. ``sending`` checks each by ``held_to``. So this file and ``sending`` are enough to see that nothing
unjudged is sent.
"""

from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, final

from addons.call import Call, Headers, Outbound
from addons.exchange.rules import Rules
from addons.exchange.upstream.destination import Destination
from addons.gates.order import run


@final
class _Key:
    pass


_KEY: Final = _Key()

_ONLY_HERE: Final = "only judge() makes a request that may leave"


class _MayLeave:
    """Made with the key, or not at all. Setting the key, which comes last, freezes the object."""

    __slots__ = ("_key",)

    def __init__(self, key: _Key) -> None:
        if key is not _KEY:
            raise TypeError(_ONLY_HERE)
        self._key = key

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, "_key"):
            raise TypeError(_ONLY_HERE)
        super().__setattr__(name, value)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError(_ONLY_HERE)


@final
class Judged(_MayLeave):
    """A request that every gate let through, for the model provider.

    ``destination`` and ``region`` say where it goes, and which region's credential it needs.
    """

    __slots__ = ("destination", "outbound", "region")

    def __init__(self, key: _Key, outbound: Outbound, region: str, destination: Destination) -> None:
        self.outbound: Final = outbound
        self.region: Final = region
        self.destination: Final = destination
        super().__init__(key)


@final
class Forwarded(_MayLeave):
    """A request for one of Foundry's other paths, which the shorter list of gates let through.

    ``credentials`` are the caller's own header lines; they go to Foundry alone.
    """

    __slots__ = ("credentials", "outbound")

    def __init__(self, key: _Key, outbound: Outbound, credentials: Headers) -> None:
        self.outbound: Final = outbound
        self.credentials: Final = credentials
        super().__init__(key)


def held_to[Kind: _MayLeave](kind: type[Kind], given: Kind) -> Kind:
    """Returns ``given``, if it has exactly this type and was made in this module.

    Raises:
        TypeError: it has another type, or was made elsewhere.
    """
    if type(given) is not kind or getattr(given, "_key", None) is not _KEY:
        raise TypeError(_ONLY_HERE)
    return given


async def judge(call: Call, rules: Rules, read_body: Callable[[], Awaitable[bytes]]) -> Judged | Forwarded | None:
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
        return Forwarded(_KEY, outbound, credentials)
    if outbound.region is None:
        raise RuntimeError("no gate said whose credential the call takes")
    destination = rules.destinations[outbound.region]
    if (outbound.host, outbound.port) != destination.address:
        raise RuntimeError(f"{outbound.host} is not where the region {outbound.region} is")
    return Judged(_KEY, outbound, outbound.region, destination)
