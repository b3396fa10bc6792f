"""What a call may use in a minute: which limits it runs on, what it is charged, and what it is told."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.bodies.verdict import Verdict
from addons.call import Answer, Call
from addons.embeddings.api import EMBEDDINGS
from addons.foundry.caller import SCOPE, Caller
from addons.foundry.permits import Meter
from addons.foundry.refusals import Refusal
from addons.gates.counters import Counters, StoreUnavailableError
from addons.gates.levels import OTHERS
from addons.gates.limits import HoldToLimits, estimate
from addons.gates.limits_settings import LimitsSettings
from addons.gates.meters import MOST_KNOWN, Meters, MetersOf
from addons.usage.charging import corrections
from addons.usage.memory_counters import MemoryCounters
from tests.conftest import MODEL
from tests.gates.calls import GPT, call, refused_by, through

A, B, NEW = (f"ri.compass.main.folder.{name}" for name in ("a", "b", "new"))
OTHER_MODEL = "ri.language-model-service..language-model.gpt-5"
NOON = 1_700_000_040.0  # the beginning of a minute


def settings(**keys: Any) -> LimitsSettings:
    return LimitsSettings.model_validate(keys)


def asked(
    *projects: str, subject: str = "ada", granted: Sequence[str] | None = None, body: bytes = b"", **document: Any
) -> Call:
    caller = Caller(subject, frozenset({SCOPE}), None if granted is None else frozenset(granted))
    return call(caller=caller, attribution=projects, model=GPT, body=body, document=document)


def one(**limit: int) -> dict[str, dict[str, int]]:
    return {"default": {f"{kind}_per_minute": amount for kind, amount in limit.items()}}


# ---- which limits

LEVELS: list[tuple[dict[str, Any], Sequence[str], set[tuple[str, str]]]] = [
    ({}, (), set()),
    ({"enrollment": one(requests=1)}, (), {("ENROLLMENT", "")}),
    ({"enrollment": {MODEL: {"requests_per_minute": 1}}}, (A,), {("ENROLLMENT", "")}),
    ({"enrollment": {OTHER_MODEL: {"requests_per_minute": 1}}}, (), set()),
    ({"user": one(requests=1)}, (), {("USER", "ada")}),
    ({"user": {"ada": {"requests_per_minute": 1}}}, (), {("USER", "ada")}),
    ({"user": {"bob": {"requests_per_minute": 1}}}, (), set()),
    ({"user": {"default": {"requests_per_minute": 1}, "ada": {}}}, (), set()),
    ({"user": {"ada": {OTHER_MODEL: {"requests_per_minute": 1}}}}, (), set()),
    ({"user": {"ada": {"default": {"requests_per_minute": 1}}}}, (), {("USER", "ada")}),
    ({"project": one(requests=1), "user": one(requests=1)}, (), {("USER", "ada")}),
    # a project that only the default covers may be made up: the caller is counted too, and all such share a meter
    ({"project": one(requests=1), "user": one(requests=1)}, (A,), {("PROJECT", OTHERS), ("USER", "ada")}),
    ({"project": one(requests=1)}, (A, B, NEW), {("PROJECT", OTHERS)}),
    ({"project": {A: {"requests_per_minute": 1}}, "user": one(requests=1)}, (A,), {("PROJECT", A)}),
    ({"project": {A: {}}, "user": one(requests=1)}, (A,), set()),
    ({"project": {A: {"requests_per_minute": 1}}, "user": one(requests=1)}, (NEW,), {("USER", "ada")}),
    (
        {"project": {A: {"requests_per_minute": 1}, B: {"requests_per_minute": 2}}, "user": one(requests=1)},
        (A, B),
        {("PROJECT", A), ("PROJECT", B)},
    ),
    (
        {"project": {A: {"requests_per_minute": 1}}, "user": one(requests=1), "enrollment": one(requests=1)},
        (A, NEW),
        {("ENROLLMENT", ""), ("PROJECT", A), ("USER", "ada")},
    ),
]


def meters_of(each: Call, **keys: Any) -> Meters:
    return MetersOf(settings(**keys))(each) or Meters({})


@pytest.mark.parametrize(("keys", "projects", "expected"), LEVELS)
def test_levels(keys: dict[str, Any], projects: Sequence[str], expected: set[tuple[str, str]]) -> None:
    meters = meters_of(asked(*projects), **keys).meters
    assert {(meter.level, meter.subject) for meter in meters} == expected
    assert {(meter.model, meter.kind) for meter in meters} <= {(MODEL, "REQUESTS")}


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        ((A, B), {("PROJECT", A), ("PROJECT", B), ("USER", "ada")}),
        ((A,), {("PROJECT", A), ("PROJECT", OTHERS), ("USER", "ada")}),
        ((), {("PROJECT", OTHERS), ("USER", "ada")}),
        (None, {("PROJECT", OTHERS), ("USER", "ada")}),
    ],
)
def test_projects_granted_to_the_caller_have_meters_of_their_own(
    granted: Sequence[str] | None, expected: set[tuple[str, str]]
) -> None:
    keys = {"project": one(requests=1), "user": one(requests=1)}
    meters = meters_of(asked(A, B, granted=granted), **keys).meters
    assert {(meter.level, meter.subject) for meter in meters} == expected


def test_what_callers_make_up_is_not_kept() -> None:
    counters = MemoryCounters()
    gate = HoldToLimits(settings(project=one(requests=10**9), user=one(requests=10**9)), counters, lambda: NOON)
    for number in range(200):
        through(gate, asked(*(f"ri.compass.main.folder.{number}-{at}" for at in range(32))))
    assert len(counters._counts) == 2
    assert len(gate._meters_of._known) == 1


def test_of_many_callers_a_bounded_number_is_remembered() -> None:
    find = MetersOf(settings(user=one(requests=1)))
    for number in range(MOST_KNOWN + 10):
        assert find(asked(subject=str(number)))
    assert len(find._known) == MOST_KNOWN


def test_no_two_meters_share_a_counter() -> None:
    meters = [Meter("USER", f"{MODEL}:x", MODEL, "TOKENS"), Meter("USER", "x", MODEL, "TOKENS")]
    meters += [meter._replace(level="PROJECT") for meter in meters] + [Meter("ENROLLMENT", "", MODEL, "TOKENS")]
    assert len({meter.key(minute) for meter in meters for minute in (1, 11)}) == 10


# ---- what is charged


@pytest.mark.parametrize(
    ("body", "document", "members", "expected"),
    [
        (0, {}, {}, 1000),
        (401, {}, {}, 1101),
        (400, {"max_output_tokens": 50}, {}, 150),
        (400, {}, {"max_output_tokens": 70}, 170),  # the policy's default
        (400, {"max_output_tokens": None}, {}, 1100),
        # numbers of the caller's: never below 0, nor above what the model can use
        (40_000_000, {"max_output_tokens": 1}, {}, 400_000),  # of an image, e.g.
        (400, {"max_output_tokens": 10**12}, {}, 128_100),
        (400, {"max_output_tokens": 10**4299}, {}, 128_100),
        (400, {"max_output_tokens": -(10**9)}, {}, 100),
        (400, {"max_output_tokens": -(10**9)}, {"max_output_tokens": -5}, 100),
        (400, {"max_output_tokens": 0}, {}, 100),
        (400, {"max_output_tokens": True}, {}, 1100),
        (400, {"max_output_tokens": 5.5}, {}, 1100),
        (40_000_000, {"max_output_tokens": 10**12}, {}, 400_000),
    ],
)
def test_the_estimate(body: int, document: dict[str, Any], members: dict[str, Any], expected: int) -> None:
    each = asked(body=b"x" * body, **document)
    each.verdict = Verdict((), (), (), members)
    assert (GPT.context_window, GPT.max_output_tokens) == (400_000, 128_000)
    assert estimate(each, 1000) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([7] * 90, 90),
        ([[7] * 50, [7] * 30], 80),
        ([7] * 9000, 25),  # more than a model takes: refused elsewhere, here as if it were text
        (["text", "text"], 25),
    ],
    ids=["tokens", "lists of tokens", "too many", "texts"],
)
def test_the_estimate_of_embeddings_counts_tokens_that_stand_in_the_body(given: Any, expected: int) -> None:
    assert estimate(call(api=EMBEDDINGS, model=GPT, document={"input": given}, body=b"x" * 100), 1000) == expected


@pytest.mark.parametrize(("output", "expected"), [(10**30, 10_000_000), (-(10**30), 1), (7, 8)])
def test_the_estimate_of_a_model_of_unknown_size(output: int, expected: int) -> None:
    each = asked(body=b"1234", max_output_tokens=output)
    each.model = GPT.model_copy(update={"context_window": None, "max_output_tokens": None})
    assert estimate(each, 1000) == expected


# ---- what becomes of a call


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class Away:
    """A store that can't be asked."""

    async def read(self, keys: Sequence[str]) -> list[int]:
        raise StoreUnavailableError("ConnectionError")

    async def add(self, amounts: Mapping[str, int], seconds: int = 0) -> list[int]:
        raise AssertionError("what can't be read is not charged")

    async def close(self) -> None: ...


