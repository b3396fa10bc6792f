"""Numbers that the SDK asks for when it collects."""

from collections.abc import Iterable, Mapping

import pytest
from opentelemetry.metrics import CallbackOptions, Observation

from addons.telemetry.sums import Highest, Sums

ASKED = CallbackOptions()


def read(observations: Iterable[Observation]) -> Mapping[tuple[object, ...], float]:
    return {tuple((each.attributes or {}).values()): each.value for each in observations}


def test_sums() -> None:
    sums = Sums("kind", "model")
    assert read(sums.observe(ASKED)) == {}
    for amount, kind in ((5, "input"), (2, "output"), (7, "input")):
        sums.add(amount, kind, "gpt-5.2")
    assert read(sums.observe(ASKED)) == {("input", "gpt-5.2"): 12, ("output", "gpt-5.2"): 2}
    (first, _) = sums.observe(ASKED)
    assert first.attributes == {"kind": "input", "model": "gpt-5.2"}


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
    highest = Highest(lambda: now, "level")
    for at, value in notes:
        now = at
        highest.note(value, "a")
    now = asked_at
    assert read(highest.observe(ASKED)) == found
