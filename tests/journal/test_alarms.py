"""Alarms are one list, told and counted in one place."""

import re
from pathlib import Path

import pytest
import structlog

from addons.foundry.alarm_names import Alarm
from addons.journal.alarms import Alarms
from tests.journal.test_journal import fails
from tests.records import Records

ALERTS = Path(__file__).parent.parent.parent / "deploy" / "components" / "monitoring" / "alerts.yaml"


def counts(alarms: Alarms) -> dict[str, float]:
    return {labels["alarm"]: count for count, labels in alarms.reading.read()}


def test_every_alarm_counts_from_the_start(records: Records) -> None:
    alarms = Alarms()
    assert counts(alarms) == {alarm.value: 0 for alarm in Alarm}
    assert alarms.reading.counts
    alarms.raise_alarm(Alarm.STORE_ECHOED, why="a reason")
    assert counts(alarms) == {alarm.value: alarm is Alarm.STORE_ECHOED for alarm in Alarm}
    (told,) = records.of("alarm")
    assert (told["alarm"], told["why"], told["level"]) == ("store_echoed", "a reason", "error")


def test_an_alarm_counts_though_the_log_fails() -> None:
    structlog.configure(processors=[fails], cache_logger_on_first_use=False)
    alarms = Alarms()
    try:
        alarms.raise_alarm(Alarm.FAULT)
    finally:
        structlog.reset_defaults()
    assert counts(alarms)["fault"] == 1


@pytest.mark.parametrize("alarm", Alarm)
def test_an_operator_is_told_what_each_means(alarm: Alarm) -> None:
    assert re.search(rf"\b{alarm.value}\b", ALERTS.read_text())
