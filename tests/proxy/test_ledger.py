"""The ledger behind a real proxy: who gets a row, when, and what holds when none can be written."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from addons.usage.ledger_file import connect_to_read
from tests.conftest import MODEL, SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records

PROJECTS = ("ri.compass.main.folder.b", "ri.compass.main.folder.a")
PRICED = {
    "rid": MODEL,
    "provider_model": "gpt-5.2",
    "prices": {"input": 1.0, "cached": 0.5, "cache_write": 1.25, "output": 10.0},
}


def rows(path: Path) -> list[dict[str, Any]]:
    connection = connect_to_read(path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute("SELECT * FROM call ORDER BY number")]
    finally:
        connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "usage.sqlite"


def test_every_call_has_one_row(make_settings: SettingsMaker, records: Records, path: Path) -> None:
    settings = make_settings(usage={"ledger": path}, models={"extra": [PRICED]})
    with RunningSidecar(settings) as sidecar:
        simulated = {"simulate": "usage=100,40,20,8,50"}
        post(sidecar.port, {**HELLO, "metadata": simulated}, headers=[("attribution", ", ".join(PROJECTS))])
        post(sidecar.port, {**HELLO, "stream": True, "metadata": simulated})
        post(sidecar.port, {**HELLO, "metadata": {"simulate": "status=500"}})
        post(sidecar.port, {**HELLO, "store": True})
        post(sidecar.port, {**HELLO, "stream": True, "metadata": {"simulate": "cut=2"}})
        written = records.wait(count=5)
    served, streamed, failed, refused, cut = found = rows(path)
    assert [row["id"] for row in found] == [record["call.id"] for record in written]
    assert [row["trace_id"] for row in found] == [record["trace_id"] for record in written]
    assert {row["state"] for row in found} == {"closed"}
    assert [row["decision"] for row in found] == [record["policy.decision"] for record in written]
    assert [row["outcome"] for row in found] == [record.get("call.outcome") for record in written]
    assert [row["usage_status"] for row in found] == ["reported", "reported", "unknown", None, "interrupted"]
    tokens = (
        "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "total_tokens", "cache_write_tokens",
    )  # fmt: skip
    for row in (served, streamed):
        assert [row[name] for name in tokens] == [100, 40, 20, 8, 120, 50]
        assert row["cost"] == pytest.approx((10 * 1.0 + 40 * 0.5 + 50 * 1.25 + 20 * 10.0) / 1e6)
    for row in (failed, refused, cut):
        assert [row[name] for name in (*tokens, "cost")] == [None] * 7
    assert (refused["error"], refused["status"]) == ("refused_feature", 400)
    assert (served["model"], served["provider_model"], served["region"]) == (MODEL, "gpt-5.2", "global")
    assert all(row["duration_total"] > 0 for row in found)
    assert [row["projects"] for row in found] == [" + ".join(sorted(PROJECTS)), None, None, None, None]


def test_the_row_is_open_while_the_call_is_under_way(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, path: Path
) -> None:
    with RunningSidecar(make_settings(usage={"ledger": path})) as sidecar:
        caller = threading.Thread(target=post, args=(sidecar.port, {**HELLO, "metadata": {"simulate": "hold=0"}}))
        caller.start()
        (call,) = provider.wait_for_calls()
        (row,) = rows(path)
        call.release()
        caller.join()
        records.wait()
    assert row["state"] == "open"
    assert row["input_tokens"] is row["decision"] is None
    (closed,) = rows(path)
    assert (closed["id"], closed["opened_at"], closed["state"]) == (row["id"], row["opened_at"], "closed")


@pytest.mark.parametrize(("on_failure", "status", "calls"), [("refuse", 503, 0), ("allow", 200, 1)])
def test_a_row_that_can_not_be_written(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    path: Path,
    on_failure: str,
    status: int,
    calls: int,
) -> None:
    dialled = provider.dialled
    with RunningSidecar(make_settings(usage={"ledger": path, "on_failure": on_failure})) as sidecar:
        locked = sqlite3.connect(path, isolation_level=None)
        locked.execute("BEGIN IMMEDIATE")
        reply = post(sidecar.port)
        records.wait()
        locked.execute("ROLLBACK")
        locked.close()
    assert reply.status == status
    assert len(provider.calls) == provider.dialled - dialled == calls
    assert records.of("alarm")[0]["alarm"] == "ledger_unavailable"
    if status == 503:
        assert reply.headers["retry-after"] == "5"
        assert reply.code == "service_unavailable"
        assert "locked" in records.of("call")[0]["refusal.detail"]
    (row,) = rows(path)  # the closing found the file free again
    assert row["state"] == "closed"


def test_a_caller_that_proved_nothing_leaves_no_row(make_settings: SettingsMaker, records: Records, path: Path) -> None:
    with RunningSidecar(make_settings(usage={"ledger": path})) as sidecar:
        assert post(sidecar.port, headers=[("Authorization", "Basic x")]).status == 401
        assert post(sidecar.port).status == 200
        records.wait(count=2)
    assert len(rows(path)) == 1


def test_a_file_that_was_removed_is_an_alarm(make_settings: SettingsMaker, records: Records, path: Path) -> None:
    with RunningSidecar(make_settings(usage={"ledger": path})) as sidecar:
        assert post(sidecar.port).status == 200
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        for _ in range(2):
            assert post(sidecar.port).status == 200
        _, second, third = records.wait(count=3)
    assert [row["id"] for row in rows(path)][-2:] == [second["call.id"], third["call.id"]]
    assert [told["alarm"] for told in records.of("alarm")] == ["ledger_replaced"]


@pytest.mark.parametrize(
    ("said", "alarm"),
    [("usage=400001,0,5,0", "usage_implausible"),
     ("usage=100,0,5,0,60,1", "cached_12h")],
)  # fmt: skip
def test_what_a_provider_reports_and_can_not_be(
    make_settings: SettingsMaker, records: Records, path: Path, said: str, alarm: str
) -> None:
    with RunningSidecar(make_settings(usage={"ledger": path})) as sidecar:
        assert post(sidecar.port, {**HELLO, "metadata": {"simulate": said}}).status == 200
        records.wait()
    (row,) = rows(path)
    assert [told["alarm"] for told in records.of("alarm")] == [alarm]
    assert (row["state"], row["usage_status"]) == ("closed", "reported" if alarm == "cached_12h" else "unknown")
