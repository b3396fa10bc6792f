from pathlib import Path
from typing import Any

import pytest

from addons.usage.settings import UsageSettings


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({}, Path("state/usage.sqlite")),
        ({"ledger": None}, Path("state/usage.sqlite")),
        ({"ledger": "off"}, None),
        ({"ledger": "/elsewhere/other.sqlite"}, Path("/elsewhere/other.sqlite")),
        ({"ledger": "~/usage.sqlite"}, Path.home() / "usage.sqlite"),
    ],
)
def test_where_the_ledger_lies(keys: dict[str, Any], path: Path | None) -> None:
    assert UsageSettings(**keys).path(Path("state")) == path
