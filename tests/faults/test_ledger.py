"""The ledger's disk full, its file spoilt or gone: a call without a row does not leave, and one with room does."""

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.process.conftest import DocumentMaker, make_document, written
from tests.process.sidecar import ROOT, SidecarProcess
from tests.proxy.client import post
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.tally import Tally
from tests.usage.postgres import Postgres, own_postgres
from tests.waiting import LONGEST, eventually

__all__ = ["make_document", "own_postgres"]


def test_a_full_disk(make_document: DocumentMaker, provider: SimulatedProvider, tally: Tally, tmp_path: Path) -> None:
    """The kernel lets the process write no file beyond its size, as on a full disk; then there is room again."""
    ledger = tmp_path / "usage.sqlite"
    with SidecarProcess(written(tmp_path, make_document(usage={"ledger": str(ledger)}))) as sidecar:
        assert post(sidecar.port).status == 200
        sidecar.records.wait("call")
        unlimited = resource.prlimit(sidecar.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(sidecar.pid, resource.RLIMIT_FSIZE, (1, unlimited[1]))
        provider.clear()
        for _ in range(3):
            reply = post(sidecar.port)
            assert (reply.status, reply.code) == (503, "service_unavailable")
        assert (provider.dialled, provider.calls) == (0, [])
        resource.prlimit(sidecar.pid, resource.RLIMIT_FSIZE, unlimited)
        assert post(sidecar.port).status == 200
        records = sidecar.records.wait("call", 5)
        assert len(records) == 5
        sidecar.signal()
        assert sidecar.exit_code() == 0
    with sqlite3.connect(ledger) as connection:
        ids = {row[0] for row in connection.execute("SELECT id FROM call")}
    connection.close()
    assert ids >= {record["call.id"] for record in records if record["call.outcome"] == "served"}
    tally.add("faults", "ledger's disk full", tried=5, lost=0)


def spoil(ledger: Path) -> None:
    """Behind the back of the process that has it open."""
    for file in ledger.parent.glob(f"{ledger.name}*"):
        with file.open("r+b") as opened:
            opened.write(os.urandom(file.stat().st_size))


def replace_by_a_folder(ledger: Path) -> None:
    for file in ledger.parent.glob(f"{ledger.name}*"):
        file.unlink()
    ledger.mkdir()


@pytest.mark.parametrize("harm", [spoil, replace_by_a_folder])
def test_a_file_that_is_spoilt_while_it_is_used(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    tally: Tally,
    tmp_path: Path,
    harm: Callable[[Path], None],
) -> None:
    """Every call that leaves still has its row; once the file is seen to be spoilt, none leaves."""
    ledger = tmp_path / "ledger" / "usage.sqlite"
    ledger.parent.mkdir()
    with RunningSidecar(make_settings(usage={"ledger": ledger})) as sidecar:
        assert post(sidecar.port).status == 200
        records.wait()
        harm(ledger)
        replies = [post(sidecar.port) for _ in range(5)]
    assert {reply.status for reply in replies} <= {200, 503}
    assert len(provider.calls) == 1 + sum(reply.status == 200 for reply in replies)
    assert len(records.of("call")) == 6
    tally.add("faults", f"ledger, {harm.__name__.replace('_', ' ')}", tried=6, lost=0)


def test_no_room_in_memory(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tally: Tally, own_postgres: Postgres
) -> None:
    """The database is away for longer than there is room for rows; then it is there again, and has each of them."""
    own_postgres.stop()
    usage = {"ledger": "memory", "memory_rows": 3, "shared": own_postgres.url()}
    with RunningSidecar(make_settings(usage=usage)) as sidecar:
        assert [post(sidecar.port).status for _ in range(3)] == [200] * 3
        provider.clear()
        for _ in range(3):
            reply = post(sidecar.port)
            assert (reply.status, reply.code) == (503, "service_unavailable")
        assert (provider.dialled, provider.calls) == (0, [])
        own_postgres.start()
        eventually(lambda: post(sidecar.port).status == 200)
        calls = records.wait(count=7)
    kept = {name for (name,) in own_postgres.ask("SELECT id FROM foundry_usage.call WHERE state = 'closed'")}
    assert {each["call.id"] for each in calls if each["call.outcome"] == "served"} <= kept
    assert {each["alarms"][0] for each in calls if each["call.outcome"] == "refused"} == {"ledger_unavailable"}
    assert len(records.of("ledger_rows_lost")) == 1
    tally.add("faults", "ledger in memory full", tried=len(calls), lost=0)


def test_no_room_in_memory_where_calls_go_on_all_the_same(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, own_postgres: Postgres
) -> None:
    own_postgres.stop()
    usage = {"ledger": "memory", "memory_rows": 1, "on_failure": "allow", "shared": own_postgres.url()}
    with RunningSidecar(make_settings(usage=usage)) as sidecar:
        assert [post(sidecar.port).status for _ in range(3)] == [200] * 3
        assert [each.get("alarms") for each in records.wait(count=3)] == [None, *[["ledger_unavailable"]] * 2]
        records.wait("ledger_rows_lost")
    (left,) = records.of("usage_lost_at_the_end")
    assert left["rows"] == 1


def not_a_database(directory: Path) -> Path:
    (directory / "usage.sqlite").write_bytes(os.urandom(8192))
    return directory / "usage.sqlite"


def on_a_read_only_disk(_directory: Path) -> Path:
    return Path("/sys/usage.sqlite") if Path("/sys").is_dir() else Path("/dev/fd/usage.sqlite")


@pytest.mark.parametrize("place", [not_a_database, on_a_read_only_disk])
def test_without_a_ledger_it_does_not_start(
    make_document: DocumentMaker, tally: Tally, tmp_path: Path, place: Callable[[Path], Path]
) -> None:
    config = written(tmp_path, make_document(usage={"ledger": str(place(tmp_path))}))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "addons", "start", "--config", str(config)],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode in {1, 2}
    assert "usage.sqlite" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    tally.add("faults", f"ledger, {place.__name__.replace('_', ' ')}", tried=1, lost=0)
