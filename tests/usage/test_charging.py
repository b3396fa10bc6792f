"""What a call is charged in the end."""

from types import SimpleNamespace
from typing import Any

import pytest

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.call import Answer, Outcome
from addons.foundry.budgets import MICRO, Reserved
from addons.foundry.permits import Meter, Permits
from addons.foundry.prices import DatedPrices
from addons.foundry.refusals import Refusal
from addons.usage.charging import Charged, budget_corrections, corrections
from addons.usage.charging import charged as charged_of
from tests.conftest import MODEL
from tests.gates.calls import GPT, call, charged

TOKENS = Meter("USER", "someone", MODEL, "TOKENS")
REQUESTS = Meter("USER", "someone", MODEL, "REQUESTS")
CHARGES = {TOKENS: 100, REQUESTS: 1}
MINUTE = 1000


def answered(status: int = 200, **usage: int) -> Answer:
    return Answer(status=status, facts=AnswerFacts(usage=Usage(**usage)) if usage else None)


def settled(now_minute: int = MINUTE, **filled: Any) -> tuple[int, int]:
    """What is added to tokens and requests, of a call that was charged 100 and 1."""
    ended = call(permits=charged(CHARGES, MINUTE), **filled)
    found = corrections(ended, now_minute * 60 + 5.0)
    known = {TOKENS.key(MINUTE), REQUESTS.key(MINUTE), TOKENS.key(now_minute)}
    assert found.keys() <= known
    tokens = found.get(TOKENS.key(now_minute)) or found.get(TOKENS.key(MINUTE), 0)
    return tokens, found.get(REQUESTS.key(MINUTE), 0)


LEFT: dict[str, Any] = {"released_at": 1.0, "sent_at": 1.0}
UNSENT: dict[str, Any] = {"released_at": 1.0}
CASES: list[tuple[str, dict[str, Any], tuple[int, int]]] = [
    ("used less", LEFT | {"answer": answered(input_tokens=10, output_tokens=20, total_tokens=30)}, (-70, 0)),
    ("used more", LEFT | {"answer": answered(input_tokens=10, output_tokens=190, total_tokens=200)}, (100, 0)),
    ("used as estimated", LEFT | {"answer": answered(total_tokens=100)}, (0, 0)),
    ("no total reported", LEFT | {"answer": answered(input_tokens=10, output_tokens=20)}, (-70, 0)),
    ("no usage reported", LEFT | {"answer": answered()}, (0, 0)),
    ("interrupted before the answer", LEFT | {"outcome": Outcome.CALLER_GONE}, (0, 0)),
    ("never left", {"refusal": Refusal("fault")}, (-100, -1)),
    ("provider 429", LEFT | {"answer": answered(429), "refusal": Refusal("provider_rate_limited")}, (-100, -1)),
    ("out of quota", LEFT | {"answer": answered(429), "refusal": Refusal("provider_quota")}, (-100, -1)),
    ("provider 400", LEFT | {"answer": answered(400), "refusal": Refusal("provider_rejected")}, (-100, 0)),
    ("provider 500", LEFT | {"answer": answered(500), "refusal": Refusal("provider_failed")}, (0, 0)),
    ("a redirect", LEFT | {"answer": answered(302), "refusal": Refusal("provider_failed")}, (0, 0)),
    ("provider 404", LEFT | {"answer": answered(404), "refusal": Refusal("model_not_available")}, (-100, 0)),
    ("provider 503", LEFT | {"answer": answered(503), "refusal": Refusal("provider_overloaded")}, (0, 0)),
    ("lost after sending", LEFT | {"refusal": Refusal("provider_failed")}, (0, 0)),
    ("only details reported", LEFT | {"answer": answered(cached_tokens=5)}, (0, 0)),
    ("not reached", UNSENT | {"refusal": Refusal("provider_unreachable")}, (-100, -1)),
    ("not connected in time", UNSENT | {"refusal": Refusal("provider_timeout")}, (-100, -1)),
    ("silent", LEFT | {"refusal": Refusal("provider_timeout")}, (0, 0)),
    ("shut down", LEFT | {"answer": answered(), "outcome": Outcome.SHUT_DOWN}, (0, 0)),
    ("a fault while answering", LEFT | {"answer": answered(), "refusal": Refusal("fault")}, (0, 0)),
]


