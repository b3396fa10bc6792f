"""The ``limits:`` section: what it takes, and how it says no."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from addons.configuration import loading
from addons.configuration.errors import ConfigurationError
from addons.gates.limits_settings import Limit, LimitsSettings
from addons.values.secret import Secret
from tests.configuration.descriptions import numbers
from tests.conftest import MODEL

SCHEMA = LimitsSettings.model_json_schema()
PROJECT = "ri.compass.main.folder.a"

HEAD = """\
provider: {regions: {global: {api_key: {env: X}}}}
caller: {verifier: development}
limits:
"""


def load(directory: Path, section: str) -> LimitsSettings:
    file = directory / "sidecar.yaml"
    file.write_text(HEAD + section)
    return loading.load(file).limits


def test_the_contracts_example(tmp_path: Path) -> None:
    limits = load(
        tmp_path,
        f"""\
  storage: memory
  mode: enforce
  enrollment: {{{MODEL}: {{tokens_per_minute: 10000000, requests_per_minute: 5000}}}}
  project: {{default: {{requests_per_minute: 7}}, {PROJECT}: {{{MODEL}: {{tokens_per_minute: 5}}, default: {{}}}}}}
  user: {{default: {{tokens_per_minute: 500000, requests_per_minute: 1000}}, ada: {{requests_per_minute: 0}}}}
""",
    )
    assert limits.enrollment == {MODEL: Limit(tokens_per_minute=10_000_000, requests_per_minute=5000)}
    assert limits.project["default"] == Limit(requests_per_minute=7)
    assert limits.project[PROJECT] == {MODEL: Limit(tokens_per_minute=5), "default": Limit()}
    assert limits.user["ada"] == Limit(requests_per_minute=0)
    assert limits.rates


def test_nothing_is_limited_by_default() -> None:
    limits = LimitsSettings()
    assert not limits.rates
    assert (limits.concurrency.per_caller, limits.concurrency.total) == (None, None)
    assert (limits.storage, limits.on_store_failure, limits.mode) == ("memory", "refuse", "enforce")


def test_the_numbers_that_are_described_are_the_defaults() -> None:
    assert {key: default for key, default, _ in numbers(SCHEMA)} == {key: told for key, _, told in numbers(SCHEMA)}


@pytest.mark.parametrize("url", ["redis://cache:6379/0", "rediss://cache", "redis://someone@cache:6379"])
def test_urls_without_a_password_are_written_plainly(url: str) -> None:
    assert LimitsSettings(storage=url).storage == url


def test_a_store_by_reference_lies_beside_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, "  storage: {file: store}\n").storage == Secret(file=tmp_path / "store")


@pytest.mark.parametrize(
    ("section", "line", "words"),
    [
        ("  storage: postgres://x\n", 4, "limits.storage: 'postgres' is no store; write memory"),
        ("  storage: redis\n", 4, "limits.storage: 'this' is no store"),
        ("  storage: redis://:hunter2@cache\n", 4, "limits.storage: a URL with a password is a secret"),
        ("  storage: redis://a:hunter2\n", 4, "limits.storage: this is no URL; write memory"),
        ("  storage: redis://a:hunter2℀@cache\n", 4, "limits.storage: this is no URL; write memory"),
        ("  storage: {env: A, file: b}\n", 4, "limits.storage: write either"),
        ("  enrollment: {gpt-5.2: {}}\n", 4, "limits.enrollment.gpt-5.2"),
        ("  enrollment:\n    default: {tokens: 1}\n", 5, "limits.enrollment.default.tokens: no such key"),
        (
            "  user:\n    ada: {tokens_per_minute: -1}\n",
            5,
            "limits.user.ada.tokens_per_minute: Input should be greater",
        ),
        ("  user:\n    ada: 5\n", 5, "limits.user.ada: "),
        ("  user:\n    ada: {tokens: 5}\n", 5, "limits.user.ada.tokens: no such key"),
        (f"  project:\n    {PROJECT}:\n      gpt: {{}}\n", 6, f"limits.project.{PROJECT}.gpt"),
        ("  project:\n    folder: {}\n", 5, "limits.project.folder"),
        ("  concurrency: {total: 0}\n", 4, "limits.concurrency.total: Input should be greater than 0"),
        ("  on_store_failure: ignore\n", 4, "limits.on_store_failure"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(tmp_path: Path, section: str, line: int, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, section)
    assert words in str(caught.value)
    assert f"sidecar.yaml:{line}: " in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_is_written_back_can_be_read_again() -> None:
    given: dict[str, Any] = {"user": {"ada": {MODEL: {"requests_per_minute": 3}}}, "storage": {"env": "STORE"}}
    limits = LimitsSettings.model_validate(given)
    assert LimitsSettings.model_validate(limits.model_dump(mode="json")) == limits
    assert TypeAdapter(LimitsSettings).json_schema()["properties"].keys() == LimitsSettings.model_fields.keys()
