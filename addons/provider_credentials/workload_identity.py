"""A short-lived token, which the sidecar gets in exchange for the pod's own and renews before it expires.

A call gets a valid token at once. In the last part of the token's life it also starts an exchange in the background,
one at a time. Readiness asks every half minute, so the token is renewed also where calls are rare. A call waits for the
exchange under way only where no token is valid. After a failed exchange there is a pause. The pause doubles each time,
up to a minute, and is shortened at random, so that a thousand pods do not ask at the same moment.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from addons.provider_credentials.credential import CredentialError, missing_bearer
from addons.provider_credentials.settings import IdentitySettings
from addons.provider_credentials.token_exchange import HEADERS, IssuedToken, read_answer, request
from addons.sources.fault import Fault
from addons.sources.http_client import HttpClient
from addons.values.secret import Secret, SecretError

_LONGEST_PAUSE: Final = 60.0  # seconds


class _Held(NamedTuple):
    """A token; the times are those of ``clock``."""

    token: bytes
    renew_at: float
    until: float


class WorkloadIdentity:
    """A credential whose token comes from a token exchange (docs/contract.md#provider-credentials).

    Args:
        settings: what is exchanged, and at which address.
        client: sends the requests.
        fault: goes wrong with a failed exchange, and right with the next that succeeds.
        clock: seconds.
        between: a random number between two others.

    Raises:
        ValueError: the pod's own token can't be read at the start.
    """

    def __init__(
        self,
        settings: IdentitySettings,
        client: HttpClient,
        fault: Fault,
        *,
        clock: Callable[[], float] = time.monotonic,
        between: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._settings = settings
        self._client = client
        self._fault = fault
        self._clock = clock
        self._between = between
        self._subject = Secret(file=settings.token_file)
        self._held: _Held | None = None
        self._exchange: asyncio.Task[None] | None = None
        self._failures = 0
        self._not_before = float("-inf")
        try:
            self._subject.read_now()
        except SecretError as error:
            raise ValueError(f"token_file: {error}") from error

    async def bearer(self) -> bytes:
        now = self._clock()
        held = self._held
        if held is None or now >= held.until:
            exchange = self._started(now)
            if exchange is not None:
                await asyncio.shield(exchange)  # where this call's caller hangs up, others still wait for it
            held = self._held
            if held is None or self._clock() >= held.until:
                raise CredentialError(self._fault.why or f"the token of {self._settings.url} had expired when it came")
        elif now >= held.renew_at:
            self._started(now)
        return held.token

    def refused(self, bearer: bytes) -> None:
        if self._held is not None and bearer == self._held.token:
            self._held = None
            self._pause("the provider did not accept the token")

    async def missing(self) -> Sequence[str]:
        return await missing_bearer(self)

    def _started(self, now: float) -> asyncio.Task[None] | None:
        """The exchange under way, or else a new one; None during the pause after a failure."""
        if self._exchange is None or self._exchange.done():
            if now < self._not_before:
                return None
            self._exchange = asyncio.create_task(self._renew())
        return self._exchange

    async def _renew(self) -> None:
        asked = self._clock()  # read before the request is sent, so that the token's life is never taken as longer
        try:
            new = await self._ask()
        except (ValueError, SecretError, TimeoutError) as error:
            self._pause(str(error) or "no answer in time")
            return
        buffer = min(self._settings.refresh_buffer_seconds, new.seconds / 2)
        renew_at = asked + (new.seconds - buffer) * self._between(0.9, 1)
        self._held = _Held(new.token, renew_at, asked + new.seconds)
        self._failures, self._not_before = 0, float("-inf")
        self._fault.right()

    async def _ask(self) -> IssuedToken:
        async with asyncio.timeout(self._settings.deadline_seconds):  # all threads may be busy
            subject_token = await asyncio.to_thread(self._subject.read_now)
        answer = await self._client.fetch(self._settings.url, HEADERS, request(self._settings, subject_token))
        return read_answer(answer, subject_token)

    def _pause(self, why: str) -> None:
        pause = min(_LONGEST_PAUSE, 2.0**self._failures)
        self._failures = min(self._failures + 1, 10)
        self._not_before = self._clock() + pause * self._between(0.5, 1)
        self._fault.wrong(f"workload identity, {self._settings.url}: {why}")
