"""Alarms that no single call gives cause for: a file gone bad, a service that can't be had."""

import time
from collections.abc import Callable
from typing import Final

import structlog

type RaiseAlarm = Callable[[str, str], object]
"""Takes the alarm's name, as the metric has it, and a sentence for people. May be called on any thread."""

_TELL_EVERY: Final = 60.0  # seconds


def log_alarm(name: str, why: str) -> None:
    structlog.get_logger("sidecar.alarm").error("alarm", alarm=name, why=why)


class Fault:
    """One thing that is right or wrong: the alarm is raised when it goes wrong, and each minute while it stays so.

    Args:
        name: the alarm's.
        alarm: where it is raised.
        clock: seconds.
    """

    def __init__(self, name: str, alarm: RaiseAlarm = log_alarm, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._alarm = alarm
        self._clock = clock
        self._told = float("-inf")
        self.why: str | None = None  # None: all is right

    def wrong(self, why: str) -> None:
        """Says what is wrong now. Cheap to repeat."""
        now = self._clock()
        if why != self.why or now - self._told >= _TELL_EVERY:
            self.why, self._told = why, now
            self._alarm(self._name, why)

    def right(self) -> None:
        self.why, self._told = None, float("-inf")
