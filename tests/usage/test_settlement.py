"""Ended calls are settled beside other work, and none is forgotten at the end."""

import asyncio
from collections.abc import Mapping, Sequence

from addons.foundry.permits import Meter
from addons.gates.counters import StoreUnavailableError
from addons.usage.memory_counters import MemoryCounters
from addons.usage.settlement import Settlement
from tests.conftest import MODEL
from tests.gates.calls import call, charged
from tests.records import Records

METER = Meter("USER", "someone", MODEL, "REQUESTS")
NOW = 10**8  # a minute far ahead, so that what is given back still counts


class Slow:
    """Counters that answer when told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.may_go = asyncio.Event()
        self.added: list[Mapping[str, int]] = []
        self.closed_after: int | None = None
        self._fails = fails

    async def read(self, keys: Sequence[str]) -> list[int]:
        raise AssertionError(f"nobody asks for {keys}")

    async def add(self, amounts: Mapping[str, int], seconds: int = 0) -> list[int]:
        await self.may_go.wait()
        if self._fails:
            raise StoreUnavailableError("away")
        self.added.append(amounts)
        return list(amounts.values())

    async def close(self) -> None:
        self.closed_after = len(self.added)


def run(counters: Slow, calls: int) -> None:
    async def main() -> None:
        settlement = Settlement(counters)
        for _ in range(calls):
            settlement.settle(call(permits=charged({METER: 1}, NOW)))
        settlement.settle(call())
        assert counters.added == []
        ending = asyncio.create_task(settlement.stop())
        counters.may_go.set()
        await ending

    asyncio.run(main())


def test_the_end_waits_for_what_is_under_way() -> None:
    counters = Slow()
    run(counters, 3)
    assert counters.added == [{METER.key(NOW): -1}] * 3
    assert counters.closed_after == 3


def test_a_store_that_is_away_is_logged_for_each_call(records: Records) -> None:
    counters = Slow(fails=True)
    run(counters, 2)
    assert [event["why"] for event in records.of("limits_not_settled")] == ["away", "away"]
    assert counters.closed_after == 0


def test_a_process_s_own_counters_are_corrected_at_once() -> None:
    counters = MemoryCounters()

    async def main() -> None:
        settlement = Settlement(counters)
        await counters.add({METER.key(NOW): 5})
        settlement.settle(call(permits=charged({METER: 1}, NOW)))
        assert await counters.read([METER.key(NOW)]) == [4]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
