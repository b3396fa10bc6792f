"""One record a call, whatever fails."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import pytest
import structlog

from addons.call import Answer, Call, Outcome
from addons.foundry.alarm_names import Alarm
from addons.foundry.refusals import Refusal
from addons.journal import journal
from addons.journal.journal import LEVELS, SUMMED, Journal
from addons.journal.unproven import ALONE_A_PEER, Unproven
from addons.responses.answer import facts_from_body
from tests.journal.test_record import FACTS, call, served
from tests.records import Records
from tests.waiting import LONGEST

HUGE = b"9" * 5000


def fails(*_: object, **__: object) -> NoReturn:
    raise LookupError("a prompt")


def test_everybody_gets_the_record_and_then_the_log_has_a_line(records: Records) -> None:
    got: list[Any] = []

    def sink(call: Call, record: Mapping[str, Any]) -> None:
        assert records.of("call") == [], "the line comes last"
        got.append((call, record))

    made = served()
    record = Journal((sink, sink), {"service.version": "1.2"}).record(made)
    assert got == [(made, record)] * 2
    assert record["service.version"] == "1.2"
    (line,) = records.of("call")
    assert {**record, "event": "call", "level": "info"} == line


@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_has_a_level(records: Records, outcome: Outcome) -> None:
    Journal().record(served(outcome=outcome))
    (line,) = records.of("call")
    assert line["level"] == LEVELS[outcome]
    assert (line["level"] == "info") == (outcome in {Outcome.SERVED, Outcome.CALLER_GONE})


def test_sinks_that_fail_stop_nothing(records: Records) -> None:
    got: list[str] = []
    made = served()
    Journal((fails, lambda call, _record: got.append(call.id), fails)).record(made)
    assert got == [made.id]
    assert [each["call.id"] for each in records.of("sink_failed")] == [made.id] * 2
    assert len(records.of("call")) == 1


def test_a_record_that_can_not_be_made_whole_still_is_one(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "record_of", fails)
    got: list[Mapping[str, Any]] = []
    made = served()
    record = Journal((lambda _call, record: got.append(record),)).record(made)
    assert got == [record]
    assert record.items() >= {
        "call.id": made.id, "call.outcome": "served", "policy.decision": "allowed", "usage.status": "reported",
        "http.response.status_code": 200,
    }.items()  # fmt: skip
    assert "duration.total" in record
    assert len(records.of("record_failed")) == len(records.of("call")) == 1


EVERY = ("info", "warning", "error")


@pytest.mark.parametrize("failing", [("info",), EVERY], ids=["calls' log", "every log"])
def test_a_log_that_fails_costs_the_sinks_nothing(failing: tuple[str, ...]) -> None:
    def log(_logger: object, level: str, event: Any) -> Any:
        if level in failing:
            fails()
        raise structlog.DropEvent

    structlog.configure(processors=[log], cache_logger_on_first_use=False)
    now = 0.0
    got: list[str] = []
    kept = Journal((lambda call, _record: got.append(call.id), fails), unproven=Unproven(lambda: now))
    calls = [served(), *(unproven() for _ in range(ALONE_A_PEER + 2)), served(outcome=Outcome.FAULT), unproven()]
    try:
        for each in calls:
            now += 10.0
            assert kept.record(each)["call.id"] == each.id
        kept.done()
    finally:
        structlog.reset_defaults()
    assert got == [each.id for each in calls]


@pytest.mark.parametrize(
    ("made", "alarms"),
    [
        (served(), []),
        (served(answer=Answer(200, facts=facts_from_body(b'{"store": true}'))), ["store_echoed"]),
        (
            served(answer=Answer(200, facts=facts_from_body(b'{"store":true,"usage":{"input_tokens":%b}}' % HUGE))),
            ["answer_unread", "store_echoed"],
        ),
        (served(outcome=Outcome.FAULT, alarms=[Alarm.GEORESTRICTION]), ["georestriction", "fault"]),
        (served(outcome=Outcome.FAULT, alarms=[Alarm.FAULT]), ["fault"]),
        (
            served(answer=Answer(200, facts=facts_from_body(b'{"store": true}')), alarms=[Alarm.STORE_ECHOED]),
            ["store_echoed"],
        ),
    ],
    ids=["none", "echoed", "a number of 5,000 digits hides nothing", "a fault", "told before", "told before by others"],
)
def test_alarms_are_told_once_each(records: Records, made: Call, alarms: list[str]) -> None:
    record = Journal().record(made)
    assert record.get("alarms", []) == alarms
    assert [each["alarm"] for each in records.of("alarm")] == alarms
    assert all(each["call.id"] == made.id for each in records.of("alarm"))


@pytest.mark.parametrize("outcome", Outcome)
def test_an_answer_that_was_broken_off_need_not_be_readable(records: Records, outcome: Outcome) -> None:
    record = Journal().record(served(outcome=outcome, answer=Answer(200, facts=facts_from_body(b'{"id": "resp_1'))))
    cut = {Outcome.TRUNCATED, Outcome.TIMED_OUT, Outcome.CALLER_GONE, Outcome.CALLER_STALLED, Outcome.SHUT_DOWN}
    assert ("answer_unread" in record.get("alarms", [])) == (outcome not in cut)


def unproven(peer: str = "192.0.2.1", name: str = "unauthorized") -> Call:
    return call(refusal=Refusal(name), peer=peer, status=401)


def test_refusals_of_a_caller_nobody_knows_are_summed(records: Records) -> None:
    now = 0.0
    got: list[Mapping[str, Any]] = []
    kept = Journal((lambda _call, record: got.append(record),), unproven=Unproven(lambda: now))
    for _ in range(ALONE_A_PEER + 3):
        kept.record(unproven())
    kept.record(unproven("192.0.2.2", "missing_credentials"))
    kept.record(served(peer="192.0.2.1"))
    assert len(records.of("call")) == ALONE_A_PEER + 2
    assert len(got) == ALONE_A_PEER + 5, "metrics and limits get each"
    assert [record for record in got if record.get(SUMMED)] == got[ALONE_A_PEER : ALONE_A_PEER + 3]
    assert records.of("calls_summed") == []
    now = 60.0
    kept.record(unproven())
    (total,) = records.of("calls_summed")
    assert (total["calls"], total["error.type"], total["peers"]) == (3, {"unauthorized": 3}, {"192.0.2.1": 3})
    assert len(records.of("call")) == ALONE_A_PEER + 3, "a new minute, a line of its own again"
    kept.done()
    assert len(records.of("calls_summed")) == 1


def on_loop(work: Callable[[], object]) -> None:
    async def run() -> None:
        work()

    asyncio.run(run())


def test_the_sum_is_told_at_the_end(records: Records) -> None:
    kept = Journal()

    def work() -> None:
        for _ in range(ALONE_A_PEER + 1):
            kept.record(unproven())
        assert records.of("calls_summed") == []
        kept.done()

    on_loop(work)
    (total,) = records.of("calls_summed")
    assert total["calls"] == 1


def test_the_sum_is_told_though_nobody_calls_again(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SPAN", 0.01)

    async def run() -> None:
        kept = Journal()
        for _ in range(ALONE_A_PEER + 1):
            kept.record(unproven())
        while not records.of("calls_summed"):  # noqa: ASYNC110 - the timer is the journal's own
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(run(), LONGEST))


def test_facts_that_are_served_raise_nothing() -> None:
    assert FACTS.unread is FACTS.failed is False
