import asyncio
import contextlib
import gc
import weakref
from collections.abc import Mapping, Sequence

import pytest

from addons.foundry.caller import Caller
from addons.foundry.refusals import Refusal
from addons.verifiers.refused import expired, invalid, unreachable
from addons.verifiers.token_cache import TokenCache, verify_again
from tests.verifiers.refusals import run

START = 1_000.0


class Clock:
    now = START

    def __call__(self) -> float:
        return self.now


class Source:
    """Says what it was told to, and remembers what it was asked."""

    def __init__(self, said: Mapping[str, Caller | Refusal]) -> None:
        self.said = said
        self.asked: list[str] = []

    async def verify(self, token: str) -> Caller:
        self.asked.append(token)
        await asyncio.sleep(0)
        said = self.said[token]
        if isinstance(said, Refusal):
            raise said
        return said

    async def missing(self) -> Sequence[str]:
        return ["the source"]


ALICE = Caller("alice", frozenset())
SOON = Caller("soon", frozenset(), expires_at=START + 10)
PAST = Caller("past", frozenset(), expires_at=START - 1)  # within a verifier's leeway

# what the source says, at which seconds it is asked about, how often that reaches the source
LIVES: list[tuple[Caller | Refusal, list[float], int]] = [
    (ALICE, [0, 30, 59.9], 1),
    (ALICE, [0, 60], 2),
    (ALICE, [0, 59, 61, 119], 2),  # being used does not lengthen it
    (ALICE, [0, -1], 2),  # a clock set back
    (SOON, [0, 9.9], 1),
    (SOON, [0, 10], 2),
    (PAST, [0, 0], 2),
    (invalid("no"), [0, 4.9], 1),
    (invalid("no"), [0, 5], 2),
    (expired(), [0, 1], 1),
    (unreachable("down"), [0, 0], 2),
    (Refusal("missing_scope"), [0, 0], 2),
]


@pytest.mark.parametrize(("said", "moments", "asked"), LIVES, ids=range(len(LIVES)))
def test_how_long_it_is_remembered(said: Caller | Refusal, moments: list[float], asked: int) -> None:
    clock, source = Clock(), Source({"t": said})
    cache = TokenCache(source, seconds=60, entries=9, refused_seconds=5, clock=clock)

    async def ask() -> Caller | str:
        try:
            return await cache.verify("t")
        except Refusal as refusal:
            return refusal.name

    for moment in moments:
        clock.now = START + moment
        assert run(ask()) == (said.name if isinstance(said, Refusal) else said)
    assert len(source.asked) == asked


def test_nothing_is_remembered_for_zero_seconds() -> None:
    source = Source({"t": ALICE})
    cache = TokenCache(source, seconds=0, entries=9)
    for _ in range(3):
        assert run(cache.verify("t")) == ALICE
    assert len(source.asked) == 3


def test_the_whole_token_is_the_key() -> None:
    long = "a" * 4096
    source = Source({f"{long}1": ALICE, f"{long}2": SOON})
    cache = TokenCache(source, seconds=60, entries=9, clock=Clock())
    assert run(cache.verify(f"{long}1")) == ALICE
    assert run(cache.verify(f"{long}2")) == SOON


def test_bounded_and_the_least_recently_used_goes_first() -> None:
    source = Source(dict.fromkeys("abc", ALICE))
    cache = TokenCache(source, seconds=60, entries=2, clock=Clock())
    for token in "abacab":  # a is used again before c comes, so b makes room; then b pushes out c
        run(cache.verify(token))
    assert source.asked == ["a", "b", "c", "b"]


def test_refused_tokens_push_out_no_good_one() -> None:
    source = Source({"good": ALICE} | {str(number): invalid("no") for number in range(100)})
    cache = TokenCache(source, seconds=60, entries=2, refused_seconds=5, clock=Clock())
    run(cache.verify("good"))
    for number in range(100):
        with pytest.raises(Refusal):
            run(cache.verify(str(number)))
    run(cache.verify("good"))
    assert source.asked.count("good") == 1
    assert len(cache._refusals._values) == 2


