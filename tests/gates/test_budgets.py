"""Budgets by day, week and month: which hold, what is reserved, what a caller over one is told, and no overshoot."""

import asyncio
import gc
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.call import Answer, Call
from addons.foundry.budgets import MICRO, REMEMBERED
from addons.foundry.caller import SCOPE, Caller
from addons.foundry.prices import DatedPrices, Prices
from addons.foundry.refusals import Refusal
from addons.gates import budget_recovery, budgets
from addons.gates.budget_recovery import ALIVE, CLAIM, CLAIM_SECONDS, Used, UsedBefore, amounts, claims
from addons.gates.budgets import HoldToBudgets
from addons.gates.counters import Counters, StoreUnavailableError
from addons.gates.levels import OTHERS
from addons.gates.limits_settings import LimitsSettings
from addons.gates.period_budgets import budgets_of
from addons.usage.charging import budget_corrections
from addons.usage.memory_counters import MemoryCounters
from addons.usage.redis_counters import PREFIX, RedisCounters
from tests.conftest import MODEL
from tests.gates.calls import GPT, call, refused_by, through
from tests.records import Records
from tests.usage.server import Store
from tests.waiting import LONGEST, eventually

A, B, NEW = (f"ri.compass.main.folder.{name}" for name in ("a", "b", "new"))
FRIDAY = 1_795_737_600.0  # 2026-11-27T00:00Z
PRICED = GPT.model_copy(
    update={"prices": (DatedPrices(input=10, output=100, tiers={"flex": Prices(input=1, output=1)}),)}
)


def settings(mode: str = "enforce", **budgets: Any) -> LimitsSettings:
    return LimitsSettings.model_validate({"mode": mode, "budgets": budgets})


def asked(
    *projects: str, subject: str = "ada", granted: Sequence[str] | None = None, model: Any = PRICED, **document: Any
) -> Call:
    caller = Caller(subject, frozenset({SCOPE}), None if granted is None else frozenset(granted))
    return call(caller=caller, attribution=projects, model=model, body=b"", document=document)


class Sidecar:
    def __init__(
        self,
        mode: str = "enforce",
        counters: Counters | None = None,
        used_before: UsedBefore | None = None,
        **budgets: Any,
    ) -> None:
        self.now = FRIDAY
        self.counters = counters or MemoryCounters()
        self.gate = HoldToBudgets(settings(mode, **budgets), self.counters, used_before, lambda: self.now)

    def passes(self, *projects: str, **words: Any) -> Call:
        return through(self.gate, asked(*projects, **words))

    def refuses(self, *projects: str, **words: Any) -> Refusal:
        each = asked(*projects, **words)
        refusal = refused_by(self.gate, each)
        self.ends(each, left=False)
        return refusal

    def ends(self, each: Call, usage: Usage | None = None, *, left: bool = True, status: int = 200) -> None:
        if left:
            each.sent_at = 1.0
            each.answer = Answer(status=status, facts=AnswerFacts(usage=usage) if usage else None)
        if amounts := budget_corrections(each):
            asyncio.run(self._add(amounts))

    def counts(self) -> list[int]:
        """What budgets hold, in memory."""
        kept: Mapping[str, int] = self.counters._counts  # type: ignore[attr-defined]  # memory's
        return [count for key, count in kept.items() if not key.startswith((ALIVE, CLAIM)) and ":told:" not in key]

    async def _add(self, amounts: Mapping[str, int]) -> None:
        await self.counters.add(amounts, REMEMBERED)


# ---- which budgets

DAY = {"day": {"requests": 1}}
LEVELS: list[tuple[dict[str, Any], Sequence[str], Sequence[str] | None, set[tuple[str, str, str, int]]]] = [
    ({}, (), None, set()),
    ({"enrollment": DAY}, (), None, {("ENROLLMENT", "", "", 1)}),
    ({"enrollment": {MODEL: DAY, "all": DAY}}, (), None, {("ENROLLMENT", "", "", 1), ("ENROLLMENT", "", MODEL, 1)}),
    ({"enrollment": {"ri.language-model-service..language-model.gpt-5": DAY}}, (), None, set()),
    ({"user": {"default": DAY}}, (), None, {("USER", "ada", "", 1)}),
    ({"user": {"default": DAY, "ada": {}}}, (), None, set()),
    ({"user": {"default": DAY}, "project": {A: DAY}}, (A,), None, {("PROJECT", A, "", 1)}),
    (
        {"user": {"default": DAY}, "project": {A: DAY, B: DAY}},
        (A, B),
        None,
        {("PROJECT", A, "", 2), ("PROJECT", B, "", 2)},
    ),
    (
        {"user": {"default": DAY}, "project": {"default": DAY}},
        (A, B, NEW),
        None,
        {("PROJECT", OTHERS, "", 1), ("USER", "ada", "", 1)},
    ),
    (
        {"user": {"default": DAY}, "project": {"default": DAY}},
        (A, NEW),
        (A,),
        {("PROJECT", A, "", 2), ("PROJECT", OTHERS, "", 2), ("USER", "ada", "", 1)},
    ),
]


