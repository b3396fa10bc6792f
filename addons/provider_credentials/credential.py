"""The credential that the provider accepts: a static key here, a token of the pod's identity elsewhere."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from addons.sources.fault import Fault
from addons.values.secret import Secret, SecretError

KEY_LIFETIME: Final = 1.0  # seconds a key file's content is trusted before it is looked at again


class CredentialError(SecretError):
    """There is no credential now. The message says why and what to look at, and holds nothing secret."""


class Credential(Protocol):
    async def bearer(self) -> bytes:
        """The value for ``Authorization: Bearer``; valid now, as far as the sidecar knows.

        Raises:
            CredentialError: there is none now.
        """

    def refused(self, bearer: bytes) -> None:
        """The provider answered 401 to it."""

    async def missing(self) -> Sequence[str]:
        """For readiness: why there is no credential; empty where there is one."""


class StaticKey:
    """A key as it stands in a file or the environment, read again when its file changes.

    While it can't be read, the last good one stays in use; readiness and an alarm say so.

    Args:
        source: where it stands.
        fault: goes wrong while it can't be read.
        clock: seconds.
    """

    def __init__(self, source: Secret, fault: Fault, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._fault = fault
        self._clock = clock
        self._value = b""
        self._wrong: str | None = None  # what is wrong with it now
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
    try:
        await credential.bearer()
    except CredentialError as error:
        return [str(error)]
    return []
