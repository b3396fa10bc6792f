"""Where signing keys come from: a file, or the issuer's key set."""

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol

from addons.verifiers.http_client import HttpClient
from addons.verifiers.refused import unreachable
from addons.verifiers.signing_keys import SigningKey, parse_key_set, read_public_key
from addons.verifiers.single_flight import SingleFlight
from addons.verifiers.watched_file import WatchedFile

_RETRY_AFTER: Final = 1.0  # seconds between two tries of an issuer that failed; what the refusal tells clients too


class KeySource(Protocol):
    async def find(self, key_id: str | None, algorithm: str) -> Sequence[SigningKey]:
        """The keys that may have signed such a token; none if it can't be any.

        Raises:
            Refusal: ``verifier_unreachable``.
        """


class KeyFile:
    """
    Raises:
        FileError: the file can't be used.
    """

    def __init__(self, path: Path) -> None:
        self._file = WatchedFile(path, read_public_key)

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[SigningKey]:  # noqa: ARG002 - the one key has no id
        key = await self._file.current()
        return [key] if algorithm in key.algorithms else []


class KeySet:
    """The issuer's JSON Web Key Set.

    Fetched when first needed, again when it is older than ``lifetime``, and when a token names a key that is not in
    it: then at most once each ``interval``, so that a flood of made-up key ids reaches nobody. Keys past their
    lifetime are not used, whatever the reason they can't be had anew. All in seconds of ``clock``.
    """

    def __init__(
        self,
        url: str,
        client: HttpClient,
        *,
        lifetime: float,
        interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._client = client
        self._lifetime = lifetime
        self._interval = interval
        self._clock = clock
        self._keys: Sequence[SigningKey] = ()
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._failure: str | None = None
        self._flight = SingleFlight[None, None]()

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[SigningKey]:
        if self._clock() - self._fetched < self._lifetime:
            found = self._match(key_id, algorithm)
            if found:
                return found
        await self._flight.run(None, self._renew)
        return self._match(key_id, algorithm)

    def _match(self, key_id: str | None, algorithm: str) -> list[SigningKey]:
        return [key for key in self._keys if (key_id is None or key_id == key.id) and algorithm in key.algorithms]

    async def _renew(self) -> None:
        now = self._clock()
        if self._failure is not None and now - self._tried < _RETRY_AFTER:
            raise unreachable(self._failure)
        if self._failure is None and now - self._tried < min(self._interval, self._lifetime):
            return
        self._tried = now
        try:
            keys = await self._fetch()
        except ValueError as error:
            self._failure = f"key set {self._url}: {error}"
            raise unreachable(self._failure) from error
        self._keys, self._fetched, self._failure = keys, now, None

    async def _fetch(self) -> Sequence[SigningKey]:
        answer = await self._client.fetch(self._url, {"Accept": "application/json"})
        if answer.status != HTTPStatus.OK:
            raise ValueError(f"status {answer.status}")
        return parse_key_set(answer.body)
