"""``usage --shared``, ``--records`` and ``--migrate``."""

import gzip
import io
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from addons.__main__ import main
from addons.usage.ledger_writer import LedgerWriter
from addons.usage.query import SHARED_DIMENSIONS
from tests.commands.test_usage_records import line
from tests.records import Records
from tests.usage.postgres import Postgres, postgres, postgres_process
from tests.usage.test_shipper import shipping, write
from tests.waiting import eventually

__all__ = ["postgres", "postgres_process"]


@pytest.fixture
def config(tmp_path: Path, records: Records) -> Path:
    return tmp_path / "sidecar.yaml"


def configure(config: Path, shared: str | None) -> None:
    document = {
        "listen": {"certificates": str(config.parent)},
        "provider": {"regions": {"global": {"api_key": {"env": "OPENAI_API_KEY"}}}},
        "caller": {"verifier": "development"},
        "usage": {"shared": shared},
    }
    config.write_text(json.dumps(document))


def test_what_a_fleet_used(config: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]) -> None:
    configure(config, postgres.url())
    for pod in ("pod-1", "pod-2"):
        ledger = LedgerWriter(config.parent / pod, ship=True, run={"pod": pod, "namespace": "ns", "version": "1"})
        ledger.start()
        with shipping(ledger, postgres) as each:
            own = {"caller": "ann", "model": "ri.m", "projects": "ri.p", "region": "eu", "api": "embeddings"}
            write(ledger, pod, **own, total_tokens=5, cost=0.5, outcome="served", error="none", policy="abc")
            eventually(lambda each=each: each.shipped == 1)  # type: ignore[misc]  # mypy knows no defaults of lambdas
        ledger.close()
    assert main(["usage", "--config", str(config), "--shared", "--by", "pod,day,minute,hour,month", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(row["pod"], row["calls"]) for row in found["rows"]] == [("pod-1", 1), ("pod-2", 1)]
    assert found["rows"][0]["day"] == datetime.now(UTC).strftime("%Y-%m-%d")
    assert (found["total"]["calls"], found["total"]["total_tokens"], found["total"]["cost"]) == (2, 10, 1.0)
    for dimension in SHARED_DIMENSIONS:
        assert main(["usage", "--config", str(config), "--shared", "--by", dimension, "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["rows"]
        assert all(row[dimension] for row in rows)
        assert sum(row["calls"] for row in rows) == 2
    page = config.parent / "usage.html"
    assert main(["usage", "--config", str(config), "--shared", "--html", str(page)]) == 0
    assert ',"ann","ri.p","ri.m",' in page.read_text()


def test_a_schema_made_by_hand_and_a_role_that_may_not(
    config: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(config, postgres.url())
    assert main(["usage", "--config", str(config), "--shared"]) == 1
    assert "run usage --migrate" in capsys.readouterr().err
    for _ in range(2):
        assert main(["usage", "--config", str(config), "--migrate"]) == 0
    assert main(["usage", "--config", str(config), "--shared"]) == 0
    postgres.ask("ALTER TABLE foundry_usage.call DROP COLUMN api")
    assert main(["usage", "--config", str(config), "--shared", "--by", "api"]) == 1
    assert "older; run usage --migrate" in capsys.readouterr().err
    postgres.ask("DROP ROLE IF EXISTS stranger")
    postgres.ask("CREATE ROLE stranger LOGIN")
    configure(config, postgres.url("stranger"))
    assert main(["usage", "--config", str(config), "--shared"]) == 1
    assert "InsufficientPrivilege" in capsys.readouterr().err
    postgres.ask("DROP ROLE stranger")


def test_no_shared_ledger(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(config, None)
    for word in ("--shared", "--migrate"):
        assert main(["usage", "--config", str(config), word]) == 2
        assert "usage.shared: no shared ledger is configured" in capsys.readouterr().err
    configure(config, "postgresql://a@127.0.0.1:1/u")
    for word in ("--shared", "--migrate"):
        assert main(["usage", "--config", str(config), word]) == 1
        assert "the shared ledger can't be" in capsys.readouterr().err


def test_dimensions_of_the_shared_ledger_alone(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(config, None)
    assert main(["usage", "--config", str(config), "--by", "pod"]) == 2
    assert "of --shared alone" in capsys.readouterr().err


def recent(name: str) -> str:
    return line(**{"call.id": name, "timestamp": datetime.fromtimestamp(time.time(), UTC).isoformat()})


@pytest.mark.parametrize("source", ["file", "folder", "stdin"])
def test_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/a.log").write_text(f"{recent('a')}\nnoise\n{recent('b')}\n")
    with gzip.open(tmp_path / "logs/b.log.gz", "wt") as file:
        file.write(f"{recent('b')}\n{recent('c')}\n" + '{"call.id": "cut')
    where = {"file": str(tmp_path / "logs/a.log"), "folder": str(tmp_path / "logs"), "stdin": "-"}[source]
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{recent('a')}\n"))
    assert main(["usage", "--records", where, "--by", "caller", "--json"]) == 0
    out, err = capsys.readouterr()
    calls = {"file": 2, "folder": 3, "stdin": 1}[source]
    assert json.loads(out)["total"]["calls"] == calls
    assert ("1 lines look like records" in err) == (source == "folder")


def test_records_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["usage", "--records", str(tmp_path / "none")]) == 1
    assert "can't be read" in capsys.readouterr().err
