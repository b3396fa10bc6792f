"""Numbers that are read when metrics are collected."""

from collections.abc import Mapping

import pytest

from addons.journal.sums import Distribution, Distributions, Highest, Sums


def test_sums() -> None:
    sums = Sums()
    assert list(sums.read()) == []
    for amount, kind in ((5, "input"), (2, "output"), (7, "input")):
        sums.add(amount, kind, "gpt-5.2")
    assert dict(sums.read()) == {("input", "gpt-5.2"): 12, ("output", "gpt-5.2"): 2}


@pytest.mark.parametrize(
    ("values", "buckets", "figures"),
    [
        ([1.0], (1, 0, 0), (1.0, 1.0, 1.0)),  # a boundary belongs to its bucket
        ([1.5, 2.0, 0.0], (1, 2, 0), (3.5, 0.0, 2.0)),
        ([9.0, -1.0], (1, 0, 1), (8.0, -1.0, 9.0)),
    ],
)
def test_distributions(values: list[float], buckets: tuple[int, ...], figures: tuple[float, float, float]) -> None:
    spread = Distributions((1.0, 2.0))
    for value in values:
        spread.add(value, "a")
    assert dict(spread.read()) == {("a",): Distribution(buckets, *figures)}


def test_what_was_read_does_not_change() -> None:
    spread = Distributions((1.0,))
    spread.add(0.5, "a")
    ((_, before),) = spread.read()
    spread.add(0.5, "a")
    assert before.buckets == (1, 0)


@pytest.mark.parametrize(
    ("notes", "asked_at", "found"),
    [
        ([], 0.0, {}),
        ([(0.0, 0.3), (59.0, 0.2)], 59.9, {("a",): 0.3}),
        ([(0.0, 0.3), (61.0, 0.2)], 62.0, {("a",): 0.3}),
        ([(0.0, 0.3), (61.0, 0.9)], 62.0, {("a",): 0.9}),
        ([(0.0, 0.3), (61.0, 0.2)], 121.0, {("a",): 0.2}),
        ([(0.0, 0.3), (61.0, 0.2)], 181.0, {}),
        ([(0.0, 0.3)], 119.0, {("a",): 0.3}),
        ([(0.0, 0.3)], 120.0, {}),
        ([(0.0, 0.0)], 1.0, {("a",): 0.0}),
    ],
)
def test_highest(notes: list[tuple[float, float]], asked_at: float, found: Mapping[tuple[str], float]) -> None:
    now = 0.0
    highest = Highest(lambda: now)
    for at, value in notes:
        now = at
        highest.add(value, "a")
    now = asked_at
    assert dict(highest.read()) == found
