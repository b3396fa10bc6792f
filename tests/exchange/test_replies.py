"""The sidecar's own words to a caller: which answer each end gives, and whether the connection goes on behind it."""

from types import SimpleNamespace
from typing import Any

import pytest

from addons.bodies.verdict import Change, Verdict
from addons.call import Call, OtherPath, Outcome
from addons.exchange.ending import Ending
from addons.exchange.relay import Relay
from addons.exchange.replies import Replies
from addons.exchange.request import Body, BodyBounds, Request
from addons.exchange.upstream.failure import FailureKind, UpstreamFailure
from addons.foundry.refusals import Refusal
from addons.gates.body_bytes import BodyBytes
from tests.gates.calls import GPT, call
from tests.records import Records

STREAM = [(b"Content-Type", b"text/event-stream")]
FOUNDRY = OtherPath("acme", "/api")


class Caller:
    """A caller's connection that keeps what is written to it."""

    def __init__(self, *, draining: bool = False) -> None:
        self.open = True
        self.draining = draining
        self.written = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True


class Stage:
    def __init__(
        self, each: Call | None = None, *, leaving: bool = False, draining: bool = False, **asked: Any
    ) -> None:
        self.call = each or call(model=GPT)
        self.caller = Caller(draining=draining)
        body = Body(BodyBounds(1, BodyBytes(1), BodyBytes(1)))
        head = {"method": "POST", "version": "1.1", "keep_alive": True, **asked}
        request = Request(target="/", fields=(), body=body, **head)
        services: Any = SimpleNamespace(leaving=leaving, error_format="openai")
        caller: Any = self.caller
        self.request = request
        self.replies = Replies(services, caller, request, self.call)
        self.relay = Relay(
            self.call,
            self.caller.write,
            asked=(request.method, request.version),
            more_fields=self.replies.fields,
            quotes_credential=lambda _: False,
        )

    def begin(self) -> None:
        """A stream has begun."""
        self.relay.head(200, STREAM)
        self.relay.data(b"data: 1\n\n")
        self.relay.read_ended()


@pytest.mark.parametrize(
    ("given", "keeps"),
    [
        ({}, True),
        ({"keep_alive": False}, False),
        ({"method": "CONNECT"}, False),
        ({"leaving": True}, False),
        ({"method": "HEAD"}, True),
    ],
)
def test_whether_the_connection_may_serve_another_call(given: dict[str, Any], keeps: bool) -> None:
    assert Stage(**given).replies.keep == keeps


@pytest.mark.parametrize(
    ("given", "framing", "fields"),
    [
        ({}, "chunked", []),
        ({}, "close", [(b"Connection", b"close")]),
        ({"draining": True}, "length", [(b"Connection", b"close")]),
        ({"keep_alive": False}, "length", [(b"Connection", b"close")]),
        ({"version": "1.0"}, "length", [(b"Connection", b"keep-alive")]),
        ({"version": "1.0", "keep_alive": False}, "length", [(b"Connection", b"close")]),
    ],
)
def test_what_is_added_to_an_answer(given: dict[str, Any], framing: Any, fields: list[tuple[bytes, bytes]]) -> None:
    assert list(Stage(**given).replies.fields(framing)) == fields


def test_an_answer_says_what_was_changed() -> None:
    changes = (Change("store", "forced", "ZERO_DATA_RETENTION", ""), Change("include", "added", "COST", ""))
    stage = Stage(call(verdict=Verdict((), (), changes, {})))
    assert list(stage.replies.fields("length")) == [(b"Sidecar-Changes", b"store;forced, include;added")]


# (ending, to whom) -> outcome, refusal for a caller that has got nothing, whether the connection goes on then
ENDINGS: dict[tuple[Ending, OtherPath | None], tuple[Outcome, str | None, bool]] = {
    (Ending.CALLER_GONE, None): (Outcome.CALLER_GONE, None, False),
    (Ending.BODY_LATE, None): (Outcome.CALLER_STALLED, "body_timeout", False),
    (Ending.CONNECT_LATE, None): (Outcome.TIMED_OUT, "provider_timeout", True),
    (Ending.SILENT, None): (Outcome.TIMED_OUT, "provider_timeout", True),
    (Ending.TOTAL, FOUNDRY): (Outcome.TIMED_OUT, "foundry_timeout", True),
    (Ending.CALLER_STALLED, None): (Outcome.CALLER_STALLED, None, False),
    (Ending.FAULT, None): (Outcome.FAULT, None, False),
    (Ending.SHUTDOWN, None): (Outcome.SHUT_DOWN, "shutting_down", True),
}