@pytest.mark.parametrize(("filled", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_added(filled: dict[str, Any], expected: tuple[int, int]) -> None:
    assert settled(**filled) == expected


@pytest.mark.parametrize(
    ("minutes_later", "used", "expected"),
    [(0, 30, {MINUTE: -70}), (1, 30, {MINUTE: -70}), (2, 30, {}), (0, 130, {MINUTE: 30}), (9, 130, {MINUTE + 9: 30})],
)
def test_which_minute_it_is_added_to(minutes_later: int, used: int, expected: dict[int, int]) -> None:
    ended = call(permits=charged({TOKENS: 100}, MINUTE), answer=answered(total_tokens=used), **LEFT)
    found = corrections(ended, (MINUTE + minutes_later) * 60.0)
    assert found == {TOKENS.key(minute): amount for minute, amount in expected.items()}


@pytest.mark.parametrize("permits", [None, Permits()])
def test_a_call_that_was_charged_nothing(permits: Permits | None) -> None:
    assert corrections(call(permits=permits), 0) == {}


RESERVED = Reserved(keys=["budget:any"], tokens=100, money=2 * MICRO)
PRICED = GPT.model_copy(update={"prices": (DatedPrices(input=1, output=1),)})


@pytest.mark.parametrize(
    ("filled", "ended", "expected"),
    [
        ({}, False, Charged(1, 100, 2.0)),
        (LEFT | {"answer": answered(input_tokens=10, output_tokens=20, total_tokens=30)}, True, Charged(1, 30, 3e-5)),
        (LEFT | {"answer": answered()}, True, Charged(1, 100, 2.0)),
        (LEFT | {"answer": answered(400)}, True, Charged(1, 0, 0.0)),
        (LEFT | {"answer": answered(429)}, True, Charged(0, 0, 0.0)),
        (UNSENT, True, Charged(0, 0, 0.0)),
        ({"reserved": None}, True, None),
        ({"reserved": Reserved()}, True, None),
        (LEFT | {"reserved": Reserved(keys=["budget:any"], tokens=7)}, True, Charged(1, 7, None)),
    ],
    ids=["under way", "reported", "not reported", "400", "429", "not reached", "no budget", "refused", "no price"],
)
def test_what_the_ledger_remembers_of_the_charge(filled: dict[str, Any], ended: bool, expected: Charged | None) -> None:
    words: dict[str, Any] = {"reserved": RESERVED, "model": PRICED, **filled}
    assert charged_of(call(**words), ended=ended) == expected


@pytest.mark.parametrize(
    ("filled", "expected"),
    [
        (LEFT | {"answer": answered(total_tokens=30)}, {"tokens": -70, "divided": -35}),
        (LEFT | {"answer": answered(total_tokens=130)}, {"tokens": 30, "divided": 15}),
        (LEFT | {"answer": answered(total_tokens=100)}, {}),
        (LEFT | {"answer": answered()}, {}),
        (LEFT | {"answer": answered(429)}, {"requests": -1, "tokens": -100, "divided": -50}),
        (UNSENT, {"requests": -1, "tokens": -100, "divided": -50}),
        ({"reserved": None}, {}),
        ({"reserved": Reserved()}, {}),
    ],
    ids=["less", "more", "the same", "not reported", "429", "not reached", "no budget", "refused"],
)
def test_what_is_added_to_budgets(filled: dict[str, Any], expected: dict[str, int]) -> None:
    units: list[Any] = [SimpleNamespace(unit=unit) for unit in ("requests", "tokens", "tokens")]
    reserved = Reserved(units, ["requests", "tokens", "divided"], [1, 100, 50], [1, 1, 2], tokens=100)
    words: dict[str, Any] = {"reserved": reserved, "model": PRICED, **filled}
    assert budget_corrections(call(**words)) == expected
