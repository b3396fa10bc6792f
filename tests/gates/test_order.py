import asyncio

import pytest

from addons.call import Call
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
