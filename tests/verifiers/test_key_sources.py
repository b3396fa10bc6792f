import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tornado.httputil import HTTPServerRequest

from addons.foundry.refusals import Refusal
from addons.sources.http_client import HttpClient
from addons.verifiers.discovery import ConfiguredAddress
from addons.verifiers.key_sources import KeyFile, KeySet
from tests.sources.raised_alarms import a_fault
from tests.verifiers.refusals import run
from tests.verifiers.servers import NOBODY, Reply, Served, serving
from tests.verifiers.tokens import OTHER_RSA, P256, RSA, jwk, key_set, pem

ONE = (200, key_set(jwk(RSA, "one")))
TWO = (200, key_set(jwk(OTHER_RSA, "two"), jwk(P256, "curve")))
DOWN = (503, "")
NOISE = (200, "<html>")


class Issuer:
    """A key server whose answer changes, and a clock for those who keep its keys."""

    def __init__(self) -> None:
        self.reply: tuple[int, str] = ONE
        self.now = 0.0
        self.served: Served

    async def answer(self, _: HTTPServerRequest) -> Reply:
        await asyncio.sleep(0)
        return self.reply

    def keys(self) -> KeySet:
        return KeySet(
            ConfiguredAddress(self.served.url),
            HttpClient(5),
            a_fault(),
            lifetime=100,
            interval=5,
            clock=lambda: self.now,
        )

    @property
    def asked(self) -> int:
        return len(self.served.requests)


@asynccontextmanager
async def an_issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    async with serving(issuer.answer) as issuer.served:
        yield issuer


async def found(keys: KeySet, key_id: str | None, algorithm: str = "RS256") -> list[str | None] | str:
    try:
        return [key.id for key in await keys.find(key_id, algorithm)]
    except Refusal as refusal:
        return refusal.name


UNREACHABLE = "verifier_unreachable"

# each story: (time, what the issuer says, the key looked for, what is found, requests so far)
type Step = tuple[float, tuple[int, str], str | None, list[str] | str, int]
STORIES: dict[str, list[Step]] = {
    "fetched when first needed, then kept": [(0, ONE, "one", ["one"], 1), (99, DOWN, "one", ["one"], 1)],
    "fetched again when too old": [
        (0, ONE, "one", ["one"], 1),
        (100, TWO, "one", [], 2),
        (101, TWO, "two", ["two"], 2),
    ],
    "not used when too old": [(0, ONE, "one", ["one"], 1), (100, DOWN, "one", UNREACHABLE, 2)],
    "a new key is fetched when a token names it": [
        (0, ONE, "one", ["one"], 1),
        (5, TWO, "two", ["two"], 2),
        (5, TWO, "one", [], 2),
    ],
    "a flood of unknown keys reaches nobody": [
        (0, ONE, "one", ["one"], 1),
        *((now / 100, ONE, f"made-up-{now}", [], 1) for now in range(1, 500, 7)),
        (5, ONE, "made-up", [], 2),
        (6, TWO, "two", [], 2),
        (10, TWO, "two", ["two"], 3),
    ],
    "an issuer that fails is tried once a second": [
        (0, DOWN, "one", UNREACHABLE, 1),
        (0.9, ONE, "one", UNREACHABLE, 1),
        (1, NOISE, "one", UNREACHABLE, 2),
        (2, ONE, "one", ["one"], 3),
    ],
    "an issuer that fails takes no keys away before their time": [
        (0, ONE, "one", ["one"], 1),
        (5, DOWN, "two", UNREACHABLE, 2),
        (5.5, DOWN, "two", UNREACHABLE, 2),
        (5.5, DOWN, "one", ["one"], 2),
        (6, TWO, "two", ["two"], 3),
    ],
    "noise takes no keys away either": [
        (0, ONE, "one", ["one"], 1),
        (5, NOISE, "two", UNREACHABLE, 2),
        (6, NOISE, "one", ["one"], 2),
    ],
    "a token without key id may be signed by any key of its kind": [(0, TWO, None, ["two"], 1)],
    "a key id is a name and nothing else": [
        (0, ONE, "one", ["one"], 1),
        *((0, ONE, name, [], 1) for name in ("", "ONE", "one\0", "../one", "/etc/passwd", "' OR 1=1", "*", "http://x")),
    ],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_key_set(story: list[Step]) -> None:
    async def main() -> None:
        async with an_issuer() as issuer:
            keys = issuer.keys()
            for issuer.now, issuer.reply, key_id, expected, asked in story:
                assert (issuer.now, await found(keys, key_id), issuer.asked) == (issuer.now, expected, asked)

    run(main())


def test_the_kind_of_key_must_fit_the_algorithm() -> None:
    async def main() -> None:
        async with an_issuer() as issuer:
            issuer.reply = TWO
            keys = issuer.keys()
            assert await found(keys, "curve", "ES256") == ["curve"]
            assert await found(keys, "curve", "RS256") == []
            assert await found(keys, None, "ES256") == ["curve"]
            assert await found(keys, "two", "ES256") == []

    run(main())


def test_many_calls_at_once_fetch_once() -> None:
    async def main() -> None:
        async with an_issuer() as issuer:
            keys = issuer.keys()
            assert await asyncio.gather(*(found(keys, "one") for _ in range(20))) == [["one"]] * 20
            assert issuer.asked == 1

    run(main())


def test_many_calls_at_once_fail_at_once_each_with_its_own_refusal() -> None:
    async def main() -> list[Any]:
        keys = KeySet(ConfiguredAddress(NOBODY), HttpClient(5), a_fault(), lifetime=100, interval=5)
        return await asyncio.gather(*(keys.find("one", "RS256") for _ in range(5)), return_exceptions=True)

    refusals = run(main())
    assert {refusal.name for refusal in refusals} == {UNREACHABLE}
    assert len({refusal.instance_id for refusal in refusals}) == 5
    assert NOBODY in refusals[0].detail


def test_key_file(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(P256))
    file = KeyFile(tmp_path / "key.pem", a_fault())
    (key,) = run(file.find("whatever", "ES256"))
    assert key.public == P256.public_key()
    assert run(file.find(None, "RS256")) == []
