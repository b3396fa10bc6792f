"""Gate: the request as the provider will see it, built anew from what was judged (docs/contract.md#request-headers)."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from addons.bodies import splice
from addons.bodies.additions import pseudonym
from addons.call import Call, Outbound
from addons.foundry.request_headers import FORWARDED, HASHED
from addons.gates.body import LARGE

MAX_FORWARDED: Final = 512  # characters

USER_AGENT: Final = "foundry-sidecar"


@dataclass(frozen=True, slots=True)
class RegionEndpoint:
    """One region's endpoint. ``headers`` are those the operator's configuration adds."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname
        return parts.hostname, parts.port or 443


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Fills ``call.outbound``. A region without an endpoint is a fault: there is no fallback."""

    endpoints: Mapping[str, RegionEndpoint]

    async def __call__(self, call: Call) -> None:
        assert call.model
        assert call.region
        assert call.verdict
        assert call.api
        members = {**call.verdict.members, "model": self._provider_model(call)}
        if len(call.body) < LARGE:
            pieces = splice.splice(call.body, call.document, members)
        else:
            pieces = await asyncio.to_thread(splice.splice, call.body, call.document, members)
        endpoint = self.endpoints[call.region]
        host, port = endpoint.address
        call.outbound = Outbound(
            region=call.region,
            host=host,
            port=port,
            path=urlsplit(endpoint.url).path.rstrip("/") + call.api.path,
            headers=(
                ("Host", urlsplit(endpoint.url).netloc),
                ("Content-Type", "application/json"),
                ("Accept", "text/event-stream" if call.document.get("stream") else "application/json"),
                ("Accept-Encoding", "identity"),  # the usage is read from the bytes that pass
                ("User-Agent", USER_AGENT),
                *endpoint.headers,
                *_travelling(call),
            ),
            pieces=pieces,
        )

    @staticmethod
    def _provider_model(call: Call) -> str:
        assert call.model
        assert call.region
        assert call.model.provider_model
        return call.model.snapshot.get(call.region, call.model.provider_model)


def _travelling(call: Call) -> Iterator[tuple[str, str]]:
    """The caller's own headers. A hash is keyed by the value alone, so that every sidecar makes the same one."""
    assert call.caller
    for name in (*FORWARDED, *HASHED):
        value = call.header(name) or ""
        if 0 < len(value) <= MAX_FORWARDED and value.isascii() and value.isprintable():
            yield name, pseudonym(value, call.caller.subject) if name in HASHED else value
