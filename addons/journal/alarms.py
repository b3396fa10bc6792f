"""Alarms: each is told in the log and counted, whether a call raised it or something that is read beside calls."""

import contextlib
import threading
from collections.abc import Mapping

import structlog

from addons.foundry.alarm_names import Alarm
from addons.journal.readings import Reading

_log = structlog.get_logger("sidecar.alarm")


class Alarms:
    """One for the whole process. Counts begin at 0 for every alarm: one that began at 1 would hide its first."""

    def __init__(self) -> None:
        self._counts: dict[Alarm, int] = dict.fromkeys(Alarm, 0)
        self._lock = threading.Lock()

    def tell(self, alarm: Alarm, **facts: object) -> None:
        """May be called on any thread. ``facts`` go into the log's line; none may be a secret. Raises nothing."""
        with self._lock:
            self._counts[alarm] += 1
        with contextlib.suppress(Exception):  # where the log itself fails, the count still tells
            _log.error("alarm", alarm=alarm.value, **facts)

    def raised(self, name: str, why: str) -> None:
        """The same for parts that know an alarm by its name only."""
        self.tell(Alarm(name), why=why)

    @property
    def reading(self) -> Reading:
        """For those who collect metrics."""
        return Reading("foundry.sidecar.alarms", "{alarm}", "what an operator should look at", self._read, counts=True)

    def _read(self) -> list[tuple[float, Mapping[str, str]]]:
        with self._lock:
            return [(count, {"alarm": alarm.value}) for alarm, count in self._counts.items()]