@pytest.mark.parametrize(("keys", "projects", "granted", "expected"), LEVELS)
def test_levels(keys: Any, projects: Sequence[str], granted: Any, expected: set[tuple[str, str, str, int]]) -> None:
    found = budgets_of(asked(*projects, granted=granted), settings(**keys).budgets)
    assert {(budget.level, budget.subject, budget.model, shares) for budget, shares in found} == expected


def test_every_period_and_unit_is_a_pot_of_its_own() -> None:
    budget = {"tokens": 1, "requests": 2, "money": 0.5}
    found = budgets_of(asked(), settings(enrollment={"day": budget, "week": budget, "month": budget}).budgets)
    assert len({budget for budget, _ in found}) == 9
    assert {budget.limit for budget, _ in found if budget.unit == "money"} == {MICRO // 2}


# ---- reserved, and settled


def test_a_budget_of_requests() -> None:
    sidecar = Sidecar(user={"default": {"day": {"requests": 2}}})
    for _ in range(2):
        sidecar.ends(sidecar.passes(), Usage(1, None, 1, None, 2))
    refusal = sidecar.refuses()
    assert (refusal.name, refusal.kind.status, refusal.kind.final) == ("budget_exceeded", 403, True)
    assert refusal.kind.error_name == "LanguageModelService:BudgetExceeded"
    assert refusal.kind.openai_code == "budget_exceeded"
    assert refusal.parameters["resetsAt"] == "2026-11-28T00:00:00+00:00"
    assert "2026-11-28T00:00:00+00:00" in refusal.message
    sidecar.passes(subject="bob")
    sidecar.now += 86_400
    sidecar.passes()


@pytest.mark.parametrize("period", ["week", "month"])
def test_of_full_budgets_the_one_that_is_reset_last_is_told(period: str) -> None:
    sidecar = Sidecar(user={"default": {each: {"requests": 1} for each in dict.fromkeys(("day", "week", period))}})
    sidecar.passes()
    assert sidecar.refuses().parameters["budgetPeriod"] == period.upper()


def test_tokens_are_reserved_and_settled() -> None:
    sidecar = Sidecar(user={"default": {"month": {"tokens": 1000}}})
    first = sidecar.passes(max_output_tokens=900)
    assert sidecar.refuses(max_output_tokens=200).parameters["budgetPeriod"] == "MONTH"
    sidecar.ends(first, Usage(50, None, 50, None, 100))
    second = sidecar.passes(max_output_tokens=900)
    sidecar.ends(second, Usage(0, None, 950, None, 950))  # more than it said
    sidecar.refuses(max_output_tokens=1)
    sidecar.now += 86_400
    sidecar.refuses(max_output_tokens=1)
    sidecar.now += 5 * 86_400  # December
    sidecar.passes(max_output_tokens=900)


@pytest.mark.parametrize("amount", [{"tokens": 1000}, {"money": 0.1}], ids=["tokens", "money"])  # 100 a million
def test_a_call_that_names_no_cap_reserves_what_is_assumed(amount: Mapping[str, float]) -> None:
    sidecar = Sidecar(user={"default": {"day": amount}})
    sidecar.gate.settings = sidecar.gate.settings.model_copy(update={"assumed_output_tokens": 700})
    sidecar.passes()
    sidecar.refuses()
    sidecar.passes(max_output_tokens=300)


def test_money_is_reserved_at_the_dearest_and_settled_to_what_it_cost() -> None:
    sidecar = Sidecar(user={"default": {"day": {"money": 1.0}}})
    first = sidecar.passes(max_output_tokens=10_000)  # 10,000 at 100 a million are 1.0
    sidecar.refuses(max_output_tokens=1)
    sidecar.ends(first, Usage(1000, 0, 900, None, 1900))  # 0.01 + 0.09
    sidecar.passes(max_output_tokens=9000)
    sidecar.refuses(max_output_tokens=1)


@pytest.mark.parametrize(
    ("status", "usage", "left", "again"),
    [(429, None, True, True), (400, None, True, True), (500, None, True, False), (200, None, True, False),
     (200, Usage(1, 0, 1, 0, 2), True, True), (None, None, False, True)],
    ids=["provider's 429", "its 400", "its 500", "no usage", "usage", "never left"],
)  # fmt: skip
def test_what_a_call_costs(status: int, usage: Usage | None, left: bool, again: bool) -> None:
    sidecar = Sidecar(user={"default": {"day": {"tokens": 1000, "money": 0.1}}})
    sidecar.ends(sidecar.passes(max_output_tokens=900), usage, left=left, status=status)
    if again:
        sidecar.passes(max_output_tokens=900)
    else:
        sidecar.refuses(max_output_tokens=900)


@pytest.mark.parametrize(
    ("cache_write", "money"),
    [
        pytest.param(1000, 1000, id="all of the input is written to the cache"),
        pytest.param(0, 10, id="none of it"),
    ],
)
def test_input_is_reserved_at_its_dearest_price(cache_write: float, money: int) -> None:
    """Nobody knows beforehand what the provider writes to its cache."""
    row = DatedPrices(input=10, cache_write=cache_write, output=0)
    each = asked(model=GPT.model_copy(update={"prices": (row,)}), max_output_tokens=0)
    each.body = b"x" * 4  # a token
    through(Sidecar(user={"default": {"day": {"money": 1}}}).gate, each)
    assert each.reserved
    assert each.reserved.money == money


def test_several_projects_reserve_a_part_each_and_count_the_call_whole() -> None:
    sidecar = Sidecar(project={each: {"day": {"tokens": 900, "requests": 5}} for each in (A, B)})
    reserved = sidecar.passes(A, B, max_output_tokens=600).reserved
    assert reserved
    assert {(budget.unit, amount) for budget, amount in zip(reserved.budgets, reserved.amounts, strict=True)} == {
        ("tokens", 300), ("requests", 1),
    }  # fmt: skip


def test_several_projects_share_a_call_and_none_is_counted_twice() -> None:
    sidecar = Sidecar(project={A: {"day": {"tokens": 1000}}, B: {"day": {"tokens": 1000}}})
    sidecar.ends(sidecar.passes(A, B, max_output_tokens=1000), Usage(0, None, 1000, None, 1000))
    assert sidecar.counts() == [500, 500]


def test_zero_is_denied_and_an_estimate_over_the_whole_budget_is_not() -> None:
    sidecar = Sidecar(user={"default": {"day": {"tokens": 100}}, "bob": {"day": {"tokens": 0}}})
    sidecar.passes(max_output_tokens=5000)
    assert sidecar.refuses(subject="bob").kind.status == 403


@pytest.mark.parametrize("document", [{}, {"service_tier": "priority"}], ids=["model", "tier"])
def test_what_has_no_price_is_refused_where_money_counts(document: dict[str, Any]) -> None:
    model = PRICED if document else GPT
    refusal = Sidecar(enrollment={"day": {"money": 1}}).refuses(model=model, **document)
    assert (refusal.name, refusal.kind.status) == ("budget_exceeded", 403)
    Sidecar(enrollment={"day": {"money": 1}}, unknown_price="allow").passes(model=model, **document)
    Sidecar(enrollment={"day": {"tokens": 1}}).passes(model=model, **document)


def test_of_what_has_no_price_tokens_count_where_that_is_allowed() -> None:
    sidecar = Sidecar(user={"default": {"day": {"tokens": 1000, "money": 1}}}, unknown_price="allow")
    asked_for = sidecar.passes(model=GPT, max_output_tokens=600)
    assert asked_for.reserved
    assert ([budget.unit for budget in asked_for.reserved.budgets], asked_for.reserved.amounts) == (["tokens"], [600])
    assert (asked_for.reserved.tokens, asked_for.reserved.money) == (600, None)
    sidecar.refuses(model=GPT, max_output_tokens=600)


def test_what_a_call_would_fill_is_known_of_one_that_passes_and_of_one_that_does_not() -> None:
    """Records and metrics tell it."""
    sidecar = Sidecar(user={"default": {"day": {"tokens": 1000, "money": 0.1}}, "bob": {"day": {"tokens": 0}}})
    one, other, none = (asked(subject=name, max_output_tokens=600) for name in ("ada", "ada", "bob"))
    through(sidecar.gate, one)
    assert one.reserved
    assert (one.reserved.filled, one.reserved.amounts) == ([600, 60_000], [600, 60_000])
    assert (one.reserved.tokens, one.reserved.money) == (600, 60_000)
    for each, filled in ((other, [1200, 120_000]), (none, [1])):
        refused_by(sidecar.gate, each)
        assert each.reserved
        assert (each.reserved.filled, each.reserved.keys) == (filled, ())
        assert [budget.limit for budget in each.reserved.budgets] == ([1000, 100_000] if each is other else [0])
        assert list(each.reserved.amounts) == ([600, 60_000] if each is other else [1])
    assert sidecar.counts() == [600, 60_000], "one that is refused is charged nothing"


def test_a_tier_with_prices_of_its_own() -> None:
    sidecar = Sidecar(user={"default": {"day": {"money": 1.0}}})
    sidecar.passes(max_output_tokens=10_000, service_tier="flex")  # 0.01
    sidecar.passes(max_output_tokens=9_000)


def test_warn_lets_all_through_and_counts() -> None:
    sidecar = Sidecar("warn", user={"default": {"day": {"requests": 1}}})
    for _ in range(3):
        sidecar.passes()
    assert sidecar.counts() == [3]


def test_shares_reached_are_told_once(records: Records) -> None:
    sidecar = Sidecar(user={"default": {"day": {"requests": 10}}}, warn_at=[0.5, 1.0])
    for _ in range(10):
        sidecar.ends(sidecar.passes(), Usage(1, 0, 1, 0, 2))
    told = records.of("budget_reached")
    assert [(each["share"], each["subject"], each["limit"]) for each in told] == [(0.5, "ada", 10), (1.0, "ada", 10)]


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (
            {"user": {"default": {"day": {"tokens": 100}}}},
            {"budget_level": "USER", "subject": "ada", "model": None,
             "period": "day", "unit": "tokens", "limit": 100},
        ),
        (
            {"enrollment": {MODEL: {"week": {"money": 0.5}}}},
            {"budget_level": "ENROLLMENT", "subject": "", "model": MODEL,
             "period": "week", "unit": "money", "limit": 0.5},
        ),
    ],
)  # fmt: skip
def test_what_is_told_of_a_share(records: Records, limits: dict[str, Any], told: dict[str, Any]) -> None:
    sidecar = Sidecar(**limits, warn_at=[0.5])
    sidecar.ends(sidecar.passes(max_output_tokens=100), Usage(0, 0, 4000, 0, 4000))
    sidecar.refuses()
    (record,) = records.of("budget_reached")
    assert {name: record[name] for name in ("share", *told)} == {"share": 0.5, **told}


