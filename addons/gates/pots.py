"""Which budgets hold for a call."""

from collections.abc import Iterator, Mapping

from addons.call import Call
from addons.foundry.budgets import MICRO, PERIODS, UNITS, Pot, Unit
from addons.foundry.permits import Level
from addons.gates.budget_settings import Budget, Budgets, BudgetsSettings
from addons.gates.meters import OTHERS

type Entry = Budgets | Mapping[str, Budgets] | None


def pots_of(call: Call, settings: BudgetsSettings) -> list[tuple[Pot, int]]:
    """Each with the number of projects that share the call's tokens and money, so that none is counted twice."""
    assert call.caller
    assert call.model
    found = pots(call.model.rid, call.caller.subject, call.attribution, call.caller.projects or (), settings)
    return list(found)


def pots(
    model: str,
    subject: str,
    attribution: tuple[str, ...],
    granted: frozenset[str] | tuple[()],
    settings: BudgetsSettings,
) -> Iterator[tuple[Pot, int]]:
    """Projects as for limits a minute: a RID that is neither configured nor granted may be made up."""
    configured, default = settings.project, settings.project.get("default")
    named = [rid for rid in attribution if rid in configured or rid in granted]
    made_up = len(named) < len(attribution)
    projects = [*named, *([OTHERS] if made_up else [])]
    chosen: list[tuple[Level, str, Entry]] = [("ENROLLMENT", "", settings.enrollment)]
    chosen += [("PROJECT", rid, configured.get(rid, default)) for rid in projects]
    if made_up or not named or not configured.keys() >= set(named):
        chosen.append(("USER", subject, settings.user.get(subject, settings.user.get("default"))))
    for level, whose, entry in chosen:
        for which, budgets in _by_model(entry, model):
            for period in PERIODS:
                for unit in UNITS:
                    budget: Budget | None = getattr(budgets, period)
                    limit = None if budget is None else getattr(budget, unit)
                    if limit is not None:
                        pot = Pot(level, whose, which, period, unit, _whole(unit, limit))
                        yield pot, len(projects) if level == "PROJECT" else 1


def _by_model(entry: Entry, model: str) -> Iterator[tuple[str, Budgets]]:
    if isinstance(entry, Budgets):
        yield "", entry
    elif entry:
        for which, name in (("", "all"), (model, model)):
            if budgets := entry.get(name):
                yield which, budgets


def _whole(unit: Unit, limit: float) -> int:
    return int(limit * MICRO) if unit == "money" else int(limit)
