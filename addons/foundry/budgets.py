"""Budgets: what may be used in a day, a week or a month, and what one call holds of it while it is under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from addons.foundry.permits import Level

type Period = Literal["day", "week", "month"]
type Unit = Literal["tokens", "requests", "money"]

PERIODS: Final[tuple[Period, ...]] = ("day", "week", "month")
UNITS: Final[tuple[Unit, ...]] = ("tokens", "requests", "money")
MICRO: Final = 1_000_000
"""Money is counted in millionths of its unit: counters hold whole numbers."""

REMEMBERED: Final = 40 * 86_400  # seconds a counter is kept: a month, and a week for late ends
MOST_COUNT: Final = 10**15  # nothing that is counted in one call comes near


class PeriodBudget(NamedTuple):
    """One budget of one period. ``model`` is empty where it holds for all; ``limit`` is in millionths for money."""

    level: Level
    subject: str
    model: str
    period: Period
    unit: Unit
    limit: int

    def key(self, begins: date) -> str:
        """The counter of the period that begins on this day. What a caller may choose freely stands last."""
        return f"budget:{self.period}:{begins}:{self.unit}:{self.level}:{self.model}:{self.subject}"


@dataclass(slots=True)
class Reserved:
    """What a call was charged on its budgets: one key and one amount each, until its end tells what it used.

    ``shares`` is the number of projects that the call's tokens and money are divided among, 1 for each other budget.
    ``tokens`` and ``money`` are the estimate as a whole; None: there is no price.
    ``filled`` is what each budget would hold with this call. A call that found one full is charged on none:
    it has no ``keys``.
    """

    budgets: Sequence[PeriodBudget] = ()
    keys: Sequence[str] = ()
    amounts: Sequence[int] = ()
    shares: Sequence[int] = ()
    filled: Sequence[int] = ()
    tokens: int = 0
    money: int | None = None


def begins(period: Period, day: date) -> date:
    """The first day of the period that ``day`` is in."""
    if period == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if period == "week" else day


def ends(period: Period, day: date, zone: ZoneInfo) -> datetime:
    """When the period that ``day`` is in is over, and the next begins."""
    first = begins(period, day)
    if period == "month":
        following = (first + timedelta(days=32)).replace(day=1)
    else:
        following = first + timedelta(days=7 if period == "week" else 1)
    return datetime.combine(following, time(), zone)


def share(amount: int, number: int) -> int:
    """One of ``number`` equal parts, rounded up: together they are never less than the whole."""
    return -(-amount // number)
