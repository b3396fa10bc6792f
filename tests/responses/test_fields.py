"""The bounds of the Responses API's fields: what stands at a bound passes, what lies beyond is refused.

The numbers are the provider's: https://platform.openai.com/docs/api-reference/responses/create
"""

from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.verdict import Json
from addons.foundry.models import Model
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)


def refused(body: dict[str, Json], **settings: Any) -> list[tuple[str, str]]:
    found = judge({"model": "m", "store": False, **body}, MODEL, PolicySettings(**settings)).refused
    return [(finding.path, finding.rule) for finding in found]


@pytest.mark.parametrize(
    ("name", "least", "most", "step"),
    [
        ("temperature", 0, 2, 0.01),
        ("top_p", 0, 1, 0.01),
        ("top_logprobs", 0, 20, 1),
    ],
)
def test_a_number_is_held_to_its_bounds(name: str, least: float, most: float, step: float) -> None:
    for within in (least, most):
        assert refused({name: within}) == []
    for beyond in (least - step, most + step):
        assert refused({name: beyond}) == [(name, "INVALID")]


@pytest.mark.parametrize("name", ["max_output_tokens", "max_tool_calls"])
def test_a_limit_is_one_at_least(name: str) -> None:
    assert refused({name: 1}) == []
    assert refused({name: 0}) == [(name, "INVALID")]


@pytest.mark.parametrize(
    ("member", "least", "most"),
    [("output_compression", 0, 100), ("partial_images", 0, 3)],
)
def test_a_number_of_a_made_image_is_held_to_its_bounds(member: str, least: int, most: int) -> None:
    def made(value: int) -> list[tuple[str, str]]:
        return refused({"tools": [{"type": "image_generation", member: value}]}, image_generation="allow")

    assert made(least) == made(most) == []
    assert made(least - 1) == made(most + 1) == [(f"tools[0].{member}", "INVALID")]


def test_a_byte_of_a_token_is_one() -> None:
    def sent(byte: int) -> list[tuple[str, str]]:
        said = {"type": "output_text", "text": "a", "logprobs": [{"token": "a", "bytes": [byte], "logprob": -0.5}]}
        return refused({"input": [{"role": "assistant", "content": [said]}]})

    assert sent(0) == sent(255) == []
    assert sent(-1) == sent(256) == [("input[0].content[0].logprobs[0].bytes[0]", "INVALID")]


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        pytest.param({"background": False}, [], id="no background"),
        pytest.param({"background": True}, ["ZERO_DATA_RETENTION"], id="a background"),
        pytest.param({"background": 0}, ["INVALID"], id="a number for a flag"),
        pytest.param({"prompt_cache_retention": "in_memory"}, [], id="prompts kept in memory"),
        pytest.param({"prompt_cache_retention": "24h"}, ["ZERO_DATA_RETENTION"], id="prompts kept for a day"),
        pytest.param({"reasoning": {"mode": "standard"}}, [], id="the usual reasoning"),
        pytest.param({"reasoning": {"mode": "pro"}}, ["COST"], id="reasoning that costs many times as much"),
    ],
)
def test_a_value_that_decides(body: dict[str, Json], rules: list[str]) -> None:
    assert [rule for _, rule in refused(body)] == rules
