"""The two sources of signing keys: a file, and the issuer's key set."""

import asyncio
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol

from addons.foundry.refusals import Refusal
from addons.sources.fault import Fault
from addons.sources.http_client import HttpClient
from addons.sources.watched_file import WatchedFile
from addons.values.endpoint import origin
from addons.values.secret import Secret, SecretError
from addons.verifiers.discovery import KeySetAddress
from addons.verifiers.refused import unreachable
from addons.verifiers.signing_keys import SigningKey, parse_key_set, read_public_key
from addons.verifiers.single_flight import SingleFlight

_RETRY_AFTER: Final = 1.0  # seconds between two fetches where the first failed; the refusal's Retry-After says the same


class KeySource(Protocol):
    """Where a verifier of signed tokens finds keys."""

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[SigningKey]:
        """The keys that may have signed a token with this ``kid`` and ``alg``; empty where no key fits.

        Raises:
            Refusal: ``verifier_unreachable``, the keys can't be fetched.
        """

    async def missing(self) -> Sequence[str]:
        """Why the keys can't be read or fetched now; empty where they can. For readiness."""


class KeyFile:
    """One public key in a PEM file. The file is read again when it changes; while it is bad, the last good key counts.

    Args:
        path: a public key or a certificate.
        fault: goes wrong when the changed file can't be used.

    Raises:
        FileError: the file can't be used at the start.
    """

    def __init__(self, path: Path, fault: Fault) -> None:
        self._file = WatchedFile(path, read_public_key, fault)

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[SigningKey]:  # noqa: ARG002 - a key in a file has no id
        key = await self._file.current()
        return [key] if algorithm in key.algorithms else []

    async def missing(self) -> Sequence[str]:
        await self._file.current()
        return [self._file.fault.why] if self._file.fault.why else []


class KeySet:
    """The issuer's JSON Web Key Set.

    It is fetched when it is first needed, when it is older than ``lifetime``, and when a token names a key that is not
    in it. For unknown keys it is fetched at most once in each ``interval``, so that a flood of invented key ids does
    not reach the issuer. Keys older than ``lifetime`` are never used, also where the set can't be fetched.

    Args:
        address: of the set; asked before each fetch.
        client: sends the requests.
        fault: goes wrong when the set can't be fetched.
        lifetime: seconds for which fetched keys are used.
        interval: seconds between two fetches for unknown keys.
        credentials: a bearer token, sent to the origin of ``address.url`` and to no other.
        clock: seconds.
    """

    def __init__(  # noqa: PLR0913 - most are given by name
        self,
        address: KeySetAddress,
        client: HttpClient,
        fault: Fault,
        *,
        lifetime: float,
        interval: float,
        credentials: Secret | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._client = client
        self._fault = fault
        self._lifetime = lifetime
        self._interval = interval
        self._credentials = credentials
        self._clock = clock
        self._keys: Sequence[SigningKey] = ()
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._flight = SingleFlight[None, None]()

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[SigningKey]:
        if self._clock() - self._fetched < self._lifetime:
            found = self._match(key_id, algorithm)
            if found:
                return found
        await self._flight.run(None, self._renew)
        return self._match(key_id, algorithm)

    async def missing(self) -> Sequence[str]:
        try:
            await self._flight.run(None, self._renew)
        except Refusal as refusal:
            return [refusal.detail or refusal.name]
        return []

    def _match(self, key_id: str | None, algorithm: str) -> list[SigningKey]:
        return [key for key in self._keys if (key_id is None or key_id == key.id) and algorithm in key.algorithms]

    async def _renew(self) -> None:
        now, failure = self._clock(), self._fault.why
        if failure is not None and now - self._tried < _RETRY_AFTER:
            raise unreachable(failure)
        if failure is None and now - self._tried < min(self._interval, self._lifetime):
            return
        self._tried = now
        try:
            keys = await self._fetch()
        except (ValueError, SecretError) as error:
            failure = f"keys of {self._address.url}: {error}"
            self._fault.wrong(failure)
            raise unreachable(failure) from error
        self._keys, self._fetched = keys, now
        self._fault.right()

    async def _fetch(self) -> Sequence[SigningKey]:
        url = await self._address.key_set(self._get)
        return parse_key_set(await self._get(url))

    async def _get(self, url: str) -> bytes:
        headers = {"Accept": "application/json"}
        if self._credentials is not None and origin(url) == origin(self._address.url):
            headers["Authorization"] = f"Bearer {await asyncio.to_thread(self._credentials.read)}"
        answer = await self._client.fetch(url, headers)
        if answer.status != HTTPStatus.OK:
            raise ValueError(f"{url}: status {answer.status}")
        return answer.body
