import asyncio

import pytest

from addons.call import Call
from addons.foundry.refusals import Refusal
from addons.gates.order import run
from tests.gates.calls import call


async def later(asked: Call) -> None:
    await asyncio.sleep(0)
    assert asked.passed == ["first"]


def fails(_asked: Call) -> None:
    raise RuntimeError("injected")


def test_each_gate_is_noted_once_it_has_let_the_call_through() -> None:
    asked = call()
    with pytest.raises(RuntimeError, match="injected"):
        asyncio.run(run([("first", lambda _: None), ("later", later), ("fails", fails), ("last", later)], asked))
    assert asked.passed == ["first", "later"]


def test_an_asynchronous_gate_is_waited_for() -> None:
    asked = call()

    async def fills(filled: Call) -> None:
        await asyncio.sleep(0)
        filled.region = "eu"

    asyncio.run(run([("fills", fills)], asked))
    assert asked.region == "eu"

    async def refuses(_asked: Call) -> None:
        await asyncio.sleep(0)
        raise Refusal("not_found")

    with pytest.raises(Refusal):
        asyncio.run(run([("refuses", refuses)], call()))
