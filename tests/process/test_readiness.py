"""New calls are welcome when what judges them can be reached."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from addons.process.readiness import Readiness
from addons.stores.counters import Counters, MemoryCounters
from addons.stores.redis_counters import RedisCounters
from addons.verifiers.settings import CallerSettings
from addons.verifiers.verifier import build
from tests.verifiers.servers import NOBODY, Reply, always, serving
from tests.verifiers.tokens import RSA, jwk, key_set

type Caller = Callable[[str, Path], dict[str, Any]]

DIALLING: dict[str, tuple[Caller, Reply]] = {
    "introspection": (
        lambda url, file: {"url": url, "client_id": "sidecar", "client_secret": {"file": file}},
        (200, '{"active": false}'),
    ),
    "jwt": (
        lambda url, _file: {"issuer": "issuer", "audience": "sidecar", "jwks_url": url},
        (200, key_set(jwk(RSA, "one"))),
    ),
    "foundry": (lambda url, _file: {"url": url}, (401, "{}")),
}
"""Each verifier's settings, and what a service that is there answers about a token nobody has."""


def missing(caller: dict[str, Any], counters: Counters | None = None, *, needed: bool = True) -> list[str]:
    async def look() -> list[str]:
        rules = SimpleNamespace(verifier=build(CallerSettings.model_validate(caller)), store_needed=needed)
        in_force: Any = SimpleNamespace(rules=rules)
        return list(await Readiness(in_force, counters or MemoryCounters(), lambda: False).look())

    return asyncio.run(look())


@pytest.mark.parametrize("verifier", DIALLING)
def test_a_verifier_that_dials(verifier: str, tmp_path: Path) -> None:
    settings, reply = DIALLING[verifier]
    secret = tmp_path / "secret"
    secret.write_text("secret")

    async def look(url: str) -> list[str]:
        caller = CallerSettings.model_validate({"verifier": verifier, verifier: settings(url, secret)})
        in_force: Any = SimpleNamespace(rules=SimpleNamespace(verifier=build(caller), store_needed=True))
        return list(await Readiness(in_force, MemoryCounters(), lambda: False).look())

    async def both() -> tuple[list[str], list[str], int]:
        async with serving(always(*reply)) as served:
            return await look(served.url), await look(NOBODY), len(served.requests)

    reached, unreached, requests = asyncio.run(both())
    assert reached == []
    assert requests == 1
    assert len(unreached) == 1


@pytest.mark.parametrize(
    ("store", "expected"), [(MemoryCounters(), []), (RedisCounters("redis://127.0.0.1:1"), ["limits.storage: "])]
)
def test_the_store_of_limits(store: Counters, expected: list[str]) -> None:
    found = missing({"verifier": "development"}, store)
    assert [why[: len(start)] for why, start in zip(found, expected, strict=True)] == expected


def test_a_store_that_calls_go_on_without() -> None:
    assert missing({"verifier": "development"}, RedisCounters("redis://127.0.0.1:1"), needed=False) == []


def test_a_verifier_that_dials_nobody(tmp_path: Path) -> None:
    registry = tmp_path / "tokens.yaml"
    registry.write_text("[]")
    assert missing({"verifier": "registry", "registry": {"file": registry}}) == []


def test_not_welcome_before_the_first_look_and_while_draining() -> None:
    draining = False
    in_force: Any = None
    readiness = Readiness(in_force, MemoryCounters(), lambda: draining)
    assert readiness.missing() == ("starting",)
    draining = True
    assert readiness.missing() == ("draining",)
