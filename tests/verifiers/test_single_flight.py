import asyncio

import pytest

from addons.foundry.refusals import Refusal
from addons.verifiers.single_flight import SingleFlight
from tests.verifiers.refusals import run


class Work:
    """Counts its runs and ends when told."""

    def __init__(self, outcome: str | Exception = "done") -> None:
        self.runs = 0
        self.gate = asyncio.Event()
        self.outcome = outcome

    async def __call__(self) -> str:
        self.runs += 1
        await self.gate.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def several(flight: SingleFlight[str, str], work: Work, count: int = 3) -> list[asyncio.Task[str]]:
    waiters = [asyncio.create_task(flight.run("key", work)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert work.runs == 1
    return waiters


def test_one_run_for_all_who_wait_and_another_for_who_comes_later() -> None:
    async def main() -> None:
        flight, work = SingleFlight[str, str](), Work()
        waiters = await several(flight, work)
        work.gate.set()
        assert await asyncio.gather(*waiters) == ["done"] * 3
        assert await flight.run("key", work) == "done"
        assert work.runs == 2

    run(main())


def test_keys_are_apart() -> None:
    async def main() -> None:
        flight, one, two = SingleFlight[str, str](), Work("1"), Work("2")
        waiters = [asyncio.create_task(flight.run("a", one)), asyncio.create_task(flight.run("b", two))]
        one.gate.set()
        two.gate.set()
        assert await asyncio.gather(*waiters) == ["1", "2"]

    run(main())


@pytest.mark.parametrize("cancelled", [[0], [1, 2], [0, 1]], ids=str)
def test_a_cancelled_waiter_takes_nothing_from_the_others(cancelled: list[int]) -> None:
    async def main() -> None:
        flight, work = SingleFlight[str, str](), Work()
        waiters = await several(flight, work)
        for index in cancelled:
            waiters[index].cancel()
        await asyncio.sleep(0)
        work.gate.set()
        outcomes = await asyncio.gather(*waiters, return_exceptions=True)
        for index, outcome in enumerate(outcomes):
            assert isinstance(outcome, asyncio.CancelledError) if index in cancelled else outcome == "done"
        assert work.runs == 1

    run(main())


def test_work_ends_though_all_waiters_left() -> None:
    async def main() -> None:
        flight, work = SingleFlight[str, str](), Work(Refusal("unauthorized"))
        for waiter in await several(flight, work):
            waiter.cancel()
        work.gate.set()
        await asyncio.gather(*flight._under_way.values())
        assert flight._under_way == {}

    run(main())


def test_each_waiter_gets_a_refusal_of_its_own() -> None:
    async def main() -> None:
        flight = SingleFlight[str, str]()
        given = Refusal("unauthorized", "no", {"error": "INVALID"}, headers={"A": "b"}, detail="d")
        work = Work(given)
        waiters = await several(flight, work)
        work.gate.set()
        refusals = await asyncio.gather(*waiters, return_exceptions=True)
        assert len({refusal.instance_id for refusal in refusals if isinstance(refusal, Refusal)}) == 3
        for refusal in refusals:
            assert isinstance(refusal, Refusal)
            said = (refusal.name, refusal.message, refusal.parameters, refusal.headers, refusal.detail)
            assert said == ("unauthorized", "no", {"error": "INVALID"}, {"A": "b"}, "d")

    run(main())


def test_other_errors_reach_every_waiter() -> None:
    async def main() -> None:
        flight, work = SingleFlight[str, str](), Work(ZeroDivisionError())
        waiters = await several(flight, work)
        work.gate.set()
        outcomes = await asyncio.gather(*waiters, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 3

    run(main())