class Sidecar:
    def __init__(self, counters: Counters | None = None, **keys: Any) -> None:
        self.counters = counters or MemoryCounters()
        self.clock = Clock()
        self.gate = HoldToLimits(settings(**keys), self.counters, self.clock)

    def passes(self, *projects: str, **words: Any) -> Call:
        return through(self.gate, asked(*projects, **words))

    def refuses(self, *projects: str, **words: Any) -> Refusal:
        each = asked(*projects, **words)
        refusal = refused_by(self.gate, each)
        self.ends(each, left=False)
        return refusal

    def ends(self, each: Call, used: int | None = None, *, left: bool = True) -> None:
        if left:
            each.released_at = each.sent_at = 1.0
            each.answer = Answer(status=200, facts=AnswerFacts(usage=Usage(total_tokens=used)) if used else None)
        if amounts := corrections(each, self.clock.now):
            asyncio.run(self._add(amounts))

    async def _add(self, amounts: Mapping[str, int]) -> None:
        await self.counters.add(amounts)


def test_requests_are_counted_to_the_last() -> None:
    sidecar = Sidecar(user=one(requests=2))
    for _ in range(2):
        sidecar.passes()
    refusal = sidecar.refuses()
    assert (refusal.parameters["rateLimitType"], refusal.parameters["rateLimitScope"]) == ("REQUESTS", "USER")
    sidecar.passes(subject="bob")


