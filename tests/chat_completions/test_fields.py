"""The bounds of a chat completion's fields: what stands at a bound passes, what lies beyond is refused.

The numbers are the provider's: https://platform.openai.com/docs/api-reference/chat/create
"""

from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.verdict import Verdict
from addons.chat_completions.api import CHAT_COMPLETIONS
from addons.foundry.models import Model

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)


def judged(body: dict[str, Any]) -> Verdict:
    return BodyPolicy(CHAT_COMPLETIONS, PolicySettings()).judge({"model": "m", "store": False, **body}, MODEL)


@pytest.mark.parametrize(
    ("name", "least", "most", "step"),
    [
        ("temperature", 0, 2, 0.01),
        ("top_p", 0, 1, 0.01),
        ("frequency_penalty", -2, 2, 0.01),
        ("presence_penalty", -2, 2, 0.01),
        ("top_logprobs", 0, 20, 1),
        ("n", 1, 128, 1),
    ],
)
def test_a_number_is_held_to_its_bounds(name: str, least: float, most: float, step: float) -> None:
    for within in (least, most):
        assert judged({name: within}).refused == ()
    for beyond in (least - step, most + step):
        assert [(finding.path, finding.rule) for finding in judged({name: beyond}).refused] == [(name, "INVALID")]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"logit_bias": {}}, id="no bias"),
        pytest.param({"logit_bias": {"50256": -100, "50257": 100}}, id="biases at both ends"),
        pytest.param({"logit_bias": {"50256": 0.5}}, id="half a bias"),
        pytest.param({"stop": "a"}, id="a text that ends the answer"),
        pytest.param({"stop": ["a", "b", "c", "d"]}, id="four of them"),
    ],
)
def test_what_leaves_as_it_came(body: dict[str, Any]) -> None:
    verdict = judged(body)
    assert (verdict.refused, verdict.changes, verdict.members) == ((), (), {})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"logit_bias": {"50256": -101}}, id="too small a bias"),
        pytest.param({"logit_bias": {"50256": 101}}, id="too large a bias"),
        pytest.param({"logit_bias": {"50256": True}}, id="a flag for a bias"),
        pytest.param({"logit_bias": {"50256": "1"}}, id="a text for a bias"),
        pytest.param({"logit_bias": [1]}, id="a list of biases"),
        pytest.param({"stop": ["a", "b", "c", "d", "e"]}, id="five texts that end the answer"),
        pytest.param({"stop": ["a", 1]}, id="a number among them"),
        pytest.param({"stop": {"a": "b"}}, id="an object of them"),
    ],
)
def test_what_is_refused(body: dict[str, Any]) -> None:
    assert [(finding.path, finding.rule) for finding in judged(body).refused] == [(name, "INVALID") for name in body]
