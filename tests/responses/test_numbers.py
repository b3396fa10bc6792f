"""Every place of a body that holds a number has a range; what lies beyond it is refused, in every mode."""

from collections.abc import Iterator
from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.apis.table import APIS
from addons.bodies.rows import LARGEST, OPAQUE, Either, Later, Leaf, Many, Members, Row, Typed, Values
from addons.bodies.verdict import Json
from addons.foundry.models import Model
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False, max_output_tokens=128_000)


def leaves(shape: Any, name: str, seen: frozenset[int] = frozenset()) -> Iterator[tuple[str, Leaf]]:
    """Every leaf of the tables, by its path in them."""
    if id(shape) in seen:
        return
    seen |= {id(shape)}
    match shape:
        case Leaf():
            yield name, shape
        case Row() if shape.shape is not None:
            yield from leaves(shape.shape, name, seen)
        case Members() | Typed() | Values():
            for key, row in shape.rows.items():
                yield from leaves(row, f"{name}.{key}", seen)
        case Many():
            yield from leaves(shape.of, f"{name}[]", seen)
        case Later():
            yield from leaves(shape.of(), name, seen)
        case Either():
            for option in shape.options:
                yield from leaves(option, name, seen)


LEAVES = {name: leaf for api in APIS for name, leaf in leaves(api.request, api.name)}
NUMBERS = {name: leaf for name, leaf in LEAVES.items() if leaf is not OPAQUE and (leaf.fits(1) or leaf.fits(0))}

EXTREMES: list[Json] = [
    10**4300, -(10**4300), 10**400, -(10**400), 2**64, -(2**64), LARGEST + 1, -LARGEST - 1, float("inf"), float("-inf"),
    1e308, -1e308,
]  # fmt: skip


def test_the_tables_have_numbers() -> None:
    assert len(NUMBERS) > 40
    assert {
        "responses.max_output_tokens", "responses.context_management[].compaction.compact_threshold",
        "chat_completions.n", "chat_completions.max_tokens", "chat_completions.max_completion_tokens",
        "chat_completions.seed", "embeddings.dimensions",
    } <= set(NUMBERS)  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_has_a_range(name: str) -> None:
    leaf = NUMBERS[name]
    assert not any(leaf.fits(extreme) for extreme in EXTREMES)
    assert not leaf.fits(True)
    assert not leaf.fits("1")
    assert " from " in leaf.noun


@pytest.mark.parametrize(
    ("field", "fits", "beyond"),
    [
        ("max_output_tokens", [1, 16, 128_000], [0, -1, -(10**9), 128_001, 10**12, 1.0]),
        ("max_tool_calls", [1, 100], [0, -1]),
        ("top_logprobs", [0, 20], [-1, 21, 0.5]),
        ("temperature", [0, 0.5, 2], [-0.1, 2.1]),
        ("top_p", [0, 0.5, 1], [-0.1, 1.1]),
    ],
)
@pytest.mark.parametrize("mode", ["enforce", "warn"])
def test_the_ranges_of_fields(field: str, fits: list[Json], beyond: list[Json], mode: str) -> None:
    settings = PolicySettings.model_validate({"mode": mode})
    for value in fits:
        assert judge({field: value}, MODEL, settings).refused == ()
    for value in [*beyond, *EXTREMES]:
        (finding,) = judge({field: value}, MODEL, settings).refused
        assert (finding.path, finding.rule, finding.refusal) == (field, "INVALID", "invalid_json")
        assert len(finding.message) < 200


def test_a_model_of_unknown_limits_is_held_to_the_tables() -> None:
    unknown = MODEL.model_copy(update={"max_output_tokens": None})
    assert not judge({"max_output_tokens": 128_001}, unknown, PolicySettings()).refused
    assert judge({"max_output_tokens": LARGEST + 1}, unknown, PolicySettings()).refused


def test_a_default_is_no_more_than_the_model_can_give() -> None:
    row = MODEL.model_copy(update={"default_output_tokens": 200_000})
    assert judge({"store": False}, row, PolicySettings()).members == {"max_output_tokens": 128_000}
