"""Asks a cluster's API server about a service account's token, by a TokenReview.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/, read 2026-11: a client
that sets ``spec.audiences`` must check that ``status.audiences`` names one of them, since an API server that does not
know audiences leaves them out.
"""

import asyncio
import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import jwt

from addons.foundry.caller import Caller
from addons.sources.http_client import ExchangeError, HttpAnswer, HttpClient
from addons.values.secret import SecretError
from addons.verifiers import claims
from addons.verifiers.protocol import missing_when_asked
from addons.verifiers.refused import invalid, unreachable
from addons.verifiers.unverified_token import read_unverified
from addons.verifiers.workload_sections import KubernetesSettings

_PATH: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
_API: Final = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}


class Kubernetes:
    """A verifier that asks ``settings.api``. The sidecar's own token there is read for each request.

    Raises:
        ValueError: the sidecar's own token can't be read.
    """

    def __init__(self, settings: KubernetesSettings, client: HttpClient) -> None:
        self._settings = settings
        self._client = client
        self._url = settings.api.rstrip("/") + _PATH
        try:
            settings.credentials.read()
        except SecretError as error:
            raise ValueError(f"caller.kubernetes.credentials: {error}") from error

    async def knows(self, token: str) -> bool:
        """Whether the token is a signed one of ``settings.issuer``, or of any issuer where none is configured."""
        found = read_unverified(token)
        return found is not None and self._settings.issuer in (None, found.issuer)

    async def verify(self, token: str) -> Caller:
        if not await self.knows(token):  # another issuer's token must not be shown to the API server
            raise invalid("The bearer token is not one of the cluster's.")
        status = await self._review(token)
        if not status["authenticated"]:
            raise invalid("The cluster does not know the bearer token: expired, deleted, or for another audience.")
        audiences = status.get("audiences")
        if not isinstance(audiences, list) or self._settings.audience not in audiences:
            raise invalid("The bearer token was issued for another audience.")
        user = status.get("user")
        who = claims.subject(user, "username") if isinstance(user, dict) else None
        if who is None:
            raise invalid("The cluster names no user for the bearer token, or one that is not printable ASCII.")
        return self._settings.caller(who, _expiry(token))

    async def missing(self) -> Sequence[str]:
        return await missing_when_asked(self._review)

    async def _review(self, token: str) -> dict[str, Any]:
        """The status that the API server gives the token; ``authenticated`` is a boolean in it.

        Raises:
            Refusal: ``verifier_unreachable``.
        """
        try:
            return _status(await self._ask(token))
        except (ExchangeError, SecretError, TimeoutError) as error:
            raise unreachable(f"kubernetes {self._url}: {error!r}") from error

    async def _ask(self, token: str) -> HttpAnswer:
        async with asyncio.timeout(self._settings.deadline_seconds):  # all threads may be busy
            own = await asyncio.to_thread(self._settings.credentials.read)
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Authorization": f"Bearer {own}",
        }
        review = _API | {"spec": {"token": token, "audiences": [self._settings.audience]}}
        return await self._client.fetch(self._url, headers, json.dumps(review).encode())


def _status(answer: HttpAnswer) -> dict[str, Any]:
    if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):  # 401, 403 too: the sidecar itself is refused
        raise ExchangeError(f"status {answer.status}")
    try:
        review = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise ExchangeError("the answer is not JSON") from error
    if not isinstance(review, dict) or any(review.get(name) != value for name, value in _API.items()):
        raise ExchangeError("the answer is no TokenReview")
    status = review.get("status")
    # Go's omitempty leaves out members that are false: a refused token's status may lack `authenticated`.
    if not isinstance(status, dict) or not isinstance(status.setdefault("authenticated", False), bool):
        raise ExchangeError("the answer has no status")
    return status


def _expiry(token: str) -> float | None:
    """The expiry, in Unix seconds, of a token that the API server has just accepted; None where it names none."""
    try:
        return claims.numeric_date(jwt.decode(token, options={"verify_signature": False}), "exp")
    except jwt.InvalidTokenError:
        return None