class Asked(MemoryCounters):
    """Keeps whom the store was asked about before a share was told."""

    def __init__(self) -> None:
        super().__init__()
        self.about: list[str] = []

    async def add(self, amounts: Mapping[str, int], seconds: int = REMEMBERED) -> list[int]:
        self.about += [key.rpartition(":")[2] for key in amounts if ":told:" in key]
        return await super().add(amounts, seconds)


@pytest.mark.parametrize(
    ("bound", "about"),
    [
        pytest.param(3, ["ann", "bob", "eve"], id="all are remembered"),
        pytest.param(2, ["ann", "bob", "eve"] * 2, id="one too few: the store knows those that were forgotten"),
    ],
)
def test_the_store_is_asked_about_shares_that_are_not_remembered(
    monkeypatch: pytest.MonkeyPatch, records: Records, bound: int, about: list[str]
) -> None:
    monkeypatch.setattr(budgets, "MOST_TOLD", bound)
    store = Asked()
    sidecar = Sidecar(counters=store, user={"default": {"day": {"requests": 10}}}, warn_at=[0.1])
    for subject in ("ann", "bob", "eve") * 2:
        sidecar.passes(subject=subject)
    assert store.about == about
    assert [each["subject"] for each in records.of("budget_reached")] == ["ann", "bob", "eve"]


