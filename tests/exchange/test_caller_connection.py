"""One caller's connection against a wire that only notes: turns, what is sent ahead, clocks, and each way to end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from addons.exchange.caller_connection import CallerConnection
from addons.exchange.connection_timer import ConnectionTimeouts
from addons.exchange.ending import Ending
from addons.exchange.pace import MOST_AHEAD
from addons.exchange.request import BodyBounds, Request
from addons.exchange.wire import Peer
from addons.foundry.refusals import Refusal
from addons.gates.body_bytes import BodyBytes

ROOM = 1_000_000
CALL = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
HALF = CALL[:-3]


class NotingWire:
    """``said`` are the words of what happened to it; a pause and its end are among them."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.unsent = 0

    def write(self, data: bytes) -> None:
        self.said.append(data.decode())

    async def drain(self) -> None:
        self.unsent = 0

    def __getattr__(self, word: str) -> Callable[[], None]:
        return lambda: self.said.append(word)


class NotingServed:
    def __init__(self, caller: CallerConnection, request: Request) -> None:
        self.caller = caller
        self.request = request
        self.ending: Ending | None = None

    def start(self) -> None: ...

    def end(self, ending: Ending) -> None:
        self.ending = ending

    def answer(self, *, keep: bool = True) -> None:
        """As an exchange does, whose end is this one's, too."""
        self.request.body.drop()
        self.caller.exchange_ended(self.request, keep=keep)


class NotingServer:
    def __init__(self, head: float = 60, body: float = 60, write: float = 60) -> None:
        self.budget = BodyBytes(ROOM)
        self.bounds = BodyBounds(ROOM, self.budget, BodyBytes(ROOM))
        self.timeouts = ConnectionTimeouts(head=head, body=body, write=write)
        self.served: list[NotingServed] = []

    def serve(self, caller: CallerConnection, request: Request) -> NotingServed:
        self.served.append(NotingServed(caller, request))
        return self.served[-1]

    def refuse(self, refusal: Refusal) -> bytes:
        return refusal.name.encode()


class Stage:
    def __init__(self, **seconds: float) -> None:
        self.wire = NotingWire()
        self.server = NotingServer(**seconds)
        wire: Any = self.wire
        self.caller = CallerConnection(wire, Peer("192.0.2.1", "reverse"), self.server)

    @property
    def served(self) -> list[NotingServed]:
        return self.server.served


def on_loop(test: Callable[[Stage], Awaitable[None]], **seconds: float) -> None:
    async def play() -> None:
        stage = Stage(**seconds)
        await test(stage)
        stage.caller.closed()

    asyncio.run(play())


def test_one_behind_the_other() -> None:
    async def play(stage: Stage) -> None:
        stage.caller.received(CALL * 3)
        for number in range(1, 4):
            assert len(stage.served) == number
            stage.served[-1].answer()
        assert stage.wire.said == []

    on_loop(play)


def test_many_turns_leave_room_for_others() -> None:
    """Exchanges that are over at once go on in a later turn of the loop, and never deeper in the stack."""

    async def play(stage: Stage) -> None:
        stage.server.serve = AtOnce  # type: ignore[method-assign]  # another kind of exchange
        count = 2000
        stage.caller.received(CALL * count)
        assert len(AtOnce.served) < count
        for _ in range(count):
            await asyncio.sleep(0)
        assert len(AtOnce.served) == count

    class AtOnce(NotingServed):
        served: list[NotingServed] = []  # noqa: RUF012 - of this test alone

        def start(self) -> None:
            self.served.append(self)
            self.answer()

    on_loop(play)