@pytest.mark.parametrize("case", ENDINGS, ids=lambda case: case[0].name)
def test_each_ending_of_a_call_that_got_nothing(case: tuple[Ending, OtherPath | None]) -> None:
    ending, other_path = case
    outcome, name, keeps = ENDINGS[case]
    stage = Stage(call(model=GPT, other_path=other_path))
    stage.replies.of_ending(stage.relay, ending)
    refusal = stage.call.refusal
    assert (stage.call.outcome, refusal and refusal.name, stage.replies.keep) == (outcome, name, keeps)
    assert stage.caller.aborted == (ending is Ending.CALLER_STALLED)
    assert bool(stage.caller.written) == (name is not None)
    if refusal:
        assert refusal.detail == ending.name
        assert refusal.parameters == ({"modelName": GPT.rid} if name == "provider_timeout" else {})
        assert stage.call.status == refusal.kind.status


@pytest.mark.parametrize("ending", [each for each in Ending if each is not Ending.BODY_LATE])
def test_each_ending_of_a_stream_that_has_begun(ending: Ending) -> None:
    outcome, name, _ = next(row for (each, _), row in ENDINGS.items() if each is ending)
    stage = Stage()
    stage.begin()
    before = stage.caller.written
    stage.replies.of_ending(stage.relay, ending)
    assert (stage.call.outcome, stage.call.refusal, stage.replies.keep) == (outcome, None, name is not None)
    behind = stage.caller.written.removeprefix(before)
    assert (b'"type":"error"' in behind.replace(b" ", b"")) == (name is not None)


def test_a_stream_that_has_said_its_last_is_over_whatever_ends_it() -> None:
    stage = Stage()
    stage.relay.head(200, STREAM)
    stage.relay.data(b'data: {"type": "response.completed", "response": {}}\n\n')
    stage.replies.of_ending(stage.relay, Ending.CALLER_GONE)
    assert stage.call.outcome is Outcome.SERVED


@pytest.mark.parametrize(
    ("sent_at", "refused", "fault"),
    [(None, Outcome.REFUSED, "nothing was sent"), (1.0, Outcome.PROVIDER_ERROR, "after the call was sent")],
)
def test_whether_it_was_sent_tells_what_it_was(
    sent_at: float | None, refused: Outcome, fault: str, records: Records
) -> None:
    stage = Stage(call(sent_at=sent_at))
    stage.replies.of_refusal(Refusal("missing_scope"))
    assert stage.call.outcome is refused
    stage = Stage(call(sent_at=sent_at))
    error = ValueError("x")
    stage.replies.of_fault(stage.relay, error)
    assert stage.call.outcome is Outcome.FAULT
    assert stage.call.refusal
    assert fault in stage.call.refusal.message
    assert stage.call.refusal.detail == "ValueError"
    (record,) = records.of("fault")
    assert (record["exc_info"], record["call.id"]) == (error, stage.call.id)


@pytest.mark.parametrize("reused", [False, True])
@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("begun", [False, True])
def test_a_failure_of_the_other_side(begun: bool, written: bool, reused: bool) -> None:
    stage = Stage(call(sent_at=1.0))
    if begun:
        stage.begin()
    stage.replies.of_failure(stage.relay, UpstreamFailure(FailureKind.CLOSED, "x", written=written), reused=reused)
    assert stage.call.outcome is (Outcome.TRUNCATED if begun else Outcome.PROVIDER_ERROR)
    assert stage.call.sent_at == (1.0 if written else None)
    name = "provider_unreachable" if reused or not written else "provider_answer_lost"
    assert (stage.call.refusal and stage.call.refusal.name) == (None if begun else name)


@pytest.mark.parametrize(
    ("headers", "ended", "keeps"), [({}, False, True), ({"expect": ("100-continue",)}, False, False),
                                    ({"expect": ("100-continue",)}, True, True)]
)  # fmt: skip
def test_a_refusal_while_a_body_is_only_announced(headers: Any, ended: bool, keeps: bool) -> None:
    stage = Stage(call(headers))
    if ended:
        stage.request.body.end()
    stage.replies.of_refusal(Refusal("missing_scope"))
    assert stage.replies.keep == keeps
    assert (b"Connection: close" in stage.caller.written) != keeps


def test_who_is_gone_is_not_answered() -> None:
    stage = Stage()
    stage.caller.open = False
    stage.replies.of_refusal(Refusal("missing_scope"))
    assert (stage.caller.written, stage.call.status) == (b"", None)
    assert stage.call.refusal


@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_a_call_that_is_answered_here(method: str) -> None:
    stage = Stage(method=method)
    stage.replies.answer(b"{}")
    head, _, body = stage.caller.written.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[1:] == [
        b"Content-Type: application/json", b"Cache-Control: no-store", b"Content-Length: 2"
    ]  # fmt: skip
    assert body == (b"{}" if method == "POST" else b"")
    assert (stage.call.status, stage.call.outcome) == (200, Outcome.SERVED)
