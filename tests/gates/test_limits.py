"""What a call may use in a minute: which limits it runs on, what it is charged, and what it is told."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from addons.call import Answer, Call
from addons.foundry.caller import SCOPE, Caller
from addons.foundry.permits import Meter
from addons.foundry.refusals import Refusal
from addons.gates.counting import Counters, StoreUnavailableError
from addons.gates.limits import HoldToLimits, estimate, limits_for
from addons.gates.limits_settings import LimitsSettings
from addons.responses.answer import AnswerFacts, Usage
from addons.responses.verdict import Verdict
from addons.usage.charging import corrections
from addons.usage.counters import MemoryCounters
from tests.conftest import MODEL
from tests.gates.calls import GPT, call, refused_by, through

A, B, NEW = (f"ri.compass.main.folder.{name}" for name in ("a", "b", "new"))
OTHER_MODEL = "ri.language-model-service..language-model.gpt-5"
NOON = 1_700_000_040.0  # the beginning of a minute


def settings(**keys: Any) -> LimitsSettings:
    return LimitsSettings.model_validate(keys)


def asked(*projects: str, subject: str = "ada", body: bytes = b"", **document: Any) -> Call:
    return call(
        caller=Caller(subject, frozenset({SCOPE})), attribution=projects, model=GPT, body=body, document=document
    )


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
    # a project that only the default covers may be made up: the caller is counted too
    ({"project": one(requests=1), "user": one(requests=1)}, (A,), {("PROJECT", A), ("USER", "ada")}),
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


@pytest.mark.parametrize(("keys", "projects", "expected"), LEVELS)
def test_levels(keys: dict[str, Any], projects: Sequence[str], expected: set[tuple[str, str]]) -> None:
    limits = limits_for(asked(*projects), settings(**keys))
    assert {(meter.level, meter.subject) for meter in limits} == expected
    assert {(meter.model, meter.kind) for meter in limits} <= {(MODEL, "REQUESTS")}


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
        (40_000_000, {"max_output_tokens": 1}, {}, 400_001),  # more than the model takes, e.g. of an image
    ],
)
def test_the_estimate(body: int, document: dict[str, Any], members: dict[str, Any], expected: int) -> None:
    each = asked(body=b"x" * body, **document)
    each.verdict = Verdict((), (), (), members)
    assert GPT.context_window == 400_000
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

    async def add(self, amounts: Mapping[str, int]) -> list[int]:
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
            each.released_at = 1.0
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


@pytest.mark.parametrize(("mode", "choice"), [("enforce", "allow"), ("warn", "allow"), ("warn", "refuse")])
def test_a_store_that_is_away_and_calls_that_pass(mode: str, choice: str) -> None:
    permits = Sidecar(Away(), mode=mode, user=one(requests=1), on_store_failure=choice).passes().permits
    assert permits
    assert permits.unlimited
    assert permits.charges == {}


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
