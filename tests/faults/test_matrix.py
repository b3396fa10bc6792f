"""Every way a provider may fail, as each kind of caller sees it; and what is left: one record, the right charge."""

import asyncio
import gc
import sqlite3
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

import pytest
import structlog

from addons.foundry.permits import Meter
from addons.foundry.rate_window import moment
from tests.clients.installed import node_modules
from tests.faults.matrix import ROWS, Seen, Stage, body_of, by_node, by_wire, openai_python, play_all, staged
from tests.proxy.test_growth import back_to, descriptors, held
from tests.records import Records
from tests.tally import Tally
from tests.waiting import LONGEST

WAYS = ("wire", "python", "node")
ROUNDS = 3
SWING = 20_000_000  # bytes: some buffers of the rows of 5 MB; kept in each round, one such row would hold more
REPORTED = 20  # tokens, in every answer that is whole

pytestmark = pytest.mark.timeout(900)  # the first run installs openai-node


class SimulatedApi(NamedTuple):
    seen: Mapping[tuple[str, str], Seen]  # by way and row
    records: Mapping[str, list[dict[str, Any]]]  # by caller, which is "row way"
    rows: Mapping[str, list[dict[str, Any]]]
    charged: Mapping[str, int]
    more: Mapping[str, int]  # what there was more of at the end than at the start
    strangers: Mapping[str, int]  # calls that reached a provider they were not for


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, tally: Tally) -> Iterator[SimulatedApi]:
    """All rows by all ways, at once: each test looks at its part of it."""
    node_modules()
    caught = Records()
    structlog.configure(processors=[caught], cache_logger_on_first_use=False)
    directory = tmp_path_factory.mktemp("matrix")
    with staged(directory) as stage:
        for name in ("plain-stream", "refused"):  # so that threads and their descriptors are there
            by_wire(stage, name, ROWS[name], caller="first")
        caught.wait(count=2)
        caught.clear()
        before, begun = everything(stage), time.time()
        with openai_python(stage) as by_python:
            seen = play_all(stage, {"wire": by_wire, "python": by_python})
        seen |= {("node", name): each for name, each in by_node(stage, list(ROWS)).items()}
        caught.wait(count=len(WAYS) * len(ROWS))
        more = back_to(lambda: everything(stage), before)
        strangers = Counter({kind: sum(one.calls.values()) for kind, one in stage.providers.items()})
        strangers["scripted"] = sum((stage.providers["scripted"].calls - Counter(_callers("scripted"))).values())
        charged = {caller: _charged(stage, caller, minutes(begun)) for caller in _by_caller(caught.of("call"))}
    structlog.reset_defaults()
    yield SimulatedApi(seen, _by_caller(caught.of("call")), _rows(directory / "usage.sqlite"), charged, more, strangers)
    tally.add("faults", "provider, by three callers", tried=len(seen), lost=0, figures=f"{len(ROWS)} kinds")


def _callers(where: str) -> list[str]:
    return [f"{name} {way}" for name, row in ROWS.items() for way in WAYS if row.where == where] + [
        "plain-stream first"
    ]


def minutes(begun: float) -> range:
    return range(moment(begun)[0], moment(time.time())[0] + 1)


def _charged(stage: Stage, caller: str, within: range) -> int:
    """Tokens, once every settlement is done."""
    (settlement,) = (part.part for part in stage.sidecar.addons if part.name == "sidecar-settlement")
    model = body_of(ROWS[caller.partition(" ")[0]])["model"]
    meter = Meter("USER", caller, model, "TOKENS")
    reading = settlement._counters.read([meter.key(minute) for minute in within])
    return sum(asyncio.run_coroutine_threadsafe(reading, stage.sidecar.loop).result(LONGEST))


def everything(stage: Stage) -> Mapping[str, int]:
    tasks = stage.sidecar.on_loop(lambda: len(asyncio.all_tasks()))
    return {**held(stage.sidecar), **descriptors(), "tasks": tasks}


def _by_caller(facts: list[dict[str, Any]]) -> Mapping[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in facts:
        found.setdefault(each["caller"], []).append(each)
    return found


def _rows(ledger: Any) -> Mapping[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.row_factory = sqlite3.Row
        return _by_caller([dict(row) for row in connection.execute("SELECT * FROM call")])


@pytest.mark.parametrize("name", ROWS)
def test_what_callers_see(played: SimulatedApi, name: str) -> None:
    outcome = ROWS[name].outcome
    wire, python, node = (played.seen[way, name] for way in WAYS)
    assert wire == Seen(outcome.status, outcome.code, None, outcome.whole)
    assert (python.error, node.error) == (outcome.error("python"), outcome.error("node"))
    if outcome.code:
        assert (python.status, python.code) == (node.status, node.code) == (outcome.status, outcome.code)


@pytest.mark.parametrize("name", ROWS)
def test_one_record_one_row_and_the_right_charge(played: SimulatedApi, name: str) -> None:
    outcome = ROWS[name].outcome
    for way in WAYS:
        (record,) = played.records[f"{name} {way}"]
        assert (record["policy.decision"], record["call.outcome"]) == ("allowed", outcome.end)
        assert record["http.response.status_code"] == outcome.status
        assert record["usage.status"] == outcome.usage
        (row,) = played.rows[f"{name} {way}"]
        assert (row["state"], row["decision"], row["outcome"]) == ("closed", "allowed", outcome.end)
        assert row["status"] == outcome.status
        assert (row["usage_status"], row["total_tokens"]) == (outcome.usage, _reported(outcome.usage))
        estimate = record["rate_limit.estimated_tokens"] if outcome.charged else 0
        assert played.charged[f"{name} {way}"] == (_reported(outcome.usage) or estimate)


def _reported(usage: str | None) -> int | None:
    return REPORTED if usage == "reported" else None


def traced() -> int:
    """Bytes that Python holds; what the process holds besides is malloc's, and goes up and down by itself."""
    time.sleep(3)  # connections take a moment to close
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.long
def test_again_and_again(tmp_path_factory: pytest.TempPathFactory, records: Records, tally: Tally) -> None:
    """Some rounds of all of it leave no more behind than one."""
    count = len(ROWS) * 2
    with staged(tmp_path_factory.mktemp("rounds")) as stage:

        def play_once() -> None:
            records.clear()
            with openai_python(stage) as by_python:
                play_all(stage, {"wire": by_wire, "python": by_python})
            assert len(records.wait(count=count)) == count

        play_once()
        time.sleep(3)  # connections take a moment to close
        before = everything(stage)
        tracemalloc.start()
        play_once()
        memory = traced()
        for _ in range(ROUNDS):
            play_once()
        assert back_to(lambda: everything(stage), before) == {}
        more = traced() - memory
        tracemalloc.stop()
        assert more < SWING
    tally.add(
        "faults",
        "provider, again and again",
        tried=ROUNDS * count,
        lost=0,
        figures=f"{more / 1e6:+.1f} MB of Python's memory",
    )


def test_nobody_is_asked_who_should_not_be(played: SimulatedApi) -> None:
    assert {kind: count for kind, count in played.strangers.items() if count} == {}


def test_nothing_is_left(played: SimulatedApi) -> None:
    assert played.more == {}