def test_each_model_has_a_limit_of_its_own() -> None:
    sidecar = Sidecar(user=one(requests=1))
    sidecar.passes()
    sidecar.refuses()
    other = asked()
    other.model = GPT.model_copy(update={"rid": OTHER_MODEL})
    through(sidecar.gate, other)


def test_tokens_are_estimated_and_then_settled() -> None:
    sidecar = Sidecar(user=one(tokens=1000))
    first = sidecar.passes(max_output_tokens=900)
    assert first.permits
    assert first.permits.estimated_tokens == 900
    sidecar.refuses(max_output_tokens=200)
    sidecar.ends(first, used=100)
    second = sidecar.passes(max_output_tokens=900)
    sidecar.ends(second, used=950)  # more than it said
    sidecar.refuses(max_output_tokens=1)


def test_a_call_that_names_no_cap_is_charged_what_is_assumed() -> None:
    sidecar = Sidecar(user=one(tokens=1000), assumed_output_tokens=700)
    permits = sidecar.passes().permits
    assert permits
    assert permits.estimated_tokens == 700
    sidecar.refuses()
    sidecar.passes(max_output_tokens=300)


def test_a_refused_call_costs_nothing() -> None:
    sidecar = Sidecar(user=one(tokens=1000, requests=2))
    sidecar.passes(max_output_tokens=500)
    for _ in range(5):
        sidecar.refuses(max_output_tokens=501)
    sidecar.passes(max_output_tokens=500)


def test_every_project_must_admit_and_each_is_charged() -> None:
    sidecar = Sidecar(project={A: {"requests_per_minute": 1}, B: {"requests_per_minute": 3}})
    sidecar.passes(A, B)
    refusal = sidecar.refuses(A, B)
    assert refusal.parameters["rateLimitScope"] == "PROJECT"
    for _ in range(2):
        sidecar.passes(B)
    sidecar.refuses(B)


def test_made_up_projects_don_t_multiply_a_callers_limit() -> None:
    sidecar = Sidecar(project=one(requests=10), user=one(requests=2))
    for name in ("x", "y"):
        sidecar.passes(f"ri.compass.main.folder.{name}")
    assert sidecar.refuses("ri.compass.main.folder.z").parameters["rateLimitScope"] == "USER"


def test_the_longest_wait_is_told() -> None:
    sidecar = Sidecar(enrollment=one(requests=1), user=one(requests=2))
    sidecar.passes()
    sidecar.clock.now += 10
    assert sidecar.refuses().parameters["rateLimitScope"] == "ENROLLMENT"


