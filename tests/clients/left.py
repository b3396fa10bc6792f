"""What must hold of every call that leaves, whichever client made it."""

import json
from typing import Any

from addons.simulator.provider import SimulatedProvider
from tests.conftest import PROVIDER_KEY

SENT = {
    "accept",
    "accept-encoding",
    "authorization",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "user-agent",
    "x-client-request-id",
}
"""Header names that may reach the provider: no attribution, trace, Palantir or ``x-stainless`` header among them."""


def assert_left_as_promised(provider: SimulatedProvider, calls: int = 1, path: str = "/v1/responses") -> list[Any]:
    """Asserts it of the calls the provider saw, of which there must be so many; gives their bodies."""
    assert len(provider.calls) == calls
    for call in provider.calls:
        assert (call.method, call.target) == ("POST", path)
        assert {name.lower() for name, _ in call.headers} <= SENT
        assert call.values("authorization") == [f"Bearer {PROVIDER_KEY}"]
        assert call.values("accept-encoding") == ["identity"]
        assert call.values("host") == [f"127.0.0.1:{provider.port}"]
        assert call.json()["model"] == "gpt-5.2"
        assert call.json()["store"] is False
    return [json.loads(call.body) for call in provider.calls]
