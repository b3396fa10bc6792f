"""How much of each limit a minute, and of each budget, was used: for ``usage --html``."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from addons.foundry.budgets import MICRO, PERIODS, Period, begins, ends
from addons.gates.budget_recovery import amounts
from addons.gates.budget_settings import BudgetsSettings
from addons.gates.levels import known_projects
from addons.gates.limits_settings import LimitsSettings
from addons.gates.meters import limits_of
from addons.usage.query import Connection, Dialect, usage
from addons.usage.used_before import used_since

type Row = Mapping[str, Any]

GROUP: Final = ("caller", "project", "model")
NOTHING: Final = {"total_tokens": 0, "calls": 0, "refused": 0, "cost": 0.0}


class LimitUse(NamedTuple):
    """A limit or a budget, and what was used of it: in the busiest ``minute``, or in the period that runs.

    ``model`` is empty where it holds for all of them together; ``unit`` is tokens, requests or money.
    """

    level: str
    subject: str
    model: str
    unit: str
    per: str
    amount: float
    used: float


def limits(rows: Iterable[Row], settings: LimitsSettings) -> Iterator[LimitUse]:
    """Of usage by minute and ``GROUP``. Limits that nothing ran into are left out."""
    used: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    amounts: dict[Any, int] = {}
    for row in rows:
        projects = known_projects(_projects(row), settings.project, ())
        for meter, amount in limits_of((row["model"], row["caller"] or "", projects), settings).items():
            amounts[meter] = amount
            used[meter][row["minute"]] += row["total_tokens"] if meter.kind == "TOKENS" else left(row)
    for meter, amount in amounts.items():
        level, subject, model, kind = meter
        yield LimitUse(level, subject, model, kind.lower(), "minute", amount, max(used[meter].values()))


class Periods:
    """The budgets' days, weeks and months, as far as any budget has them.

    ``since`` and ``until`` are Unix times in seconds: what is looked at.
    """

    def __init__(self, settings: BudgetsSettings, since: float, until: float) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.time_zone)
        self._since, self._until = since, until
        self._kinds = [period for period in PERIODS if settings.any]

    def starts(self) -> dict[Period, list[float]]:
        """When each began that ``since`` to ``until`` touches, the oldest first."""
        return {period: list(self._starts(period)) for period in self._kinds}

    def before(self, connection: Connection, dialect: Dialect) -> dict[Period, list[Row]]:
        """What was used by ``GROUP`` from when the first of them began until ``since``."""
        own = _by_group(usage(connection, self._since, GROUP, dialect))
        return {
            period: [
                {**row, **{name: (row[name] or 0) - (own.get(_group(row), NOTHING)[name] or 0) for name in NOTHING}}
                for row in usage(connection, next(self._starts(period)), GROUP, dialect)
                if row["model"]
            ]
            for period in self._kinds
        }

    def budgets(self, connection: Connection, dialect: Dialect) -> Iterator[LimitUse]:
        """What budgets hold of the periods that run now. Budgets that nothing ran into are left out."""
        for period in self._kinds:
            used = used_since(connection, [*self._starts(period)][-1], dialect)
            for budget, amount in amounts(used, period, self._settings).items():
                level, subject, model, _, unit, limit = budget
                whole = MICRO if unit == "money" else 1
                yield LimitUse(level, subject, model, unit, period, limit / whole, amount / whole)

    def _starts(self, period: Period) -> Iterator[float]:
        day = datetime.fromtimestamp(self._since, self._zone).date()
        start = datetime.combine(begins(period, day), time(), self._zone)
        while start.timestamp() <= self._until:
            yield start.timestamp()
            start = ends(period, start.date(), self._zone)


def left(row: Row) -> int:
    """Calls that left for the provider."""
    return int(row["calls"] - row["refused"])


def _projects(row: Row) -> tuple[str, ...]:
    return tuple(row["project"].split(" + ")) if row["project"] else ()


def _group(row: Row) -> Sequence[str | None]:
    return tuple(row[name] for name in GROUP)


def _by_group(rows: Iterable[Row]) -> dict[Sequence[str | None], Row]:
    return {_group(row): row for row in rows}
