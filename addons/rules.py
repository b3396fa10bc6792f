"""What the settings say of a call, in one piece: a reload puts another piece in its place, whole."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from addons.call import To
from addons.gates.order import Gates
from addons.values.secret import Secret
from addons.verifiers.protocol import Verifier

KEY_LIFETIME: Final = 1.0  # seconds a key file's content is trusted before it is looked at again


class ProviderKey:
    """A region's key, read again when its file changes."""

    def __init__(self, source: Secret) -> None:
        self._source = source
        self._value = b""
        self._read_at = float("-inf")

    async def read(self) -> bytes:
        """
        Raises:
            SecretError: it can't be read.
        """
        if time.monotonic() - self._read_at > KEY_LIFETIME:
            self._value = (await asyncio.to_thread(self._source.read)).encode()
            self._read_at = time.monotonic()
        return self._value


@dataclass(frozen=True, slots=True)
class Rules:
    """
    Args:
        gates: those a call goes through.
        every_gate: the names of those it must have got through, in order, to leave; by where it leaves for.
        keys: by region.
        addresses: the only ones of providers that may be dialled, each with the name its certificate must bear.
        foundry: Foundry's host names that calls may be passed on to, each with its address where the operator
            wrote one.
        verifier: the one in the gates.
        store_needed: whether calls are refused while the store of limits is out of reach.
    """

    gates: Gates
    every_gate: Mapping[To, tuple[str, ...]]
    keys: Mapping[str, ProviderKey]
    addresses: Mapping[tuple[str, int], str]
    foundry: Mapping[str, tuple[str, int] | None]
    verifier: Verifier
    store_needed: bool = False


class InForce:
    """The rules for calls that begin now. A call keeps to its end the rules it began under."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
