"""The page of charts, read as the SVG it is made of."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addons.__main__ import main
from addons.commands.usage_page import MOST_POINTS, page
from addons.gates.limits_settings import LimitsSettings
from addons.usage.ledger import Ledger
from addons.usage.ledger_file import connect_to_read
from addons.usage.ledger_tables import projects
from tests.conftest import MODEL
from tests.records import Records

PROJECT = "ri.compass.main.folder.a"
LIMITS = LimitsSettings.model_validate(
    {
        "enrollment": {MODEL: {"tokens_per_minute": 500}, "default": {"tokens_per_minute": 777}},
        "project": {"default": {"requests_per_minute": 3}},
        "user": {"ann": {"default": {"tokens_per_minute": 9_000_000}}},
    }
)
NOW = 1_900_000_000.0


@pytest.fixture
def ledger(tmp_path: Path, records: Records) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "usage.sqlite", keep_days=36_500)
    ledger.start()
    yield ledger
    ledger.close()


def write(ledger: Ledger, age: float, tokens: int, attribution: tuple[str, ...] = (), **columns: Any) -> None:
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


def drawn(ledger: Ledger, seconds: float = 600, limits: LimitsSettings = LIMITS) -> list[str]:
    """The figures of the page."""
    ledger.close()
    connection = connect_to_read(ledger.path)
    text = page(connection, NOW - seconds, NOW, limits)
    connection.close()
    assert "<script" not in text
    assert set(re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')\s>]+)', text)) == set()
    return re.findall(r"<figure>.*?</figure>", text, re.DOTALL)


def legends(figure: str) -> list[str]:
    found = re.search(r'class="legends">(.*?)</svg>', figure, re.DOTALL)
    return re.findall(r"<text[^>]*>([^<]*)</text>", found[1]) if found else []


def test_each_chart_holds_its_series_and_limits(ledger: Ledger) -> None:
    write(ledger, 60, 100)
    write(ledger, 120, 200, (PROJECT,), caller="bob")
    write(ledger, 130, 50, (PROJECT, "ri.x.y.z.b"), caller="bob")
    write(ledger, 140, 0, decision="refused", model=None)
    tokens_model, requests_model, tokens_project, requests_project, tokens_user, requests_user = drawn(ledger)
    both = f"{PROJECT} + ri.x.y.z.b"
    assert legends(tokens_model) == ["gpt-5-2", "limit 500"]
    assert legends(requests_model) == ["gpt-5-2"]
    assert legends(tokens_project) == [f"{PROJECT} · gpt-5-2", f"{both} · gpt-5-2"]
    assert sorted(legends(requests_project)) == sorted([*legends(tokens_project), "limit 3"])
    assert legends(tokens_user) == ["ann · gpt-5-2"]
    assert "Limits far above: 9,000,000" in tokens_user
    assert legends(requests_user) == ["ann · gpt-5-2"]


def test_what_callers_chose_is_text(ledger: Ledger) -> None:
    write(ledger, 60, 100, caller="</text><script>alert(1)</script>")
    assert any("&lt;script&gt;" in figure for figure in drawn(ledger))


def test_an_empty_ledger(ledger: Ledger) -> None:
    assert ["none" in figure for figure in drawn(ledger)] == [True] * 6


@pytest.mark.parametrize(("seconds", "points"), [(600, 11), (86_400, 206), (30 * 86_400, MOST_POINTS)])
def test_long_times_have_no_more_points(ledger: Ledger, seconds: float, points: int) -> None:
    write(ledger, 60, 100)
    chart = drawn(ledger, seconds)[0]
    (path, *_) = re.findall(r'<path d="([^"]*)" class="line', chart)
    assert path.startswith("M")
    assert abs(len(re.findall(r"-?[\d.]+ -?[\d.]+", path)) - points) <= 1


def test_the_command_writes_it(tmp_path: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
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
