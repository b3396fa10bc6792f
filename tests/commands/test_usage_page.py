"""The page of usage, as it is written: what it holds, and that names stay names. What it draws: tests/browser."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from plotly.offline import get_plotlyjs

from addons.__main__ import main
from addons.commands.usage_page import GRAINS, MEASURES, page
from addons.gates.limits_settings import LimitsSettings
from addons.usage.ledger_file import connect_to_read
from addons.usage.ledger_tables import projects
from addons.usage.ledger_writer import LedgerWriter
from tests.conftest import MODEL
from tests.records import Records

PROJECT, ANOTHER = "ri.compass.main.folder.a", "ri.compass.main.folder.b"
NOW = datetime(2030, 3, 14, 12, 0, 30, tzinfo=UTC).timestamp()
DAY = 86_400
LIMITS = LimitsSettings.model_validate(
    {
        "enrollment": {MODEL: {"tokens_per_minute": 500}},
        "project": {PROJECT: {"requests_per_minute": 3}},
        "user": {"ann": {"default": {"tokens_per_minute": 9_000}}},
        "budgets": {
            "time_zone": "Europe/Berlin",
            "enrollment": {"month": {"money": 2.5}},
            "project": {PROJECT: {"day": {"tokens": 1_000}}, ANOTHER: {"day": {"requests": 7}}},
            "user": {"default": {"week": {"requests": 10}}},
        },
    }
)


@pytest.fixture
def ledger(tmp_path: Path, records: Records) -> Iterator[LedgerWriter]:
    ledger = LedgerWriter(tmp_path / "usage.sqlite", keep_days=36_500)
    ledger.start()
    yield ledger
    ledger.close()


def write(ledger: LedgerWriter, age: float, tokens: int, attribution: tuple[str, ...] = (), **columns: Any) -> None:
    served = {
        "state": "closed",
        "decision": "allowed",
        "outcome": "served",
        "model": MODEL,
        "caller": "ann",
        "total_tokens": tokens,
    }
    ledger.write(
        {"id": f"{age} {tokens}", "opened_at": NOW - age, **served, "projects": projects(attribution), **columns}
    )


def written(ledger: LedgerWriter, seconds: float = 600, limits: LimitsSettings = LIMITS) -> str:
    ledger.close()
    connection = connect_to_read(ledger.path)
    text = page(connection, NOW - seconds, NOW, limits)
    connection.close()
    return text


def told(ledger: LedgerWriter, seconds: float = 600) -> dict[str, Any]:
    """The page's data."""
    found = re.search(r'<script type="application/json" id="usage">(.*?)</script>', written(ledger, seconds))
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_it_holds_what_was_used(ledger: LedgerWriter) -> None:
    write(ledger, 60, 100, input_tokens=70, cached_tokens=30, output_tokens=30, cost=0.5)
    write(ledger, 65, 200, (PROJECT,), caller="bob")
    write(ledger, 95, 0, decision="refused", outcome="refused", model=None)
    data = told(ledger)
    assert (data["began"], data["ended"], data["grain"]) == (NOW - 600, NOW, 60)
    minute = int(NOW - 60) // 60 * 60
    zeros = [0, 0, 0]
    assert MEASURES[:4] == ("calls", "served", "refused", "failed")
    assert sorted(data["rows"], key=str) == sorted(
        [
            [minute, "ann", None, MODEL, 1, 1, 0, 0, 70, 30, 30, 100, 0.5],
            [minute, "bob", PROJECT, MODEL, 1, 1, 0, 0, *zeros, 200, None],
            [minute - 60, "ann", None, None, 1, 0, 1, 0, *zeros, 0, None],
        ],
        key=str,
    )


