"""Alarms as they are raised."""

from addons.sources.fault import Fault


class Alarms:
    def __init__(self) -> None:
        self.raised: list[tuple[str, str]] = []

    def __call__(self, name: str, why: str) -> None:
        self.raised.append((name, why))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.raised]


def a_fault() -> Fault:
    """Where nobody looks at the alarms."""
    return Fault("an_alarm", Alarms())
