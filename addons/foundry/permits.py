"""Rate limits as Foundry has them: tokens and requests per minute, per model, at three levels.

Source: docs/contract.md#limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
        """Seconds until no earlier call counts any more."""
        return rate_window.reset(self.counted, self.elapsed)

    def wait(self, cost: int) -> float:
        """Seconds after which ``cost``, at most the limit, fits when nothing else is counted meanwhile."""
        return rate_window.wait(self.counted, cost, self.limit, self.elapsed)


@dataclass(slots=True)
class Permits:
    """What one call was charged, in which minute since the epoch, and what was said of it.

    ``meters`` are those the call runs on, with their ``limits``, what was counted on each in the ``previous`` minute
    and in the ``current`` one, the call's own charge included, and the ``costs`` it was charged: none where it was
    charged nothing. All five run in the same order: a call makes no object a meter, unless somebody asks.

    ``scope`` and ``kind`` name the limit that refused the call, or with ``warned`` would have. ``unlimited``: it was
    let through because the store could not be asked.
    """

    minute: int = 0
    meters: Sequence[Meter] = ()
    limits: Sequence[int] = ()
    costs: Sequence[int] = ()
    previous: Sequence[int] = ()
    current: Sequence[int] = ()
    elapsed: float = 0.0
    estimated_tokens: int | None = None
    scope: str | None = None
    kind: str | None = None
    warned: bool = False
    unlimited: bool = False

    @property
    def standings(self) -> tuple[Standing, ...]:
        """How full each meter is, the call's own charge included; empty where nobody looked."""
        rows = zip(self.meters, self.limits, self.previous, self.current, strict=False)
        return tuple(Standing(meter, limit, Count(before, now), self.elapsed) for meter, limit, before, now in rows)
