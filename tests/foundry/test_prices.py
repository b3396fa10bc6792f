import pytest

from addons.foundry.prices import Prices


@pytest.mark.parametrize(
    ("prices", "tokens", "cost"),
    [
        (Prices(input=2, output=8), (1_000_000, None, 500_000), 6.0),
        (Prices(input=2, output=8), (1_000_000, 400_000, 0), 2.0),
        (Prices(input=2, cached=0.5, output=8), (1_000_000, 400_000, 0), 1.4),
        (Prices(input=2, cached=0, output=8), (10, 99, 0), 0.0),  # more cached than read: the provider errs
        (Prices(input=2, output=8), (None, None, 5), None),
        (Prices(input=2, output=8), (5, 0, None), None),
    ],
)
def test_cost(prices: Prices, tokens: tuple[int | None, int | None, int | None], cost: float | None) -> None:
    assert prices.cost(*tokens) == pytest.approx(cost)