def test_of_equal_waits_the_widest_limit_is_told() -> None:
    sidecar = Sidecar(enrollment=one(requests=1), user=one(requests=1))
    sidecar.passes()
    assert sidecar.refuses().parameters["rateLimitScope"] == "ENROLLMENT"


@pytest.mark.parametrize("kind", ["tokens", "requests"])
@pytest.mark.parametrize("estimated", [10, 400, 1000, 99_999])
@pytest.mark.parametrize("second", [0.0, 0.25, 31.7, 59.999])
def test_who_waits_as_told_is_let_through(kind: str, estimated: int, second: float) -> None:
    sidecar = Sidecar(user=one(**{kind: 1000 if kind == "tokens" else 3}))
    sidecar.clock.now += second
    sidecar.passes(max_output_tokens=400)
    sidecar.clock.now += 45
    for _ in range(2):
        sidecar.passes(max_output_tokens=300)
    refusal = sidecar.refuses(max_output_tokens=max(estimated, 301))
    began = sidecar.clock.now
    for wait in (int(refusal.headers["retry-after-ms"]) / 1000, float(refusal.headers["Retry-After"])):
        assert 0 < wait <= 121
        sidecar.clock.now = began + wait
        sidecar.ends(sidecar.passes(max_output_tokens=max(estimated, 301)), left=False)


def test_a_call_over_the_whole_limit_gets_a_minute_of_its_own() -> None:
    sidecar = Sidecar(user=one(tokens=100))
    sidecar.passes(max_output_tokens=5000)
    assert int(sidecar.refuses(max_output_tokens=1).headers["Retry-After"]) > 60


def test_zero_is_a_no_and_asks_no_store() -> None:
    sidecar = Sidecar(Away(), project={A: {MODEL: {"tokens_per_minute": 0}}}, on_store_failure="refuse")
    refusal = sidecar.refuses(A)
    assert (refusal.kind.status, refusal.name) == (403, "model_permission_denied")


def test_warn_only_says_so() -> None:
    sidecar = Sidecar(mode="warn", user=one(requests=1), project={A: {"tokens_per_minute": 0}})
    first = sidecar.passes().permits
    assert first
    assert not first.warned
    for projects in ((), (A,)):
        permits = sidecar.passes(*projects).permits
        assert permits
        assert permits.warned
        assert permits.scope == ("PROJECT" if projects else "USER")


def test_without_limits_no_store_is_asked() -> None:
    assert Sidecar(Away(), on_store_failure="refuse").passes().permits is None


def test_where_limits_are_others_no_store_is_asked_either() -> None:
    others = {"bob": {"requests_per_minute": 1}}
    assert Sidecar(Away(), on_store_failure="refuse", user=others).passes().permits is None


@pytest.mark.parametrize(("mode", "choice"), [("enforce", "allow"), ("warn", "allow"), ("warn", "refuse")])
def test_a_store_that_is_away_and_calls_that_pass(mode: str, choice: str) -> None:
    permits = Sidecar(Away(), mode=mode, user=one(requests=1), on_store_failure=choice).passes().permits
    assert permits
    assert permits.unlimited
    assert not permits.costs


def test_a_store_that_is_away_and_calls_that_don_t() -> None:
    refusal = Sidecar(Away(), user=one(requests=1)).refuses()
    assert (refusal.name, refusal.detail) == ("limits_unavailable", "ConnectionError")


def test_where_a_call_stands_is_kept() -> None:
    permits = Sidecar(user=one(tokens=1000, requests=5)).passes(max_output_tokens=300).permits
    assert permits
    assert {s.meter.kind: (s.limit, s.used, s.remaining) for s in permits.standings} == {
        "TOKENS": (1000, 300, 700),
        "REQUESTS": (5, 1, 4),
    }


@pytest.mark.parametrize("output", [-(10**9), 10**12, 10**4299])
def test_no_number_of_a_callers_changes_what_others_may_use(output: int) -> None:
    sidecar = Sidecar(enrollment=one(tokens=1_000_000))
    odd = sidecar.passes(max_output_tokens=output)
    sidecar.passes(subject="bob", max_output_tokens=128_000)
    sidecar.clock.now += 60
    sidecar.ends(odd, used=10)
    sidecar.passes(subject="bob", max_output_tokens=128_000)
    assert all(0 <= count <= 1_000_000 for count in sidecar.counters._counts.values())  # type: ignore[attr-defined]  # memory's
