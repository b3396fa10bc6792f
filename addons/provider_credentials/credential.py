"""What a credential for the provider is, and the static key. `workload_identity.py` has the other kind."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from addons.sources.fault import Fault
from addons.values.secret import Secret, SecretError

KEY_LIFETIME: Final = 1.0  # seconds that a key is used before its file is looked at again


class CredentialError(SecretError):
    """There is no credential now. The message says why and what to look at, and holds nothing secret."""


class Credential(Protocol):
    """What the provider accepts as proof of the organization, in one region."""

    async def bearer(self) -> bytes:
        """The value for ``Authorization: Bearer``; valid now, as far as the sidecar knows. May wait for the network.

        Raises:
            CredentialError: there is none now.
        """

    def refused(self, bearer: bytes) -> None:
        """To be called when the provider answered 401 to ``bearer``: a key is read again, a token is no longer used."""

    async def missing(self) -> Sequence[str]:
        """Why there is no credential now, or none that is up to date; empty where all is right. For readiness."""


class StaticKey:
    """A key in a file or the environment. It is read again each second, so that a changed file is seen.

    While it can't be read, the last good key stays in use, `missing` says why, and there is an alarm.

    Args:
        source: the reference to the key.
        fault: goes wrong while the key can't be read.
        clock: seconds.
    """

    def __init__(self, source: Secret, fault: Fault, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._fault = fault
        self._clock = clock
        self._value = b""
        self._wrong: str | None = None  # why it could not be read the last time
        self._read_at = float("-inf")

    async def bearer(self) -> bytes:
        if self._clock() - self._read_at > KEY_LIFETIME:
            try:
                self._value = (await asyncio.to_thread(self._source.read_now)).encode()
            except SecretError as error:
                self._wrong = str(error)
                self._fault.wrong(self._wrong)
                if not self._value:
                    raise CredentialError(str(error)) from error
            else:
                self._wrong = None
                self._fault.right()
            self._read_at = self._clock()
        return self._value

    def refused(self, bearer: bytes) -> None:
        if bearer == self._value:
            self._read_at = float("-inf")  # it may have been replaced since it was read

    async def missing(self) -> Sequence[str]:
        return await missing_bearer(self) or ([self._wrong] if self._wrong else [])


async def missing_bearer(credential: Credential) -> Sequence[str]:
    """Why ``credential`` has no bearer now; empty where it has one."""
    try:
        await credential.bearer()
    except CredentialError as error:
        return [str(error)]
    return []
