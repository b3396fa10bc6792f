"""New calls are welcome when what judges them can be reached."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from addons.gates.counters import Counters
from addons.process.readiness import Readiness
from addons.provider_credentials.build import Credentials
from addons.provider_credentials.credential import Credential, StaticKey
from addons.sources import watched_file
from addons.usage.memory_counters import MemoryCounters
from addons.usage.redis_counters import RedisCounters
from addons.values.secret import Secret
from addons.verifiers.build import build_verifier
from addons.verifiers.settings import CallerSettings
from tests.sources.raised_alarms import Alarms, a_fault
from tests.usage.server import Store
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


def missing(
    caller: dict[str, Any],
    counters: Counters | None = None,
    *,
    credentials: dict[str, Credential] | None = None,
    needed: bool = True,
) -> list[str]:
    async def look() -> list[str]:
        rules = SimpleNamespace(
            verifier=build_verifier(CallerSettings.model_validate(caller)),
            credentials=credentials or {},
            store_needed=needed,
        )
        in_force: Any = SimpleNamespace(rules=rules)
        return list(await Readiness(in_force, counters or MemoryCounters()).look())

    return asyncio.run(look())


@pytest.mark.parametrize("verifier", DIALLING)
def test_a_verifier_that_dials(verifier: str, tmp_path: Path) -> None:
    settings, reply = DIALLING[verifier]
    secret = tmp_path / "secret"
    secret.write_text("secret")

    async def look(url: str) -> list[str]:
        caller = CallerSettings.model_validate({"verifier": verifier, verifier: settings(url, secret)})
        in_force: Any = SimpleNamespace(
            rules=SimpleNamespace(verifier=build_verifier(caller), credentials={}, store_needed=True)
        )
        return list(await Readiness(in_force, MemoryCounters()).look())

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


def test_a_store_that_answers_and_takes_nothing(own_store: Store) -> None:
    assert own_store.say("REPLICAOF 127.0.0.1 1") == "+OK"
    assert missing({"verifier": "development"}, RedisCounters(own_store.url, 20)) == ["limits.storage: ReadOnlyError"]


def test_a_store_that_calls_go_on_without() -> None:
    assert missing({"verifier": "development"}, RedisCounters("redis://127.0.0.1:1"), needed=False) == []


def test_a_verifier_that_dials_nobody(tmp_path: Path) -> None:
    registry = tmp_path / "tokens.yaml"
    registry.write_text("[]")
    assert missing({"verifier": "registry", "registry": {"file": registry}}) == []


def test_a_registry_that_went_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_file, "_LOOK_EVERY", 0.0)
    registry = tmp_path / "tokens.yaml"
    registry.write_text("[]")
    caller = CallerSettings.model_validate({"verifier": "registry", "registry": {"file": registry}})
    rules = SimpleNamespace(verifier=build_verifier(caller, Alarms()), credentials={}, store_needed=False)
    in_force: Any = SimpleNamespace(rules=rules)
    readiness = Readiness(in_force, MemoryCounters())
    registry.write_text("- {sha256: x}")
    (why,) = asyncio.run(readiness.look())
    assert f"{registry}:1: " in why
    registry.write_text("[] # mended")
    assert asyncio.run(readiness.look()) == []


def test_a_provider_key_that_is_gone(tmp_path: Path) -> None:
    credentials = {"eu": Credentials(Alarms()).of(Secret(file=tmp_path / "key"))}
    (why,) = missing({"verifier": "development"}, credentials=credentials)
    assert why == f"provider.regions.eu: file {tmp_path}/key can't be read: No such file or directory"
    (tmp_path / "key").write_text("sk-key")
    assert missing({"verifier": "development"}, credentials=credentials) == []


def test_a_credential_that_fails_otherwise_is_missing_and_looking_goes_on() -> None:
    class Failing(StaticKey):
        async def missing(self) -> Sequence[str]:
            raise ZeroDivisionError

    failing = Failing(Secret(env="KEY"), a_fault())
    assert missing({"verifier": "development"}, credentials={"eu": failing}) == [
        "provider.regions.eu: ZeroDivisionError"
    ]


def test_not_welcome_before_the_first_look_and_while_draining() -> None:
    in_force: Any = None
    readiness = Readiness(in_force, MemoryCounters())
    assert readiness.missing() == ("starting",)
    readiness.leave()
    assert readiness.missing() == ("draining",)