def test_what_is_sent_ahead_is_read_no_further_than_its_bound() -> None:
    async def play(stage: Stage) -> None:
        stage.caller.received(CALL)
        for _ in range(MOST_AHEAD // len(CALL) + 2):
            stage.caller.received(CALL)
        assert "pause" in stage.wire.said
        while stage.caller._reader.requests:
            stage.served[-1].answer()
            await asyncio.sleep(0)
        assert stage.wire.said[-1] == "resume"

    on_loop(play)


@pytest.mark.parametrize("end", [CallerConnection.closed, lambda caller: caller.cut(Ending.SHUTDOWN)])
def test_bodies_whose_turn_never_comes_give_back_their_room(end: Callable[[CallerConnection], None]) -> None:
    async def play(stage: Stage) -> None:
        stage.caller.received(CALL * 3)
        assert stage.server.budget.taken == 15
        end(stage.caller)
        assert stage.server.budget.taken == 5  # of the one under way
        (served,) = stage.served
        assert served.ending in {Ending.CALLER_GONE, Ending.SHUTDOWN}
        served.answer()
        assert stage.server.budget.taken == 0

    on_loop(play)


def test_a_body_that_nobody_wants_is_read_to_its_end() -> None:
    async def play(stage: Stage) -> None:
        stage.caller.received(HALF)
        stage.served[0].answer()
        stage.caller.received(CALL[-3:] + CALL)
        assert len(stage.served) == 2
        assert stage.server.budget.taken == 5

    on_loop(play)


def test_a_body_that_nobody_wants_and_that_does_not_come() -> None:
    async def play(stage: Stage) -> None:
        stage.caller.received(HALF)
        stage.served[0].answer()
        await asyncio.sleep(0.05)
        assert stage.wire.said == ["close"]

    on_loop(play, body=0.01)


@pytest.mark.parametrize(
    ("sent", "said"),
    [(b"", ["close"]), (CALL[:9], ["close"]), (CALL + CALL[:9], []), (b"no HTTP\r\n\r\n", ["bad_target", "end"])],
    ids=["nothing", "half a head", "half a head behind a call", "none"],
)
def test_a_head_that_is_late_or_none(sent: bytes, said: list[str]) -> None:
    async def play(stage: Stage) -> None:
        if sent:
            stage.caller.received(sent)
        await asyncio.sleep(0.05)
        assert stage.wire.said == said
        if not said:  # its clock runs from the moment of its turn
            stage.served[0].answer()
            await asyncio.sleep(0.05)
            assert stage.wire.said == ["close"]

    on_loop(play, head=0.01)


def test_between_calls_nobody_is_hurried() -> None:
    async def play(stage: Stage) -> None:
        stage.caller.received(CALL)
        stage.served[0].answer()
        await asyncio.sleep(0.05)
        stage.caller.received(CALL)
        assert len(stage.served) == 2
        assert stage.wire.said == []

    on_loop(play, head=0.01)


@pytest.mark.parametrize(
    ("sent", "keep", "said"),
    [
        (CALL, False, ["close"]),
        (HALF, False, ["end"]),  # what still comes is dropped, so that no reset takes the answer with it
        (CALL, True, []),
        (HALF, True, []),
    ],
)
def test_how_it_goes_on_behind_an_answer(sent: bytes, keep: bool, said: list[str]) -> None:
    async def play(stage: Stage) -> None:
        stage.caller.received(sent)
        stage.served[0].answer(keep=keep)
        assert stage.wire.said == said
        stage.caller.received(CALL[-3:] if sent == HALF else b"")
        stage.caller.received(CALL)
        assert len(stage.served) == 1 + keep

    on_loop(play)


@pytest.mark.parametrize("keep", [False, True])
def test_of_what_is_no_request_behind_a_call_nothing_takes_its_answer_along(keep: bool) -> None:
    """The caller may send on: closed at once, the connection would be reset under the answer."""

    async def play(stage: Stage) -> None:
        stage.caller.received(CALL + b"no request\r\n\r\n")
        stage.served[0].answer(keep=keep)
        assert stage.wire.said == ["end"]

    on_loop(play)


@pytest.mark.parametrize(
    ("sent", "said"), [(b"", ["close"]), (CALL[:9], []), (CALL, [])], ids=["idle", "a head comes", "a call"]
)
def test_when_the_sidecar_leaves(sent: bytes, said: list[str]) -> None:
    async def play(stage: Stage) -> None:
        if sent:
            stage.caller.received(sent)
        stage.caller.close_idle()
        assert stage.wire.said == said
        if not said:
            stage.caller.received(CALL[len(sent) :] + CALL)
            stage.served[0].answer()
            assert len(stage.served) == 1
            assert stage.wire.said == ["close"]

    on_loop(play)
