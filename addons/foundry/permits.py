"""Rate limits as Foundry has them: tokens and requests per minute, per model, at three levels (SPEC §8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from addons.foundry import rate_window
from addons.foundry.rate_window import Count

type Level = Literal["ENROLLMENT", "PROJECT", "USER"]
type Kind = Literal["TOKENS", "REQUESTS"]


class Meter(NamedTuple):
    """One thing that is counted. ``subject`` is the project's RID or the caller; empty at the enrollment."""

    level: Level
    subject: str
    model: str
    kind: Kind

    def key(self, minute: int) -> str:
        """The counter of one minute. What a caller may choose freely stands last, so that no two meters share one."""
        return f"{self.kind}:{minute}:{self.level}:{self.model}:{self.subject}"


class Standing(NamedTuple):
    """How full one meter is, ``elapsed`` seconds into a minute."""

    meter: Meter
    limit: int
    counted: Count
    elapsed: float

    @property
    def used(self) -> int:
        return round(rate_window.used(self.counted, self.elapsed))

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def reset(self) -> float:
        """Seconds until nothing counts any more."""
        return rate_window.reset(self.counted, self.elapsed)

    def fits(self, cost: int) -> bool:
        return rate_window.fits(self.counted, cost, self.limit, self.elapsed)

    def wait(self, cost: int) -> float:
        """Seconds after which ``cost``, at most the limit, fits when nothing else is counted meanwhile."""
        return rate_window.wait(self.counted, cost, self.limit, self.elapsed)


@dataclass(slots=True)
class Permits:
    """What one call was charged, in which minute since the epoch, and what was said of it.

    ``standings`` hold the call's own charge, where it was charged. ``scope`` and ``kind`` name the limit that refused
    it, or with ``warned`` would have. ``unlimited``: it was let through because the store could not be asked.
    """

    minute: int = 0
    charges: Mapping[Meter, int] = field(default_factory=dict)
    standings: tuple[Standing, ...] = ()
    estimated_tokens: int | None = None
    scope: str | None = None
    kind: str | None = None
    warned: bool = False
    unlimited: bool = False
