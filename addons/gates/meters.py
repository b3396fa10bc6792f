"""Which meters a call runs on, with the limit of each (docs/contract.md#limits)."""

from collections.abc import Iterator, Mapping
from typing import Final

from addons.call import Call
from addons.foundry.permits import Kind, Meter
from addons.gates.levels import known_projects, levels
from addons.gates.limits_settings import Limit, LimitsSettings

MOST_KNOWN: Final = 2048  # answers kept; one is some 2 KB

type Key = tuple[str, str, tuple[tuple[str, ...], bool]]
"""A model's RID, the caller's subject, and ``known_projects``."""


class Meters:
    """The meters of one kind of call. ``limits`` run in the same order as ``meters``."""

    __slots__ = ("_keys", "_minute", "limits", "meters", "zero")

    def __init__(self, limits: Mapping[Meter, int]) -> None:
        self.meters = tuple(limits)
        self.limits = tuple(limits.values())
        self.zero = next((meter for meter, limit in limits.items() if limit == 0), None)
        self._minute = -1
        self._keys: tuple[list[str], list[str]] = [], []

    def keys(self, minute: int) -> tuple[list[str], list[str]]:
        """The counters' names in a minute, and in the one before it followed by those of the minute.

        Made once a minute: a busy caller's calls all ask for the same.
        """
        if minute != self._minute:
            now = [meter.key(minute) for meter in self.meters]
            self._keys = now, [meter.key(minute - 1) for meter in self.meters] + now
            self._minute = minute
        return self._keys


class MetersOf:
    """Finds a call's meters, and keeps what it found: of a bounded number of callers, and of nothing made up."""

    def __init__(self, settings: LimitsSettings) -> None:
        self._settings = settings
        self._any = settings.rates
        self._known: dict[Key, Meters] = {}

    def __call__(self, call: Call) -> Meters | None:
        """None where nothing limits the call."""
        if not self._any:
            return None
        assert call.caller
        assert call.model
        projects = known_projects(call.attribution, self._settings.project, call.caller.projects or ())
        key = call.model.rid, call.caller.subject, projects
        if (found := self._known.get(key)) is None:
            if len(self._known) >= MOST_KNOWN:
                del self._known[next(iter(self._known))]
            found = self._known[key] = Meters(limits_of(key, self._settings))
        return found if found.meters else None


def limits_of(key: Key, settings: LimitsSettings) -> Mapping[Meter, int]:
    """What limits a model's calls of a subject for these projects."""
    model, subject, projects = key
    return {
        Meter(level, whose, model, kind): amount
        for level, whose, entry in levels(subject, projects, settings.enrollment, settings.project, settings.user)
        if (limit := entry.get(model, entry.get("default")) if isinstance(entry, Mapping) else entry)
        for kind, amount in _amounts(limit)
        if amount is not None
    }


def _amounts(limit: Limit) -> Iterator[tuple[Kind, int | None]]:
    yield "TOKENS", limit.tokens_per_minute
    yield "REQUESTS", limit.requests_per_minute
