"""Alarms: each is logged and counted, whether a call raised it, or a file or service that many calls need."""

import contextlib
import threading
from collections.abc import Mapping

import structlog

from addons.foundry.alarm_names import Alarm
from addons.journal.readings import Reading

_log = structlog.get_logger("sidecar.alarm")


class Alarms:
    """The alarms of the process. Each count begins as 0, since a rate does not show a counter's first value."""

    def __init__(self) -> None:
        self._counts: dict[Alarm, int] = dict.fromkeys(Alarm, 0)
        self._lock = threading.Lock()

    def raise_alarm(self, alarm: Alarm, **facts: object) -> None:
        """Logs and counts an alarm. May be called on any thread, and raises nothing.

        ``facts`` go into the log's line; none may be a secret.
        """
        with self._lock:
            self._counts[alarm] += 1
        with contextlib.suppress(Exception):  # where the log itself fails, there is still the count
            _log.error("alarm", alarm=alarm.value, **facts)

    def report(self, name: str, why: str) -> None:
        """As ``raise_alarm``, for parts that have only the alarm's name. A ``sources.fault.RaiseAlarm``.

        Raises:
            ValueError: there is no alarm of that name.
        """
        self.raise_alarm(Alarm(name), why=why)

    @property
    def reading(self) -> Reading:
        """The counts, for metrics."""
        return Reading("foundry.sidecar.alarms", "{alarm}", "what an operator should look at", self._read, counts=True)

    def _read(self) -> list[tuple[float, Mapping[str, str]]]:
        with self._lock:
            return [(count, {"alarm": alarm.value}) for alarm, count in self._counts.items()]