@pytest.mark.parametrize(
    ("seconds", "grain"), [(600, 60), (DAY, 60), (DAY + 1, 3600), (92 * DAY, 3600), (93 * DAY, DAY)]
)
def test_long_times_are_told_in_longer_steps(ledger: LedgerWriter, seconds: float, grain: int) -> None:
    write(ledger, 60, 100)
    data = told(ledger, seconds)
    assert data["grain"] == grain
    assert [row[0] for row in data["rows"]] == [(NOW - 60) // grain * grain]
    assert grain in {length for _, length, _ in GRAINS}


def test_limits_and_budgets_say_what_was_used_of_them(ledger: LedgerWriter) -> None:
    write(ledger, 60, 100)
    write(ledger, 121, 150)  # a minute before, the busiest
    write(ledger, 122, 160)
    write(ledger, 123, 300, (PROJECT, ANOTHER), caller="bob", cost=1.25)
    held = {(each["level"], each["subject"], each["unit"], each["per"]): each for each in told(ledger)["held"]}
    assert {key: (each["used"], each["amount"]) for key, each in held.items()} == {
        ("ENROLLMENT", "", "tokens", "minute"): (610, 500),
        ("PROJECT", PROJECT, "requests", "minute"): (1, 3),
        ("USER", "ann", "tokens", "minute"): (310, 9_000),
        ("ENROLLMENT", "", "money", "month"): (1.25, 2.5),
        ("PROJECT", PROJECT, "tokens", "day"): (150, 1_000),  # half of what two projects share
        ("PROJECT", ANOTHER, "requests", "day"): (1, 7),
        ("USER", "ann", "requests", "week"): (3, 10),
    }
    assert held["ENROLLMENT", "", "tokens", "minute"]["model"] == MODEL
    assert held["ENROLLMENT", "", "money", "month"]["model"] == ""


@pytest.mark.parametrize(
    ("columns", "requests", "money"),
    [
        pytest.param({"cost": 1.25}, 1, 1.25, id="a row of before, which says no charge"),
        pytest.param(
            {"cost": 1.25, "charged_requests": 1, "charged_cost": 1.25, "charged_tokens": 300}, 1, 1.25, id="served"
        ),
        pytest.param(
            {"outcome": "provider_error", "charged_requests": 0, "charged_cost": 0.0, "charged_tokens": 0}, 0, 0,
            id="the provider wanted it again later",
        ),
        pytest.param(
            {"outcome": "provider_failed", "charged_requests": 1, "charged_cost": 2.0, "charged_tokens": 900}, 1, 2.0,
            id="nobody knows what it used: its estimate is held",
        ),
    ],
)  # fmt: skip
def test_of_a_budget_it_says_what_the_gate_holds(
    ledger: LedgerWriter, columns: dict[str, Any], requests: int, money: float
) -> None:
    write(ledger, 60, 300, **columns)
    held = {(each["unit"], each["per"]): each["used"] for each in told(ledger)["held"]}
    assert (held["requests", "week"], held["money", "month"]) == (requests, money)


def test_what_budgets_had_used_before_is_told_apart(ledger: LedgerWriter) -> None:
    write(ledger, 60, 100)
    write(ledger, 3 * 3600, 40, cost=0.5)  # today in Berlin, before the ten minutes that are looked at
    write(ledger, 2 * DAY, 7)  # this week and month
    write(ledger, 10 * DAY, 3)  # this month
    write(ledger, 40 * DAY, 1)
    data = told(ledger)
    assert data["before"] == {
        "day": [["ann", None, MODEL, 40, 1, 0.5]],
        "week": [["ann", None, MODEL, 47, 2, 0.5]],
        "month": [["ann", None, MODEL, 50, 3, 0.5]],
    }
    starts = {
        period: [str(datetime.fromtimestamp(each, UTC)) for each in those] for period, those in data["starts"].items()
    }
    assert starts == {
        "day": ["2030-03-13 23:00:00+00:00"],
        "week": ["2030-03-10 23:00:00+00:00"],
        "month": ["2030-02-28 23:00:00+00:00"],
    }


def test_each_day_that_is_looked_at_begins_at_its_own_midnight(ledger: LedgerWriter) -> None:
    write(ledger, 60, 100)
    limits = LimitsSettings.model_validate(
        {"budgets": {"time_zone": "America/New_York", "enrollment": {"day": {"tokens": 1}}}}
    )
    found = re.search(r'"starts":(\{.*?\})', written(ledger, 5 * DAY, limits))
    assert found
    days = [datetime.fromtimestamp(each, UTC) for each in json.loads(found[1])["day"]]
    assert [(each.day, each.hour) for each in days] == [(9, 5), (10, 5), (11, 4), (12, 4), (13, 4), (14, 4)]


NAME = "</script><script>alert(1)</script><!--"


def test_what_callers_chose_is_text(ledger: LedgerWriter) -> None:
    write(ledger, 60, 100, caller=NAME)
    text = written(ledger)
    assert NAME not in text
    assert text.count("<script") == text.count("</script>") == 3
    ledger.start()
    assert told(ledger)["rows"][0][1] == NAME


def test_nothing_is_fetched_and_nothing_else_runs(ledger: LedgerWriter) -> None:
    text = written(ledger)
    assert get_plotlyjs() in text
    own = text.replace(get_plotlyjs(), "")
    assert not re.findall(r'(?:src|href|url|import)\s*[=(]\s*["\']?([^"\')\s>]+)', own)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', own)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy.partition("script-src")[2]


def test_an_empty_ledger(ledger: LedgerWriter) -> None:
    data = told(ledger)
    assert (data["rows"], data["held"], data["before"]["day"]) == ([], [], [])


def test_the_command_writes_it(tmp_path: Path, ledger: LedgerWriter, capsys: pytest.CaptureFixture[str]) -> None:
    write(ledger, NOW - time.time() + 60, 100)
    ledger.close()
    config = tmp_path / "sidecar.yaml"
    config.write_text(
        f'{{"listen": {{"certificates": "{tmp_path}"}}, "caller": {{"verifier": "development"}},'
        ' "provider": {"regions": {"global": {"api_key": {"env": "X"}}}}}'
    )
    file = tmp_path / "usage.html"
    file.touch(0o644)
    assert main(["usage", "--config", str(config), "--html", str(file)]) == 0
    assert "gpt-5-2" in file.read_text("utf-8")
    assert file.stat().st_mode & 0o777 == 0o600  # it names callers
    file.unlink()
    assert main(["usage", "--config", str(config), "--html", str(file)]) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert main(["usage", "--config", str(config), "--html", str(tmp_path)]) == 1
    assert "can't be written" in capsys.readouterr().err