def test_shares_are_told_in_time_and_when_all_is_used_up_where_nothing_else_is_written(records: Records) -> None:
    sidecar = Sidecar(user={"default": {"day": {"requests": 10}}})
    for _ in range(10):
        sidecar.passes()
    assert [each["share"] for each in records.of("budget_reached")] == [0.8, 1.0]


def test_a_share_is_told_however_it_was_reached(records: Records) -> None:
    """A call that used more than it said goes past it as it ends; one that used less never reached it."""
    sidecar = Sidecar(user={"default": {"day": {"tokens": 1000}}}, warn_at=[0.5])
    sidecar.ends(sidecar.passes(max_output_tokens=400), Usage(0, 0, 600, 0, 600))
    sidecar.passes(max_output_tokens=1)
    other = Sidecar(counters=sidecar.counters, user={"default": {"day": {"tokens": 1000}}}, warn_at=[0.5])
    other.passes(max_output_tokens=1)
    assert len(records.of("budget_reached")) == 1
    down = Sidecar(user={"default": {"day": {"tokens": 1000}}}, warn_at=[0.5])
    for _ in range(2):
        down.ends(down.passes(max_output_tokens=600), Usage(0, 0, 1, 0, 1))
    assert len(records.of("budget_reached")) == 1


def test_a_share_is_told_by_the_call_that_is_refused_for_it(records: Records) -> None:
    sidecar = Sidecar(user={"default": {"day": {"tokens": 1000}}}, warn_at=[0.8, 1.0])
    sidecar.ends(sidecar.passes(max_output_tokens=100), Usage(0, 0, 900, 0, 900))
    for _ in range(2):
        sidecar.refuses(max_output_tokens=500)
    assert [each["share"] for each in records.of("budget_reached")] == [0.8]
    sidecar.ends(sidecar.passes(max_output_tokens=1), Usage(0, 0, 300, 0, 300))
    sidecar.refuses(max_output_tokens=1)
    assert [each["share"] for each in records.of("budget_reached")] == [0.8, 1.0]


