import asyncio

import pytest

from addons.call import Call, OtherPath, To
from addons.foundry.refusals import Refusal
from addons.gates.order import TO_ALL, TO_FOUNDRY, Gate, Gates, Named, run
from tests.gates.calls import call


async def later(asked: Call) -> None:
    await asyncio.sleep(0)
    assert asked.passed == ["first"]


def fails(_asked: Call) -> None:
    raise RuntimeError("injected")


def test_each_gate_is_noted_once_it_has_let_the_call_through() -> None:
    asked = call()
    gates = [("first", lambda _: None), ("later", later), ("fails", fails), ("last", later)]
    with pytest.raises(RuntimeError, match="injected"):
        asyncio.run(run([Named(name, gate) for name, gate in gates], asked))
    assert asked.passed == ["first", "later"]


def mark(asked: Call) -> None:
    asked.other_path = OtherPath("acme.palantirfoundry.com", "/api/v2/ontologies")


def passes(_asked: Call) -> None:
    return None


@pytest.mark.parametrize(
    ("first", "to", "names"),
    [(passes, "provider", ("first", "models")), (mark, "foundry", ("first", "onward"))],
)
def test_a_call_goes_through_the_gates_of_where_it_leaves_for(first: Gate, to: To, names: tuple[str, ...]) -> None:
    head = [Named("first", first, TO_ALL), Named("models", passes)]
    gates = Gates(head, [Named("onward", passes, TO_FOUNDRY)])
    asked = call()
    asyncio.run(run(gates.head, asked))
    asyncio.run(run(gates.body, asked))
    assert asked.to == to
    assert tuple(asked.passed) == names == gates.names(to)


def test_an_asynchronous_gate_is_waited_for() -> None:
    asked = call()

    async def fills(filled: Call) -> None:
        await asyncio.sleep(0)
        filled.region = "eu"

    asyncio.run(run([Named("fills", fills)], asked))
    assert asked.region == "eu"

    async def refuses(_asked: Call) -> None:
        await asyncio.sleep(0)
        raise Refusal("not_found")

    with pytest.raises(Refusal):
        asyncio.run(run([Named("refuses", refuses)], call()))
