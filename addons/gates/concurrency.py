"""Gate: how many calls are under way at a time, so that a burst is refused rather than held in memory."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from addons.call import Call
from addons.foundry.limit_refusals import crowded
from addons.foundry.permits import Permits
from addons.gates.limits_settings import LimitsSettings


class UnderWay:
    """The calls that are under way. They are held weakly: one whose end nobody tells of is forgotten with its flow."""

    def __init__(self) -> None:
        self.all: WeakSet[Call] = WeakSet()
        self._by_caller: defaultdict[str, WeakSet[Call]] = defaultdict(WeakSet)

    def of(self, subject: str) -> int:
        """How many are one caller's."""
        return len(self._by_caller.get(subject, ()))

    def enter(self, call: Call) -> None:
        self.all.add(call)
        if call.caller:
            self._by_caller[call.caller.subject].add(call)

    def leave(self, call: Call, _record: Mapping[str, Any]) -> None:
        """A sink of the Journal. Calls that never entered leave nothing."""
        self.all.discard(call)
        if call.caller and (own := self._by_caller.get(call.caller.subject)) is not None:
            own.discard(call)
            if not own:
                del self._by_caller[call.caller.subject]


@dataclass(frozen=True, slots=True)
class LimitConcurrency:
    """Counts the call as under way, or refuses it. A call for Foundry itself counts in the total alone."""

    settings: LimitsSettings
    under_way: UnderWay

    def __call__(self, call: Call) -> None:
        caps, warn = self.settings.concurrency, self.settings.mode == "warn"
        for scope, cap, count in (
            ("SIDECAR", caps.total, len(self.under_way.all)),
            ("CALLER", caps.per_caller, self.under_way.of(call.caller.subject) if call.caller else 0),
        ):
            if cap is not None and count >= cap:
                call.permits = Permits(scope=scope, kind="CONCURRENCY", warned=warn)
                if not warn:
                    raise crowded(scope, cap)
        self.under_way.enter(call)