def test_a_large_estimate_that_does_not_fit_reaches_no_share(records: Records) -> None:
    sidecar = Sidecar(user={"default": {"day": {"tokens": 1000}}}, warn_at=[0.5])
    sidecar.ends(sidecar.passes(max_output_tokens=100), Usage(0, 0, 100, 0, 100))
    sidecar.refuses(max_output_tokens=950)
    assert records.of("budget_reached") == []


@pytest.mark.parametrize(
    ("zone", "now", "resets"),
    [
        ("Europe/Berlin", "2026-03-29T00:30+01:00", "2026-03-30T00:00:00+02:00"),  # a day of 23 hours
        ("Europe/Berlin", "2026-10-25T00:30+02:00", "2026-10-26T00:00:00+01:00"),  # of 25
        ("Africa/Cairo", "2026-04-23T12:00+02:00", "2026-04-24T00:00:00+02:00"),  # the next midnight is left out
        ("America/Havana", "2026-10-31T12:00-04:00", "2026-11-01T00:00:00-04:00"),  # it comes twice
        ("Pacific/Kiritimati", "2026-12-31T23:59+14:00", "2027-01-01T00:00:00+14:00"),
    ],
)
def test_days_of_other_lengths(zone: str, now: str, resets: str) -> None:
    sidecar = Sidecar(user={"default": {"day": {"requests": 1}}}, time_zone=zone)
    sidecar.now = datetime.fromisoformat(now).timestamp()
    sidecar.passes()
    assert sidecar.refuses().parameters["resetsAt"] == resets
    sidecar.now = datetime.fromisoformat(resets).timestamp() - 1
    sidecar.refuses()
    sidecar.now += 1
    sidecar.passes()


@pytest.mark.parametrize(
    ("period", "now", "resets"),
    [
        ("week", "2026-12-28T00:00+00:00", "2027-01-04T00:00:00+00:00"),  # a Monday, over the year's end
        ("week", "2027-01-03T23:59+00:00", "2027-01-04T00:00:00+00:00"),
        ("month", "2026-12-31T23:59+00:00", "2027-01-01T00:00:00+00:00"),
        ("month", "2028-02-29T12:00+00:00", "2028-03-01T00:00:00+00:00"),
    ],
)
def test_borders_of_weeks_and_months(period: str, now: str, resets: str) -> None:
    sidecar = Sidecar(user={"default": {period: {"requests": 1}}})
    sidecar.now = datetime.fromisoformat(now).timestamp()
    sidecar.passes()
    assert sidecar.refuses().parameters["resetsAt"] == resets
    sidecar.now = datetime.fromisoformat(resets).timestamp()
    sidecar.passes()


def test_the_operator_s_midnight() -> None:
    sidecar = Sidecar(user={"default": {"day": {"requests": 1}}}, time_zone="America/New_York")
    sidecar.passes()
    assert sidecar.refuses().parameters["resetsAt"] == "2026-11-27T00:00:00-05:00"  # it is Thursday there
    sidecar.now += 5 * 3600
    sidecar.passes()


# ---- a store that is away, or has lost its counts


class Away:
    async def read(self, keys: Sequence[str]) -> list[int]:
        raise StoreUnavailableError("away")

    async def add(self, amounts: Mapping[str, int], seconds: int = 0) -> list[int]:
        raise StoreUnavailableError("away")

    async def close(self) -> None: ...


