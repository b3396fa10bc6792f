"""Asks Foundry about a token: ``GET /multipass/api/me`` with the caller's own token.

Foundry says whether the token is valid and which user it stands for. It names no scopes: those come from configuration.
Palantir does not document the answer's shape (``id``, ``username``, ``attributes``); public clients read these members.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from addons.foundry.caller import Caller
from addons.sources.http_client import ExchangeError, HttpAnswer, HttpClient
from addons.verifiers import claims
from addons.verifiers.protocol import missing_when_asked
from addons.verifiers.refused import expired, invalid, unreachable
from addons.verifiers.sections import MultipassSettings


class Multipass:
    """A verifier that asks ``settings.url``. Multipass is Foundry's service of users and tokens."""

    def __init__(self, settings: MultipassSettings, client: HttpClient) -> None:
        self._settings = settings
        self._client = client
        self._url = settings.url.rstrip("/") + "/multipass/api/me"

    async def verify(self, token: str) -> Caller:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {token}"}
        try:
            subject = _subject(await self._client.fetch(self._url, headers))
        except ExchangeError as error:
            raise unreachable(f"foundry {self._url}: {error}") from error
        return self._settings.caller(subject)

    async def missing(self) -> Sequence[str]:
        return await missing_when_asked(self.verify)


def _subject(answer: HttpAnswer) -> str:
    said = _json_object(answer.body)
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        parameters = said.get("parameters")
        if isinstance(parameters, dict) and parameters.get("error") == "EXPIRED":
            raise expired()
        raise invalid("Foundry does not accept the bearer token.")
    if answer.status != HTTPStatus.OK:  # redirects too: the address they name is not the configured Foundry
        raise ExchangeError(f"status {answer.status}")
    subject = claims.subject(said, "id")
    if subject is None:
        raise ExchangeError("the answer lacks a user id")
    return subject


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
