"""`policy`: read, compared and signed off."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from addons.apis.row_listing import listed
from addons.bodies.sources import CHECKED
from addons.configuration.fingerprint import policy_hash
from addons.configuration.policy_listing import old_sources, policy_listing
from addons.configuration.settings import Settings
from addons.foundry.request_headers import FORWARDED, HASHED, HEADERS
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX as RI
from addons.foundry.shipped_models import SHIPPED
from tests.commands.program import ROOT, run, write_yaml

PLAIN: dict[str, Any] = {
    "caller": {"verifier": "development"},
    "provider": {"regions": {"global": {"api_key": {"env": "X"}}}},
}
LOOSE = PLAIN | {"policy": {"web_search": "cache_only", "models_with_daily_cache": [RI + "gpt-5-5"]}}


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_yaml(tmp_path / "plain.yaml", PLAIN)


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    return write_yaml(tmp_path / "loose.yaml", LOOSE)


def told(*arguments: str | Path) -> str:
    ended = run("policy", *map(str, arguments))
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_no_row_is_missing_and_none_invented(loose: Path) -> None:
    settings = Settings.model_validate(LOOSE)
    rows = policy_listing(settings, datetime.now(UTC).date())
    by_kind = {kind: [row.name for row in rows if row.kind == kind] for kind in {row.kind for row in rows}}
    assert sorted(by_kind.pop("header")) == sorted(HEADERS)
    assert sorted(by_kind.pop("model")) == sorted(model.rid.removeprefix(RI) for model in SHIPPED)
    assert sorted(name for names in by_kind.values() for name in names) == sorted(
        row.name for row in listed(settings.policy)
    )
    plain_json = json.loads(told("--config", loose, "--format", "json"))
    assert [(row["kind"], row["name"], row["decision"]) for row in plain_json["rows"]] == [
        (row.kind, row.name, row.decision) for row in rows
    ]


@pytest.mark.parametrize("form", ["table", "md", "html", "json"])
def test_every_form_holds_every_row(loose: Path, form: str) -> None:
    page = told("--config", loose, "--format", form)
    for row in policy_listing(Settings.model_validate(LOOSE), datetime.now(UTC).date()):
        assert row.name in page
    assert "Looser than shipped" in page or form == "json"
    assert policy_hash(Settings.model_validate(LOOSE)) in page


def test_what_is_looser_stands_first(loose: Path) -> None:
    sections = re.findall(r"^## (.*)$", told("--config", loose, "--format", "md"), re.MULTILINE)
    assert sections[:2] == ["Looser than shipped", "responses: Fields"]
    first = told("--config", loose).partition("\nresponses: Fields")[0]
    assert "tool.web_search " in first
    assert "gpt-5-5 " in first
    assert "tool.mcp" not in first


def test_only_what_differs_is_shown_against_another(plain: Path, loose: Path) -> None:
    rows = json.loads(told("--config", plain, "--against", loose, "--format", "json"))["rows"]
    by_name = {row["name"]: (row["decision"], row["there"]) for row in rows}
    assert by_name["tool.web_search"] == ("refuse", "cache_only")
    assert by_name["gpt-5-5"] == ("refuse", "allow")
    assert "tool.mcp" not in by_name
    assert "(there: cache_only)" in told("--config", plain, "--against", loose)
    assert "there: cache_only" in told("--config", plain, "--against", loose, "--format", "html")
    assert "| There |" in told("--config", plain, "--against", loose, "--format", "md")


def test_nothing_differs_from_itself(plain: Path) -> None:
    assert "no difference" in told("--config", plain, "--against", plain)
    assert json.loads(told("--config", plain, "--against", plain, "--format", "json"))["rows"] == []


def test_a_model_of_ones_own_is_compared(tmp_path: Path, plain: Path) -> None:
    own = {"rid": "ri.language-model-service.main.language-model.own", "provider_model": "own", "daily_cache": False}
    other = write_yaml(tmp_path / "own.yaml", PLAIN | {"models": {"extra": [own]}})
    (row,) = json.loads(told("--config", plain, "--against", other, "--format", "json"))["rows"]
    assert (row["name"], row["decision"], row["there"]) == (own["rid"], "refuse", "allow")


def test_the_page_is_complete_in_itself(loose: Path) -> None:
    page = told("--config", loose, "--format", "html")
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=", page)
    assert "@media print" in page
    assert page.count("<tr") == page.count("</tr>")


def test_only_these_headers_travel() -> None:
    assert (FORWARDED, HASHED) == (("x-client-request-id",), ("idempotency-key",))


def test_a_configuration_that_is_none_is_told(tmp_path: Path) -> None:
    wrong = write_yaml(tmp_path / "wrong.yaml", PLAIN | {"policy": {"web_serch": "allow"}})
    ended = run("policy", "--config", str(wrong))
    assert ended.returncode == 2
    assert "web_serch" in ended.stderr


def test_sources_that_are_old_are_listed() -> None:
    settings = Settings.model_validate(PLAIN | {"policy": {"review_days": 30}})
    assert list(old_sources(settings, CHECKED + timedelta(days=30))) == []
    old = list(old_sources(settings, CHECKED + timedelta(days=31)))
    rows = policy_listing(settings, CHECKED)
    assert len(old) == len({row.source for row in rows})
    assert any("tool.mcp" in line and "over 30 days ago" in line for line in old)


def test_every_source_is_told_of_in_the_documents() -> None:
    written = (ROOT / "docs" / "policy-sources.md").read_text()
    for source in {row.source for row in policy_listing(Settings.model_validate(PLAIN), CHECKED)}:
        assert source.title in written
        assert source.title == "our decision" or source.section in written or source.title == "the model catalogue"