def test_a_store_that_is_away() -> None:
    assert Sidecar(counters=Away(), enrollment={"day": {"requests": 1}}).refuses().name == "limits_unavailable"
    Sidecar("warn", counters=Away(), enrollment={"day": {"requests": 1}}).passes()
    Sidecar(counters=Away()).passes()


class History:
    def __init__(self, *, fails: bool = False) -> None:
        self.asked: list[float] = []
        self.fails = fails

    async def __call__(self, since: float) -> Sequence[Used]:
        self.asked.append(since)
        if self.fails:
            raise OSError("the disk is gone")
        rows = [Used(MODEL, "ada", (), 2, 700, MICRO // 2), Used(MODEL, "bob", (A, NEW), 4, 100, 0)]
        return rows if since < FRIDAY else rows[:1]


def test_what_was_used_before_is_counted_again() -> None:
    history = History()
    user = {"default": {"day": {"tokens": 1000}, "month": {"money": 0.6, "requests": 9}}}
    sidecar = Sidecar(used_before=history, user=user, project={"default": {"week": {"tokens": 100}}})
    sidecar.refuses(max_output_tokens=301)
    sidecar.passes(max_output_tokens=300)
    assert sidecar.refuses(NEW, subject="eve").parameters["budgetPeriod"] == "WEEK"
    assert history.asked == [FRIDAY, FRIDAY - 4 * 86_400, FRIDAY - 26 * 86_400]


def test_a_history_that_can_not_be_had_refuses_and_is_asked_again(records: Records) -> None:
    history = History(fails=True)
    sidecar = Sidecar(used_before=history, user={"default": {"day": {"tokens": 1000}}})
    assert sidecar.refuses().name == "limits_unavailable"
    assert [each["why"] for each in records.of("budgets_not_rebuilt")] == ["the disk is gone"]
    history.fails = False
    sidecar.refuses(max_output_tokens=301)
    sidecar.passes(max_output_tokens=300)


def test_what_is_there_is_not_counted_twice(records: Records) -> None:
    """The mark may be gone alone: it is kept for as long as the counts are, and they are added to meanwhile."""
    sidecar = Sidecar(used_before=History(), user={"default": {"day": {"tokens": 1000}}})
    sidecar.passes(max_output_tokens=100)
    asyncio.run(sidecar._add({ALIVE: -1}))
    sidecar.passes(max_output_tokens=100)
    assert sidecar.counts()[0] == 900
    assert [each["counters"] for each in records.of("budgets_rebuilt")] == [1, 1]


def test_what_is_there_in_part_is_filled_up() -> None:
    sidecar = Sidecar(used_before=History(), user={"default": {"day": {"tokens": 1000}}})
    sidecar.passes(max_output_tokens=100)
    kept: Mapping[str, int] = sidecar.counters._counts  # type: ignore[attr-defined]  # memory's
    (key,) = (each for each, count in kept.items() if count == 800)
    asyncio.run(sidecar._add({key: -300, ALIVE: -1}))
    sidecar.passes(max_output_tokens=100)
    assert sidecar.counts() == [800]


def test_shares_told_before_are_not_told_again(records: Records) -> None:
    sidecar = Sidecar(used_before=History(), user={"default": {"day": {"tokens": 1000}}}, warn_at=[0.5, 0.8])
    sidecar.ends(sidecar.passes(max_output_tokens=100), Usage(0, 0, 100, 0, 100))
    sidecar.passes(max_output_tokens=1)
    assert [each["share"] for each in records.of("budget_reached")] == [0.8]


def test_others_wait_while_one_counts_and_a_caller_that_hangs_up_ends_nothing(store: Store) -> None:
    """Of two sidecars, neither sees an empty budget; the call that began the counting is cancelled in its midst."""

    async def main() -> None:
        begun, go_on, asked_for = asyncio.Event(), asyncio.Event(), []

        async def slow(since: float) -> Sequence[Used]:
            asked_for.append(since)
            begun.set()
            await go_on.wait()
            return [Used(MODEL, "ada", (), 1, 950, 0)]

        kept = [RedisCounters(store.url, deadline=30) for _ in range(2)]
        limit = settings(enrollment={"day": {"tokens": 1000}})
        gates = [HoldToBudgets(limit, each, slow, lambda: FRIDAY) for each in kept]
        first = asyncio.create_task(gates[0](asked(max_output_tokens=100)))
        await begun.wait()
        first.cancel()
        others = [asyncio.create_task(gate(asked(max_output_tokens=100))) for gate in gates * 2]
        await asyncio.wait([first])
        go_on.set()
        refused = await asyncio.gather(*others, return_exceptions=True)
        assert [each.name for each in refused if isinstance(each, Refusal)] == ["budget_exceeded"] * 4
        assert len(asked_for) == 3  # day, week and month, once
        for each in kept:
            await each.close()

    asyncio.run(main())


@pytest.mark.parametrize("end", ["fails", "cancelled"])
def test_a_counting_that_ends_badly_when_nobody_waits_for_it_any_more_is_no_error_of_the_loop(end: str) -> None:
    async def main() -> list[Any]:
        begun, go_on, errors = asyncio.Event(), asyncio.Event(), list[Any]()
        asyncio.get_running_loop().set_exception_handler(lambda _loop, about: errors.append(about))

        async def fails(_since: float) -> Sequence[Used]:
            begun.set()
            await go_on.wait()
            raise OSError("the disk is gone")

        gate = HoldToBudgets(settings(enrollment={"day": {"tokens": 1000}}), MemoryCounters(), fails, lambda: FRIDAY)
        only = asyncio.create_task(gate(asked()))
        await begun.wait()
        only.cancel()
        if end == "cancelled":
            assert gate._recovery
            gate._recovery.cancel()
        go_on.set()
        await asyncio.wait([only])
        if running := asyncio.all_tasks() - {only, asyncio.current_task()}:
            await asyncio.wait(running)
        await asyncio.sleep(0)  # for what is told when a task is done
        gate._recovery = None
        del only
        gc.collect()
        return errors

    assert asyncio.run(main()) == []


@pytest.mark.parametrize(
    ("now", "spans"),
    [(0, [0, -1, 1]), (CLAIM_SECONDS - 0.1, [0, -1, 1]), (3 * CLAIM_SECONDS, [3, 2, 4])],
)
def test_claims_of_a_time_and_of_those_beside_it(now: float, spans: list[int]) -> None:
    assert claims(now) == [f"{CLAIM}:{span}" for span in spans]


def test_what_several_projects_used_is_shared_and_each_call_counts_whole() -> None:
    own = settings(project={A: {"day": {"tokens": 1, "requests": 1}, "week": {"tokens": 1}}, B: DAY}).budgets
    found = amounts([Used(MODEL, "ada", (A, B), 3, 1001, 0), Used(MODEL, "bob", (A,), 1, 10, 0)], "day", own)
    assert {(budget.subject, budget.unit): amount for budget, amount in found.items()} == {
        (A, "tokens"): 511, (A, "requests"): 4, (B, "requests"): 3,
    }  # fmt: skip


async def refused_where_counts_are_lost(
    store: Store, now: float = FRIDAY, claimed: Mapping[str, int] | None = None
) -> str:
    """The refusal of a call beyond the budget. ``claimed``: others' claims, with the seconds that each is kept."""
    kept = RedisCounters(store.url, deadline=30)
    for claim, seconds in (claimed or {}).items():
        await kept.add({claim: 1}, seconds)
    gate = HoldToBudgets(settings(enrollment={"day": {"tokens": 1000}}), kept, History(), lambda: now)
    with pytest.raises(Refusal) as caught:
        await gate(asked(max_output_tokens=301))
    await kept.close()
    return caught.value.name


def test_a_sidecar_that_is_killed_while_it_counts_is_not_waited_for_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget_recovery, "PATIENCE", 0.3)
    monkeypatch.setattr(budget_recovery, "CLAIM_SECONDS", 1)

    claim, *_ = budget_recovery.claims(FRIDAY)

    assert asyncio.run(refused_where_counts_are_lost(store, claimed={claim: 2})) == "limits_unavailable"
    eventually(lambda: store.say(f"EXISTS {PREFIX}{claim}") == ":0")
    assert asyncio.run(refused_where_counts_are_lost(store)) == "budget_exceeded"


@pytest.mark.parametrize(
    ("storage", "arrival", "name"),
    [
        pytest.param("memory", LONGEST, "", id="one process alone waits for nobody"),
        pytest.param("redis://store", 0.2, "budget_exceeded", id="a fleet waits for rows of calls that have ended"),
    ],
)
def test_rows_of_other_sidecars_have_time_to_arrive(
    monkeypatch: pytest.MonkeyPatch, storage: str, arrival: float, name: str
) -> None:
    monkeypatch.setattr(budget_recovery, "ARRIVAL", arrival)
    limit = LimitsSettings.model_validate({"storage": storage, "budgets": {"enrollment": {"day": {"tokens": 1000}}}})

    async def refused() -> str:
        arrived = list[Used]()

        async def used_before(_since: float) -> Sequence[Used]:
            return arrived

        asyncio.get_running_loop().call_later(0.02, arrived.append, Used(MODEL, "ada", (), 1, 950, 0))
        try:
            await HoldToBudgets(limit, MemoryCounters(), used_before, lambda: FRIDAY)(asked(max_output_tokens=100))
        except Refusal as refusal:
            return refusal.name
        return ""

    assert asyncio.run(refused()) == name


def test_who_waits_does_not_keep_the_claim_of_another_alive(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget_recovery, "CLAIM_SECONDS", 1)
    claim, *_ = budget_recovery.claims(FRIDAY)
    assert asyncio.run(refused_where_counts_are_lost(store, claimed={claim: 1})) == "budget_exceeded"


ODD_CLAIMS = {
    "for ever": "1",
    "below none": "-1",
    "huge": "9223372036854775807",
    "far below none": "-9223372036854775808",
}


@pytest.mark.parametrize("value", ODD_CLAIMS.values(), ids=ODD_CLAIMS)
def test_a_claim_that_nobody_takes_back_keeps_nobody_waiting_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """The store lost it meanwhile, or lost its end, or somebody else put it there."""
    monkeypatch.setattr(budget_recovery, "PATIENCE", 0.3)
    claim, *_ = claims(FRIDAY)
    assert store.say(f"SET {PREFIX}{claim} {value}") == "+OK"
    assert asyncio.run(refused_where_counts_are_lost(store)) == "limits_unavailable"
    assert asyncio.run(refused_where_counts_are_lost(store, FRIDAY + 2 * CLAIM_SECONDS)) == "budget_exceeded"


@pytest.mark.parametrize("ahead", [0, 1, CLAIM_SECONDS - 1, CLAIM_SECONDS])
def test_clocks_that_differ_leave_one_who_counts(store: Store, ahead: int) -> None:
    counted: list[int] = []

    async def main() -> None:
        kept = [RedisCounters(store.url, deadline=30) for _ in range(2)]

        async def one(number: int) -> None:
            async def used_before(_since: float) -> Sequence[Used]:
                counted.append(number)
                return []

            now = FRIDAY + ahead * number
            gate = HoldToBudgets(settings(enrollment={"day": {"tokens": 1000}}), kept[number], used_before, lambda: now)
            await gate(asked(max_output_tokens=100))

        await asyncio.gather(one(0), one(1))
        for each in kept:
            await each.close()

    asyncio.run(main())
    assert len(counted) == 3, "day, week and month, once"


# ---- races


@pytest.mark.parametrize(
    "limit", [{"requests": 40}, {"tokens": 4000}, {"money": 0.4}], ids=["calls", "tokens", "money"]
)
def test_two_sidecars_that_race_spend_no_more_than_the_budget(store: Store, limit: dict[str, Any]) -> None:
    """Each call is of 100 tokens, or 0.01; all of them stay under way."""

    async def main() -> int:
        kept = [RedisCounters(store.url, deadline=30) for _ in range(2)]
        gates = [HoldToBudgets(settings(enrollment={"day": limit}), each, None, lambda: FRIDAY) for each in kept]

        async def one(number: int) -> int:
            each = asked(max_output_tokens=100)
            try:
                await gates[number % 2](each)
            except Refusal:
                await kept[number % 2].add(budget_corrections(each), REMEMBERED)
                return 0
            return 1

        let_through = sum(await asyncio.gather(*(one(number) for number in range(100))))
        later = sum([await one(number) for number in range(100)])
        for each in kept:
            await each.close()
        return let_through + later

    assert asyncio.run(main()) == 40


# ---- settings


@pytest.mark.parametrize(
    "keys",
    [
        {"enrollment": {"year": {"tokens": 1}}},
        {"enrollment": {"day": {"tokens": -1}}}, {"enrollment": {"day": {"money": float("inf")}}},
        {"user": {"": DAY}}, {"project": {"no-rid": DAY}}, {"warn_at": [0]}, {"warn_at": [1.5]},
        {"enrolment": {"day": {"tokens": 1}}}, {"user": {"default": {"day": {"token": 1}}}},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_can_not_be(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**keys)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "Europe", "a" * 300, "a\0b", ""])
def test_a_time_zone_that_is_none(name: str) -> None:
    with pytest.raises(ValidationError, match="is no time zone; write for example UTC or Europe/Berlin"):
        settings(time_zone=name)
