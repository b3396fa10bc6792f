"""Many calls at once, on both stores: never more than the limit, whatever the order."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.call import Answer, Call
from addons.foundry.refusals import Refusal
from addons.gates.counters import Counters
from addons.gates.limits import HoldToLimits
from addons.usage.charging import corrections
from addons.usage.memory_counters import MemoryCounters
from addons.usage.redis_counters import RedisCounters
from tests.gates.calls import through
from tests.gates.test_limits import NOON, Sidecar, asked, one
from tests.gates.test_limits import settings as limits
from tests.usage.server import Store

LIMIT = 10_000


@pytest.fixture(params=["memory", "two sidecars on one redis"])
def counters(request: pytest.FixtureRequest) -> Iterator[Callable[[], list[Counters]]]:
    if request.param == "memory":
        yield lambda: [MemoryCounters()]
    else:
        store: Store = request.getfixturevalue("store")
        yield lambda: [RedisCounters(store.url, deadline=30), RedisCounters(store.url, deadline=30)]


def test_a_burst_is_admitted_up_to_the_limit_and_no_further(counters: Callable[[], list[Counters]]) -> None:
    """Each call's true use is what it is settled to; some come back for more while others are still under way."""
    rules = limits(user=one(tokens=LIMIT, requests=60))
    chance = random.Random(7)
    charged = {"now": 0, "most": 0, "calls": 0, "refused": 0}

    async def one_call(gate: HoldToLimits, kept: Counters) -> None:
        each: Call = asked(max_output_tokens=chance.randint(1, 600))
        try:
            await gate(each)
        except Refusal:
            charged["refused"] += 1
            await kept.add(corrections(each, NOON))
            return
        assert each.permits
        estimated = each.permits.estimated_tokens or 0
        charged["now"] += estimated
        charged["calls"] += 1
        charged["most"] = max(charged["most"], charged["now"])
        await asyncio.sleep(0)
        used = chance.randint(1, estimated)
        charged["now"] += used - estimated  # before the store hears of it: it may be lower by then, never higher
        each.sent_at, each.answer = 1.0, Answer(status=200, facts=AnswerFacts(usage=Usage(total_tokens=used)))
        await kept.add(corrections(each, NOON))

    async def main() -> list[int]:
        kept = counters()
        gates = [HoldToLimits(rules, each, lambda: NOON) for each in kept]
        both = list(zip(gates, kept, strict=True))
        await asyncio.gather(*(one_call(*both[n % len(both)]) for n in range(150)))
        left: Call = asked(max_output_tokens=1)
        with contextlib.suppress(Refusal):
            await gates[0](left)
        assert left.permits
        standing = [each.used for each in left.permits.standings]
        for each in kept:
            await each.close()
        return standing

    standing = asyncio.run(main())
    assert charged["most"] <= LIMIT
    assert charged["calls"] <= 60
    assert charged["refused"] > 0
    assert charged["calls"] > 10
    assert [charged["now"], charged["calls"]] in (standing, [standing[0] - 1, standing[1] - 1])


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("call"), st.integers(1, 1500)),
            st.tuples(st.just("end"), st.integers(1, 1500)),
            st.tuples(st.just("wait"), st.integers(1, 130)),
        ),
        max_size=40,
    )
)
def test_any_minute_holds_what_was_let_through(steps: list[tuple[str, int]]) -> None:
    """Against a plain model: a minute's charges pass its limit only by what calls used beyond their estimate."""
    sidecar = Sidecar(user=one(tokens=1000))
    open_calls: list[Call] = []
    minute: dict[int, int] = {}
    for step, number in steps:
        now = int(sidecar.clock.now // 60)
        if step == "wait":
            sidecar.clock.now += number
        elif step == "call":
            each = asked(max_output_tokens=number)
            if not _admitted(sidecar, each):
                assert minute.get(now, 0) + min(number, 1000) > 1000 or minute.get(now - 1, 0) > 0
                continue
            minute[now] = minute.get(now, 0) + min(number, 1000)
            assert minute[now] <= 1000
            open_calls.append(each)
        elif open_calls:
            each = open_calls.pop(0)
            assert each.permits
            (charged,) = each.permits.costs
            place = each.permits.minute if number < charged else now
            sidecar.ends(each, used=number)
            if number > charged or place >= now - 1:
                minute[place] = minute.get(place, 0) + number - charged


def _admitted(sidecar: Sidecar, each: Call) -> bool:
    try:
        through(sidecar.gate, each)
    except Refusal:
        return False
    return True
