"""A token exchange endpoint over TLS, as OpenAI documents its own, that can also fail and lie."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tornado.httputil import HTTPServerRequest

from addons.provider_credentials.settings import IdentitySettings
from addons.provider_credentials.workload_identity import WorkloadIdentity
from addons.simulator.certificates import Authority
from addons.sources.fault import Fault
from addons.sources.http_client import HttpClient
from tests.sources.raised_alarms import Alarms
from tests.verifiers.servers import Answer, Reply, Served, serving

SUBJECT_TOKEN = "the-pods-own-token"


def issued(token: str = "short-lived", seconds: float = 3600, **more: Any) -> Reply:
    said = {"access_token": token, "expires_in": seconds, "token_type": "Bearer"} | more
    return 200, json.dumps({name: value for name, value in said.items() if value is not None})


def refused(status: int, error: str = "invalid_grant") -> Reply:
    return status, json.dumps({"error": error, "error_description": f"no mapping for {SUBJECT_TOKEN}"})


class Endpoint:
    """Gives the replies it was told to, the last one again and again."""

    def __init__(self, *replies: Reply | Answer) -> None:
        self.replies = list(replies)
        self.now = 0.0
        self.alarms = Alarms()
        self.served: Served
        self.settings: IdentitySettings

    async def answer(self, request: HTTPServerRequest) -> Reply:
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return await reply(request) if callable(reply) else reply

    @property
    def asked(self) -> int:
        return len(self.served.requests)

    def credential(self, **changes: Any) -> WorkloadIdentity:
        settings = self.settings.model_copy(update=changes)
        return WorkloadIdentity(
            settings,
            HttpClient(settings.deadline_seconds, settings.trusted_ca),
            Fault("provider_identity", self.alarms, lambda: self.now),
            clock=lambda: self.now,
            between=lambda _least, most: most,
        )


def settings(folder: Path, url: str, **more: Any) -> dict[str, Any]:
    token = folder / "token"
    token.write_text(SUBJECT_TOKEN)
    return {
        "identity_provider_id": "wip_1",
        "service_account_id": "sa_1",
        "token_file": str(token),
        "url": f"{url}/oauth/token",
        "trusted_ca": str(folder / "ca.pem"),
    } | more


@asynccontextmanager
async def exchanging(folder: Path, *replies: Reply | Answer) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(*replies)
    async with serving(endpoint.answer, Authority(folder).server_context(["127.0.0.1"])) as endpoint.served:
        endpoint.settings = IdentitySettings.model_validate(settings(folder, endpoint.served.url))
        yield endpoint
