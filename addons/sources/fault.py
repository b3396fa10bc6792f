"""Alarms about what many calls need, such as a file that can't be read or a service that can't be reached."""

import time
from collections.abc import Callable
from typing import Final

import structlog

type RaiseAlarm = Callable[[str, str], object]
"""Takes the alarm's name, as the metric has it, and a sentence for people. May be called on any thread."""

_REPEAT_EVERY: Final = 60.0  # seconds


def log_alarm(name: str, why: str) -> None:
    """Raises the alarm in the log only; for programs that count none."""
    structlog.get_logger("sidecar.alarm").error("alarm", alarm=name, why=why)


class Fault:
    """The state of one file or service, right or wrong.

    The alarm is raised when the state goes wrong, when the reason changes, and each minute while it is reported again.

    Args:
        name: of the alarm.
        alarm: raises it.
        clock: seconds.
    """

    def __init__(self, name: str, alarm: RaiseAlarm = log_alarm, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._alarm = alarm
        self._clock = clock
        self._raised_at = float("-inf")
        self.why: str | None = None  # what is wrong; None: nothing is

    def wrong(self, why: str) -> None:
        """Reports that the state is wrong, with the reason. It may be called as often as wanted."""
        now = self._clock()
        if why != self.why or now - self._raised_at >= _REPEAT_EVERY:
            self.why, self._raised_at = why, now
            self._alarm(self._name, why)

    def right(self) -> None:
        """Reports that the state is right. Raises no alarm."""
        self.why, self._raised_at = None, float("-inf")
