"""Whatever fails at a call's end, the caller is answered and the call has its one record."""

from typing import Any, NoReturn

import pytest

from addons.gates.concurrency import UnderWay
from addons.journal import journal
from addons.journal.telemetry import Telemetry
from addons.usage.ledger_rows import LedgerRows
from addons.usage.settlement import Settlement
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records

SINKS: dict[str, tuple[Any, str]] = {
    "concurrency": (UnderWay, "leave"),
    "settlement": (Settlement, "settle"),
    "ledger": (LedgerRows, "close"),
    "telemetry": (Telemetry, "settle"),
}
CALLS: tuple[dict[str, bool], ...] = ({}, {"stream": True}, {"store": True})


def fails(*_: object, **__: object) -> NoReturn:
    raise LookupError("a prompt")


@pytest.mark.parametrize("failing", [*SINKS, "all", "record", "all and record"])
def test_one_record_a_call(
    make_settings: SettingsMaker, records: Records, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    sinks = list(SINKS) if failing.startswith("all") else [failing] if failing in SINKS else []
    for name in sinks:
        monkeypatch.setattr(*SINKS[name], fails)
    if failing.endswith("record"):
        monkeypatch.setattr(journal, "record_of", fails)
    settings = make_settings(listen={"admin": "127.0.0.1:0"}, usage={"ledger": tmp_path / "usage.sqlite"})
    with RunningSidecar(settings) as sidecar:
        answers = [post(sidecar.port, {**HELLO, **more}).status for more in CALLS]
        found = records.wait(count=len(CALLS))
    assert answers == [200, 200, 400]
    assert [record["call.outcome"] for record in found] == ["served", "served", "refused"]
    assert len({record["call.id"] for record in found}) == len(CALLS)
    assert len(records.of("sink_failed")) == len(sinks) * len(CALLS)
    assert len(records.of("record_failed")) == (len(CALLS) if failing.endswith("record") else 0)
    assert records.of("fault") == []
