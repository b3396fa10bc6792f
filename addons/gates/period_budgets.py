"""Which budgets hold for a call."""

from collections.abc import Iterator, Mapping

from addons.call import Call
from addons.foundry.budgets import MICRO, PERIODS, UNITS, PeriodBudget, Unit
from addons.gates.budget_settings import Budget, Budgets, BudgetsSettings
from addons.gates.levels import known_projects, levels

type Entry = Budgets | Mapping[str, Budgets] | None


def budgets_of(call: Call, settings: BudgetsSettings) -> list[tuple[PeriodBudget, int]]:
    """Each with the number of projects that share the call's tokens and money, so that none is counted twice."""
    assert call.caller
    assert call.model
    found = period_budgets(call.model.rid, call.caller.subject, call.attribution, call.caller.projects or (), settings)
    return list(found)


def period_budgets(
    model: str,
    subject: str,
    attribution: tuple[str, ...],
    granted: frozenset[str] | tuple[()],
    settings: BudgetsSettings,
) -> Iterator[tuple[PeriodBudget, int]]:
    """Each with the number of projects that share it; ``granted`` are the caller's own."""
    known, others = projects = known_projects(attribution, settings.project, granted)
    for level, whose, entry in levels(subject, projects, settings.enrollment, settings.project, settings.user):
        for which, budgets in _by_model(entry, model):
            for period in PERIODS:
                for unit in UNITS:
                    written: Budget | None = getattr(budgets, period)
                    limit = None if written is None else getattr(written, unit)
                    if limit is not None:
                        budget = PeriodBudget(level, whose, which, period, unit, _whole(unit, limit))
                        yield budget, len(known) + others if level == "PROJECT" else 1


def _by_model(entry: Entry, model: str) -> Iterator[tuple[str, Budgets]]:
    if isinstance(entry, Budgets):
        yield "", entry
    elif entry:
        for which, name in (("", "all"), (model, model)):
            if budgets := entry.get(name):
                yield which, budgets


def _whole(unit: Unit, limit: float) -> int:
    return int(limit * MICRO) if unit == "money" else int(limit)
