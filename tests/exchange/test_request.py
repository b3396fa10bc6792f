"""A request's body while it comes: its bounds, who waits for it, and the bytes that it takes of all bodies' budget."""

import asyncio
from collections.abc import Callable

import pytest

from addons.exchange.request import PIECE, Body, BodyBounds, Request
from addons.foundry.refusals import Refusal
from addons.gates.body_bytes import BodyBytes
from tests.waiting import LONGEST

MOST, ROOM = 8, 12


def a_body(taken: int = 0) -> tuple[Body, BodyBytes]:
    budget = BodyBytes(ROOM)
    assert budget.take(taken)
    return Body(BodyBounds(MOST, budget, BodyBytes(0))), budget


async def read(body: Body, *, again: bool = False) -> bytes:
    async with asyncio.timeout(LONGEST):
        return await body.read(again=again)


@pytest.mark.parametrize(
    ("pieces", "before", "refusal", "taken"),
    [
        ((), 0, None, 0),
        ((b"x" * MOST,), 0, None, MOST),
        ((b"x", b"x" * (MOST - 1)), 4, None, MOST),
        ((b"x" * (MOST + 1),), 0, "too_large", 0),
        ((b"x" * MOST, b"x"), 0, "too_large", 0),
        ((b"x" * MOST,), 5, "bodies_full", 0),
        ((b"x" * 7, b"x"), 5, "bodies_full", 0),
        ((b"x" * MOST, b"x", b"y" * 9), 5, "bodies_full", 0),  # the first reason is told
    ],
)
def test_bounds(pieces: tuple[bytes, ...], before: int, refusal: str | None, taken: int) -> None:
    body, budget = a_body(before)
    for piece in pieces:
        body.receive(piece)
    body.end()
    assert body.size == sum(map(len, pieces))
    assert body.dropped == (refusal is not None)
    assert budget.taken == before + taken
    if refusal is None:
        assert asyncio.run(read(body)) == b"".join(pieces)
    else:
        with pytest.raises(Refusal) as caught:
            asyncio.run(read(body))
        assert caught.value.name == refusal


def test_of_a_dropped_body_nothing_is_kept_and_its_bytes_are_given_back_once() -> None:
    body, budget = a_body(4)
    body.receive(b"abc")
    body.drop(4)  # with what was decoded of it
    body.receive(b"def")
    body.drop()
    body.end()
    assert (body.size, budget.taken) == (6, 0)
    assert asyncio.run(read(body)) == b""


def test_it_is_read_once_or_again_where_that_is_said() -> None:
    body, budget = a_body()
    body.receive(b"abc")
    body.end()

    async def play() -> None:
        assert [await read(body, again=True), await read(body), await read(body)] == [b"abc", b"abc", b""]

    asyncio.run(play())
    assert budget.taken == 3, "until it is dropped"


@pytest.mark.parametrize(("whole", "refusal"), [(b"edited", None), (b"x" * (MOST + 1), "too_large")])
def test_another_takes_its_place_within_the_same_bounds(whole: bytes, refusal: str | None) -> None:
    body, budget = a_body()
    body.receive(b"abc")
    body.end()
    body.replace(whole)
    assert (body.size, budget.taken) == (len(whole), 0 if refusal else len(whole))
    if refusal is None:
        assert asyncio.run(read(body)) == whole
    else:
        with pytest.raises(Refusal, match="body"):
            asyncio.run(read(body))


def fails(body: Body) -> None:
    body.fail(Refusal("fault"))
    body.fail(ValueError("a later one"))


@pytest.mark.parametrize(("ends", "raised"), [(Body.end, None), (fails, "fault")])
def test_who_waits_for_it_is_woken(ends: Callable[[Body], None], raised: str | None) -> None:
    async def play() -> bytes | str:
        body, _ = a_body()
        waiting = asyncio.create_task(read(body))
        await asyncio.sleep(0)
        body.receive(b"abc")
        assert not waiting.done()
        ends(body)
        ends(body)  # a second time wakes nobody
        try:
            return await waiting
        except Refusal as refusal:
            return refusal.name

    assert asyncio.run(play()) == (raised or b"abc")


def test_small_pieces_are_gathered() -> None:
    """A piece costs memory of its own."""
    budget = BodyBytes(4 * PIECE)
    body = Body(BodyBounds(4 * PIECE, budget, BodyBytes(0)))
    for _ in range(PIECE + 1):
        body.receive(b"x")
    assert [len(each) for each in body._pieces] == [PIECE, 1]


def test_the_table_of_fields() -> None:
    body, _ = a_body()
    fields = ((b"Host", b"a"), (b"X-Much", b"\xe9"), (b"host", b"b"))
    request = Request("GET", "/x", fields, "1.1", keep_alive=True, body=body)
    assert request.table() == {"host": ("a", "b"), "x-much": ("\xe9",)}
    assert "x-much" not in repr(request).lower()
