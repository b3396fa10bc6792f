"""Which meters a call runs on, with the limit of each (docs/contract.md#limits)."""

from collections.abc import Iterator, Mapping
from typing import Final

from addons.call import Call
from addons.foundry.permits import Kind, Level, Meter
from addons.gates.limits_settings import Limit, LimitsSettings

OTHERS: Final = "others"
"""Whose meter the projects share that are neither configured nor granted to the caller. No RID is written so."""

MOST_KNOWN: Final = 2048  # answers kept; one is some 2 KB

type Key = tuple[str, str, tuple[str, ...], bool]


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
        configured, granted = self._settings.project, call.caller.projects or ()
        named = tuple([rid for rid in call.attribution if rid in configured or rid in granted])
        key = call.model.rid, call.caller.subject, named, len(named) < len(call.attribution)
        if (found := self._known.get(key)) is None:
            if len(self._known) >= MOST_KNOWN:
                del self._known[next(iter(self._known))]
            found = self._known[key] = Meters(limits_of(key, self._settings))
        return found if found.meters else None


def limits_of(key: Key, settings: LimitsSettings) -> Mapping[Meter, int]:
    """What limits a model's calls of a subject for these projects, where others are named besides or are not.

    Attribution is the caller's claim: a project that is not in the configuration by its own RID may have been made
    up, so such a call counts towards its caller too. Those nobody granted share one meter, or a caller could have
    a fresh one for each call by a new name.
    """
    model, subject, named, made_up = key
    default = settings.project.get("default")
    chosen: list[tuple[Level, str, Limit | Mapping[str, Limit] | None]] = [("ENROLLMENT", "", settings.enrollment)]
    chosen += [("PROJECT", rid, settings.project.get(rid, default)) for rid in named]
    if made_up:
        chosen.append(("PROJECT", OTHERS, default))
    if made_up or not named or not settings.project.keys() >= set(named):
        chosen.append(("USER", subject, settings.user.get(subject, settings.user.get("default"))))
    return {
        Meter(level, whose, model, kind): amount
        for level, whose, entry in chosen
        if (limit := entry.get(model, entry.get("default")) if isinstance(entry, Mapping) else entry)
        for kind, amount in _amounts(limit)
        if amount is not None
    }


def _amounts(limit: Limit) -> Iterator[tuple[Kind, int | None]]:
    yield "TOKENS", limit.tokens_per_minute
    yield "REQUESTS", limit.requests_per_minute
