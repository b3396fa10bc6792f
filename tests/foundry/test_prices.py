"""What a call costs."""

from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from addons.foundry.prices import DatedPrices, ModelPrices, Prices, prices_on

ROWS: TypeAdapter[tuple[DatedPrices, ...]] = TypeAdapter(ModelPrices)


@pytest.mark.parametrize(
    ("prices", "tokens", "cost"),
    [
        pytest.param(Prices(input=2, output=10), (1_000_000, 0, 1_000_000, 0), 12, id="plain"),
        pytest.param(Prices(input=2, cached=0.5, output=10), (1_000_000, 400_000, 0, 0), 1.4, id="cached"),
        pytest.param(Prices(input=2, output=10), (1_000_000, 400_000, 0, 0), 2, id="cached, at no price of its own"),
        pytest.param(Prices(input=5, cached=0.5, output=30), (18_014, 0, 10, 18_011), 0.11288375, id="cache writes"),
        pytest.param(
            Prices(input=5, cache_write=6, output=30), (1_000_000, 0, 0, 500_000), 5.5, id="at their own price"
        ),
        pytest.param(Prices(input=5, cached=0, output=0), (10, 100, 0, 100), 0, id="more cached than there was"),
        pytest.param(
            Prices(input=5, output=0), (10, 4, 0, 100), (4 * 5 + 6 * 6.25) / 1e6, id="more written than was left"
        ),
        pytest.param(Prices(input=0, output=0), (5, None, 5, None), 0, id="free"),
        pytest.param(Prices(input=2, output=10), (None, 0, 5, 0), None, id="input unknown"),
        pytest.param(Prices(input=2, output=10), (5, 0, None, 0), None, id="output unknown"),
    ],
)
def test_cost(prices: Prices, tokens: tuple[int | None, ...], cost: float | None) -> None:
    assert prices.cost(*tokens) == pytest.approx(cost)


CHANGING = ROWS.validate_python(
    [
        {"input": 1, "output": 1},
        {"input": 2, "output": 2, "since": "2026-07-01", "tiers": {"priority": {"input": 4, "output": 4}}},
    ]
)


@pytest.mark.parametrize(
    ("day", "tier", "price"),
    [
        ("2026-06-30", None, 1),
        ("2026-07-01", None, 2),
        ("2030-01-01", "default", 2),
        ("2030-01-01", "auto", 2),
        ("2030-01-01", "priority", 4),
        ("2026-06-30", "priority", None),
        ("2030-01-01", "flex", None),
        ("2030-01-01", "something new", None),
    ],
)
def test_by_day_and_service_tier(day: str, tier: str | None, price: int | None) -> None:
    found = prices_on(CHANGING, date.fromisoformat(day), tier)
    assert (found and found.input) == price


def test_nothing_is_known_before_the_first_day() -> None:
    rows = ROWS.validate_python({"input": 1, "output": 1, "since": "2026-07-01"})
    assert prices_on(rows, date(2026, 6, 30)) is None
    assert prices_on((), date(2026, 6, 30)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"input": 1},
        {"input": float("inf"), "output": 1},
        {"input": float("nan"), "output": 1},
        {"input": 1, "output": 1, "inputs": 2},
        {"input": 1, "output": 1, "tiers": {"flex": {"input": 1, "output": 1, "cache": 2}}},
        {"input": 1, "output": 1, "tiers": {"gold": {"input": 1, "output": 1}}},
        [{"input": 1, "output": 1}, {"input": 1, "output": 1}],
    ],
    ids=str,
)
def test_wrong_prices(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        ROWS.validate_python(wrong)
