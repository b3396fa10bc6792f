"""Asks an authorisation server about each token (RFC 7662)."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import quote_plus, urlencode

from addons.foundry.caller import Caller
from addons.sources.http_client import ExchangeError, HttpAnswer, HttpClient
from addons.values.secret import SecretError
from addons.verifiers import claims
from addons.verifiers.protocol import missing_when_asked
from addons.verifiers.refused import expired, invalid, unreachable
from addons.verifiers.sections import IntrospectionSettings


class Introspection:
    """A verifier that asks ``settings.url``. The client secret is read for each request.

    Raises:
        ValueError: the client secret can't be read.
    """

    def __init__(
        self, settings: IntrospectionSettings, client: HttpClient, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        try:
            settings.client_secret.read()
        except SecretError as error:
            raise ValueError(f"caller.introspection.client_secret: {error}") from error

    async def verify(self, token: str) -> Caller:
        try:
            said = _claims(await self._ask(token))
        except (ExchangeError, SecretError, TimeoutError) as error:
            raise unreachable(f"introspection {self._settings.url}: {error!r}") from error
        if not said["active"]:
            raise invalid("The bearer token is not active: unknown, expired or revoked.")
        expires_at = claims.numeric_date(said, "exp")
        if expires_at is not None and expires_at <= self._clock():
            raise expired()
        wanted, audience = self._settings.audience, said.get("aud")
        if wanted is not None and wanted != audience and not (isinstance(audience, list) and wanted in audience):
            raise invalid("The bearer token was issued for another audience.")
        return claims.caller(said, self._settings)

    async def missing(self) -> Sequence[str]:
        return await missing_when_asked(self.verify)

    async def _ask(self, token: str) -> HttpAnswer:
        async with asyncio.timeout(self._settings.deadline_seconds):  # all threads may be busy
            secret = await asyncio.to_thread(self._settings.client_secret.read)
        # RFC 6749 §2.3.1: both parts are form-encoded first, so a colon in either does not separate them.
        credentials = f"{quote_plus(self._settings.client_id)}:{quote_plus(secret)}"
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}",
        }
        form = urlencode({"token": token, "token_type_hint": "access_token"}).encode()
        return await self._client.fetch(self._settings.url, headers, form)


def _claims(answer: HttpAnswer) -> claims.Claims:
    if answer.status != HTTPStatus.OK:  # 401 too: the server refuses the sidecar, and says nothing of the token
        raise ExchangeError(f"status {answer.status}")
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise ExchangeError("the answer is not JSON") from error
    if not isinstance(said, dict) or not isinstance(said.get("active"), bool):
        raise ExchangeError("the answer lacks a boolean `active`")
    return said
