from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from addons.usage.settings import UsageSettings


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({}, Path("state/usage.sqlite")),
        ({"ledger": None}, Path("state/usage.sqlite")),
        ({"ledger": "off"}, None),
        ({"ledger": "memory", "shared": "postgresql://a@127.0.0.1/u"}, None),
        ({"ledger": "/elsewhere/other.sqlite"}, Path("/elsewhere/other.sqlite")),
        ({"ledger": "~/usage.sqlite"}, Path.home() / "usage.sqlite"),
    ],
)
def test_where_the_ledger_lies(keys: dict[str, Any], path: Path | None) -> None:
    assert UsageSettings(**keys).path(Path("state")) == path


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"shared": "postgresql://a:b@127.0.0.1/u"}, "{env: NAME}"),
        ({"shared": "postgresql://a@db.example/u"}, "sslmode=verify-full"),
        ({"shared": "postgresql://a@127.0.0.1/u", "ledger": "off"}, "emptyDir"),
        ({"shared": {"env": "A", "file": "b"}}, "write either"),
        ({"ledger": "memory"}, "write usage.shared"),
        ({"ledger": "memory", "shared": {"env": "A"}, "memory_rows": 0}, "greater than 0"),
    ],
)
def test_a_shared_ledger_that_can_not_be(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        UsageSettings.model_validate(keys)


@pytest.mark.parametrize("word", [False, True, "no", "none", "false", "Memory", "OFF"])
def test_a_word_that_is_no_path_and_no_choice(word: object) -> None:
    with pytest.raises(ValidationError, match="write off for no ledger"):
        UsageSettings.model_validate({"ledger": word})


@pytest.mark.parametrize("shared", [None, "postgresql://a@127.0.0.1/u", {"env": "USAGE_URL"}])
def test_a_shared_ledger(shared: Any) -> None:
    dumped = UsageSettings.model_validate({"shared": shared}).model_dump(exclude_none=True)
    assert dumped.get("shared") == shared
