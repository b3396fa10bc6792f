"""Catches what the sidecar logs."""

import threading
from typing import Any

import structlog

from tests.waiting import LONGEST


class Records:
    """Every structlog event since the start or the last ``clear``, as dictionaries."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: list[dict[str, Any]] = []

    def __call__(self, _logger: Any, level: str, event: Any) -> Any:
        with self._changed:
            self._events.append({**event, "level": level})
            self._changed.notify_all()
        raise structlog.DropEvent

    def of(self, event: str) -> list[dict[str, Any]]:
        with self._changed:
            return [record for record in self._events if record["event"] == event]

    def wait(self, event: str = "call", count: int = 1) -> list[dict[str, Any]]:
        """The records of this event, as soon as there are ``count``; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._named(event)) >= count, LONGEST):
                raise TimeoutError(f"{len(self._named(event))} of {count} records of {event}; all: {self._events[:50]}")
            return self._named(event)

    def clear(self) -> None:
        with self._changed:
            self._events.clear()

    def everything(self) -> str:
        with self._changed:
            return repr(self._events)

    def _named(self, event: str) -> list[dict[str, Any]]:
        return [record for record in self._events if record["event"] == event]
