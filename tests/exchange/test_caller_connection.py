"""One caller's connection against a wire that only notes: turns, what is sent ahead, clocks, and each way to end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from addons.exchange.caller_connection import CallerConnection
from addons.exchange.connection_timer import ConnectionTimeouts
from addons.exchange.ending import Ending
from addons.exchange.pace import MOST_AHEAD, MOST_UNREAD
from addons.exchange.request import BodyBounds, Request
from addons.exchange.wire import OpenedTunnel, Peer
from addons.foundry.refusals import Refusal
from addons.gates.body_bytes import BodyBytes
from tests.exchange.upstream.provider import until
from tests.records import Records
from tests.waiting import LONGEST

ROOM = 1_000_000
CALL = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
HALF = CALL[:-3]


class NotingWire:
    """``said`` are the words of what happened to it; a pause and its end are among them."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.unsent = 0
        self.stalls = False
        self.quiet = True

    def write(self, data: bytes) -> None:
        self.said.append(data.decode())

    async def drain(self) -> None:
        if self.stalls:
            await asyncio.sleep(LONGEST)
        self.unsent = 0

    def is_quiet(self) -> bool:
        return self.quiet

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


CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CONNECT = b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"
IN_TUNNEL = OpenedTunnel("a", 443, None)


def in_tunnel(stage: Stage) -> None:
    stage.caller.received(CONNECT)
    stage.caller.open_tunnel(IN_TUNNEL)


def unread(stage: Stage) -> None:
    """In a tunnel that is not read."""
    in_tunnel(stage)
    stage.caller.leave(("192.0.2.9", 443))


def busy(stage: Stage) -> None:
    unread(stage)
    stage.wire.quiet = False


def twice(stage: Stage) -> None:
    stage.caller.received(CALL[:9])
    stage.caller.close_idle()


def answered_early(stage: Stage) -> None:
    stage.caller.received(HALF)
    stage.served[0].answer()


def wrong_behind(stage: Stage) -> None:
    """Nothing more of the body can be read, whose call was answered before."""
    stage.caller.received(CHUNKED + b"5\r\nhe")
    stage.served[0].answer()
    stage.caller.received(b"llo, no end of a chunk")


def nothing_taken(stage: Stage) -> None:
    """A second call waits for the caller to take the first's answer."""
    stage.caller.received(CALL * 2)
    stage.wire.unsent, stage.wire.stalls = MOST_UNREAD + 1, True
    stage.served[0].answer()
    assert len(stage.served) == 1


def fails(stage: Stage) -> None:
    stage.server.serve = lambda *_: 1 / 0  # type: ignore[assignment]  # a fault put in
    stage.caller.received(CALL)


HEAD_LATE = {"event": "head_not_ended", "seconds": 0.01}
AFTERWARDS: dict[str, tuple[Callable[[Stage], None], list[str], dict[str, Any] | None]] = {
    "no head": (lambda _: None, ["close", "abort"], HEAD_LATE),
    "nothing in a tunnel": (in_tunnel, ["go_on", "close", "abort"], HEAD_LATE),
    "nothing in a tunnel that is not read": (unread, ["go_on"], None),
    "a rest of a body": (answered_early, ["close", "abort"], None),
    "no more of a body can be read": (wrong_behind, ["abort"], None),
    "what is no HTTP": (
        lambda stage: stage.caller.received(b"no HTTP\r\n\r\n"),
        ["bad_target", "end", "abort"],
        {"event": "head_refused", "refusal": "bad_target", "bytes": 0},
    ),
    "answers that are not taken": (nothing_taken, ["abort"], {"event": "answers_not_taken", "seconds": 0.01}),
    "a fault": (fails, ["fault", "end", "abort"], None),
}


@pytest.mark.parametrize("case", AFTERWARDS)
def test_what_does_not_come_is_waited_for_no_longer_than_its_time(
    case: str, monkeypatch: pytest.MonkeyPatch, records: Records
) -> None:
    happens, said, told = AFTERWARDS[case]
    monkeypatch.setattr("addons.exchange.caller_connection.LINGER", 0.01)

    async def play(stage: Stage) -> None:
        happens(stage)
        await until(lambda: len(stage.wire.said) >= len(said))
        await asyncio.sleep(0.1)  # in which no more is said
        assert stage.wire.said == said

    on_loop(play, head=0.01, body=0.01, write=0.01)
    if told:
        (record,) = records.of(told["event"])
        assert record == {"level": "warning", "peer": "192.0.2.1", **told}
    assert bool(records.of("fault")) == (case == "a fault")


LEAVING: dict[str, tuple[Callable[[Stage], None], list[str]]] = {
    "idle": (lambda _: None, ["close", "abort"]),
    "a head begins": (lambda stage: stage.caller.received(CALL[:9]), ["close", "abort"]),
    "a head begins, and it is asked again": (twice, ["close", "abort"]),
    "a call": (lambda stage: stage.caller.received(CALL), []),
    "the rest of a body that nobody wants": (answered_early, ["end", "abort"]),
    "a tunnel that is not read, where something passes": (busy, ["go_on"]),
    "a tunnel that is not read, where nothing passes": (unread, ["go_on", "close", "abort"]),
    "closed already": (lambda stage: stage.caller.close(), ["close", "abort"]),
    "gone already": (lambda stage: stage.caller.closed(), []),
}


@pytest.mark.parametrize("case", LEAVING)
def test_how_a_connection_ends_when_the_sidecar_leaves(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    happens, said = LEAVING[case]
    monkeypatch.setattr("addons.exchange.caller_connection.LINGER", 0.01)

    async def play(stage: Stage) -> None:
        happens(stage)
        stage.caller.close_idle()
        stage.caller.close_idle()
        await until(lambda: len(stage.wire.said) >= len(said))
        await asyncio.sleep(0.1)  # in which no more is said
        assert stage.wire.said == said

    on_loop(play)


def test_in_a_tunnel_requests_begin_anew() -> None:
    async def play(stage: Stage) -> None:
        stage.caller.received(CONNECT + b"hello")
        assert stage.caller.tunnelled == b"hello"
        stage.caller.open_tunnel(IN_TUNNEL)
        assert (stage.caller.in_tunnel, stage.caller.tunnel) == (True, IN_TUNNEL)
        inside = Peer("192.0.2.1", "proxy", encrypted=True)
        stage.caller.begin(inside)
        assert stage.caller.peer == inside
        stage.caller.received(CALL)
        assert [each.request.method for each in stage.served] == ["CONNECT", "POST"]

    on_loop(play)


@pytest.mark.parametrize("end", [CallerConnection.closed, lambda caller: caller.cut(Ending.SHUTDOWN)])
def test_nothing_is_written_to_or_read_from_who_is_gone(end: Callable[[CallerConnection], None]) -> None:
    async def play(stage: Stage) -> None:
        stage.caller.received(CALL)
        end(stage.caller)
        said = list(stage.wire.said)
        ending = stage.served[0].ending
        stage.caller.cut(Ending.CALLER_GONE)
        stage.caller.write(b"late")
        stage.caller.received(CALL)
        stage.served[0].answer()
        assert (stage.wire.said, stage.served[0].ending, len(stage.served)) == (said, ending, 1)
        assert not stage.caller.open

    on_loop(play)