def test_few_refused_tokens_are_remembered_however_many_good_ones_may_be() -> None:
    source = Source({str(number): invalid("no") for number in range(1_500)})
    cache = TokenCache(source, seconds=60, entries=1_000_000, refused_seconds=5, clock=Clock())

    async def main() -> None:
        for number in range(1_500):
            with pytest.raises(Refusal):
                await cache.verify(str(number))

    run(main())
    assert len(cache._refusals._values) == 1_000


class Heavy(str):
    """What a verifier holds while it works: a token, an answer."""

    __slots__ = ("__weakref__",)


def test_a_remembered_refusal_holds_nothing_of_what_it_was_made_of() -> None:
    """Issue: 10,000 bad tokens of 16 KB were kept for ever, in the tracebacks of remembered refusals."""
    held: list[weakref.ref[Heavy]] = []

    class Refusing:
        async def verify(self, _token: str) -> Caller:
            answer = Heavy("answer")
            held.append(weakref.ref(answer))
            raise invalid("no")

        async def missing(self) -> Sequence[str]:
            return ()

    cache = TokenCache(Refusing(), seconds=60, entries=9, refused_seconds=5, clock=Clock())
    for _ in range(3):
        with pytest.raises(Refusal):
            run(cache.verify("t"))
    gc.collect()
    assert [reference() for reference in held] == [None]


def test_what_is_over_goes_though_nobody_asks_for_it_again() -> None:
    clock = Clock()
    said: dict[str, Caller | Refusal] = {str(number): ALICE if number % 2 else invalid("no") for number in range(100)}
    source = Source(said | {"last": ALICE, "last refused": invalid("no")})
    cache = TokenCache(source, seconds=60, entries=1_000, refused_seconds=5, clock=clock)
    for number in range(100):
        clock.now = START + number / 50
        with contextlib.suppress(Refusal):
            run(cache.verify(str(number)))
    clock.now = START + 100
    for token in ("last", "last refused"):
        with contextlib.suppress(Refusal):
            run(cache.verify(token))
    assert (len(cache._callers._values), len(cache._refusals._values)) == (1, 1)


def test_a_remembered_refusal_is_a_new_one_for_each_call() -> None:
    cache = TokenCache(Source({"t": invalid("no")}), seconds=60, entries=9, refused_seconds=5, clock=Clock())
    ids = set()
    for _ in range(3):
        with pytest.raises(Refusal) as caught:
            run(cache.verify("t"))
        ids.add(caught.value.instance_id)
    assert len(ids) == 3


def test_many_calls_at_once_ask_once() -> None:
    source = Source({"t": ALICE, "u": SOON})
    cache = TokenCache(source, seconds=60, entries=9, clock=Clock())

    async def main() -> list[Caller]:
        return await asyncio.gather(*(cache.verify(token) for token in "tutut"))

    assert run(main()) == [ALICE, SOON, ALICE, SOON, ALICE]
    assert sorted(source.asked) == ["t", "u"]


def test_what_was_learnt_is_kept_though_the_caller_hung_up() -> None:
    source = Source({"t": ALICE})
    cache = TokenCache(source, seconds=60, entries=9, clock=Clock())

    async def main() -> None:
        waiter = asyncio.create_task(cache.verify("t"))
        await asyncio.sleep(0)
        waiter.cancel()
        assert await cache.verify("t") == ALICE
        assert await cache.verify("t") == ALICE

    run(main())
    assert source.asked == ["t"]


def test_a_caller_that_is_remembered_is_asked_about_anew_where_that_is_wanted() -> None:
    source = Source({"token": Caller("anna", frozenset())})
    cache = TokenCache(source, seconds=60, entries=10)

    async def ask() -> None:
        await cache.verify("token")
        await cache.verify("token")
        verify_again.set(True)
        source.said = {"token": invalid("revoked")}
        with pytest.raises(Refusal):
            await cache.verify("token")

    run(ask())
    assert source.asked == ["token", "token"]
