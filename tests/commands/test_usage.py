"""``usage`` as a person runs it."""

import csv
import io
import json
import time
from pathlib import Path

import pytest

from addons.__main__ import main
from addons.usage.ledger_tables import projects
from addons.usage.ledger_writer import LedgerWriter
from tests.records import Records

ROW = {
    "state": "closed",
    "decision": "allowed",
    "outcome": "served",
    "usage_status": "reported",
    "model": "ri.m",
    "input_tokens": 1234,
}


@pytest.fixture
def config(tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SIDECAR_CONFIG", raising=False)
    document = {
        "listen": {"certificates": str(tmp_path)},
        "provider": {"regions": {"global": {"api_key": {"env": "OPENAI_API_KEY"}}}},
        "caller": {"verifier": "development"},
    }
    file = tmp_path / "sidecar.yaml"
    file.write_text(json.dumps(document))
    return file


def fill(config: Path) -> None:
    ledger = LedgerWriter(config.parent / "usage.sqlite")
    ledger.start()
    for hours, columns, attribution in (
        (0, {}, ["ri.b", "ri.a"]),
        (0, {"cost": 0.5, "model": "ri.\x1b[31m"}, ["ri.a"]),
        (2, {"state": "open", "input_tokens": None}, []),
    ):
        row = {"id": str(attribution), "opened_at": time.time() - hours * 3600, **ROW, **columns}
        ledger.write({**row, "projects": projects(attribution)})
    ledger.close()


def test_the_table(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config)
    assert main(["usage", "--config", str(config)]) == 0
    came_from, table, *notes = capsys.readouterr().out.split("\n\n")
    assert came_from == f"from {config.parent / 'usage.sqlite'}"
    headings, *rows = [line.split("  ") for line in table.splitlines()]
    assert [cell.strip() for cell in headings if cell] == [
        "project", "model", "calls", "served", "refused", "failed", "unreported",
        "input", "cached", "output", "reasoning", "total", "cost",
    ]  # fmt: skip
    assert [row[0] for row in rows] == ["(the caller's own)", "ri.a", "ri.a + ri.b", "total"]
    assert "ri.?[31m" in rows[1]
    assert rows[-1][-1] == "0.5000"
    assert "1,234" in rows[2]
    assert "2,468" in rows[3]
    assert "no call is counted twice" in notes[0]
    assert notes[1].startswith("unreported")


@pytest.mark.parametrize(("since", "calls"), [("1h", 2), ("90m", 2), ("1d", 3), ("1w", 3)])
def test_json(config: Path, capsys: pytest.CaptureFixture[str], since: str, calls: int) -> None:
    fill(config)
    assert main(["usage", "--config", str(config), "--since", since, "--by", "project", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["by"] == ["project"]
    assert found["total"]["calls"] == sum(row["calls"] for row in found["rows"]) == calls
    assert {row["project"] for row in found["rows"]} >= {"ri.a", "ri.a + ri.b"}


def test_the_word_of_limits_for_a_caller_is_taken_too(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config)
    shown = []
    for by in ("user", "caller", "user,caller"):
        assert main(["usage", "--config", str(config), "--by", by, "--json"]) == 0
        shown.append(json.loads(capsys.readouterr().out)["by"])
    assert shown == [["caller"]] * 3


def test_csv(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config)
    assert main(["usage", "--config", str(config), "--by", "project,day", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sorted(row["project"] for row in rows) == ["", "ri.a", "ri.a + ri.b"]
    assert all(row["day"] and row["calls"] == "1" for row in rows)


FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\tx", "\rx", "plain=1", "")


def test_names_that_a_spreadsheet_would_work_out(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = LedgerWriter(config.parent / "usage.sqlite")
    ledger.start()
    for name in FORMULAS:
        ledger.write({"id": name, "opened_at": time.time(), **ROW, "caller": name, "cost": 0.5})
    ledger.close()
    assert main(["usage", "--config", str(config), "--by", "user", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert {row["caller"] for row in rows} == {*(f"'{name}" for name in FORMULAS[:6]), *FORMULAS[6:]}
    assert {row["cost"] for row in rows} == {"0.5"}


def test_names_are_shown_without_what_a_terminal_would_do(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = LedgerWriter(config.parent / "usage.sqlite")
    ledger.start()
    ledger.write({"id": "a", "opened_at": time.time(), **ROW, "caller": "a\x1b[2J\u202eb\u200bc\x07"})
    ledger.close()
    assert main(["usage", "--config", str(config), "--by", "caller"]) == 0
    assert "a?[2J?b?c?" in capsys.readouterr().out


def test_cache_writes_are_shown_where_there_were_some(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = LedgerWriter(config.parent / "usage.sqlite")
    ledger.start()
    ledger.write({"id": "a", "opened_at": time.time(), **ROW, "cache_write_tokens": 18_011})
    ledger.close()
    assert main(["usage", "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "cache_write" in out
    assert "18,011" in out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--since", "yesterday"], 2, "write for example 90m"),
        (["--by", "project,colour"], 2, "can't group by 'colour'; choose among project, model"),
        ([], 1, "there is no ledger at"),
    ],
)
def test_what_can_not_be_shown(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    assert main(["usage", "--config", str(config), *arguments]) == code
    assert says in capsys.readouterr().err
    assert not (config.parent / "usage.sqlite").exists()


@pytest.mark.parametrize(
    ("usage", "says"),
    [
        ('{"ledger": "off"}', "usage.ledger: it is off"),
        ('{"ledger": "memory", "shared": {"env": "USAGE_URL"}}', "add --shared"),
    ],
)
def test_a_ledger_that_is_no_file(config: Path, capsys: pytest.CaptureFixture[str], usage: str, says: str) -> None:
    config.write_text(config.read_text()[:-1] + f', "usage": {usage}}}')
    assert main(["usage", "--config", str(config)]) == 2
    assert says in capsys.readouterr().err
