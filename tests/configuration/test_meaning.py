"""What an operator is told at the start, and again each day."""

from datetime import UTC, datetime, timedelta

import pytest

from addons.configuration.meaning import warn_of_days
from addons.configuration.record_keeping import used_before
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX as RI
from tests.conftest import SettingsMaker
from tests.records import Records


def test_models_that_end_soon_are_one_line(make_settings: SettingsMaker, records: Records) -> None:
    today = datetime.now(UTC).date()
    days = {"gpt-5-2": 59, "gpt-5-4": 3, "gpt-5-3-codex": 90}
    rows = [{"rid": RI + name, "shutdown": str(today + timedelta(days=left))} for name, left in days.items()]
    warn_of_days(make_settings(models={"extra": rows}))
    (line,) = records.of("models_shutdown_near")
    told = {rid.removeprefix(RI): day for rid, day in line["models"].items()}
    assert told.items() >= {name: str(today + timedelta(days=days[name])) for name in ("gpt-5-4", "gpt-5-2")}.items()
    assert "gpt-5-3-codex" not in told


@pytest.mark.parametrize(
    ("usage", "storage", "known"),
    [
        ({"ledger": "u.sqlite"}, "memory", True),
        ({"ledger": "off"}, "memory", False),
        ({"ledger": "memory", "shared": "postgresql://a@127.0.0.1:1/u"}, "memory", False),
        ({"ledger": "memory", "shared": "postgresql://a@127.0.0.1:1/u"}, "redis://127.0.0.1:1", True),
        ({"ledger": "u.sqlite"}, "redis://127.0.0.1:1", False),
        ({"ledger": "u.sqlite", "shared": "postgresql://a@127.0.0.1:1/u"}, "redis://127.0.0.1:1", True),
    ],
)
def test_budgets_that_come_later_know_what_was_used(
    make_settings: SettingsMaker, usage: dict[str, str], storage: str, known: bool
) -> None:
    """A configuration that is read again may bring the first budget."""
    assert (used_before(make_settings(usage=usage, limits={"storage": storage})) is not None) == known


def test_a_word_for_zero_data_retention_that_is_old(make_settings: SettingsMaker, records: Records) -> None:
    old = {"by": "Ada", "date": "2020-05-01", "reference": "T-1"}
    warn_of_days(make_settings(provider={"zero_data_retention": old}))
    (line,) = records.of("zero_data_retention_to_be_confirmed")
    assert "attested by Ada on 2020-05-01, over a year ago" in line["meaning"]
