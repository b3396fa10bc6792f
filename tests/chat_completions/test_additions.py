"""What is put into a chat completion by itself, and how it is noted."""

from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.verdict import Json
from addons.chat_completions.api import CHAT_COMPLETIONS
from addons.foundry.models import Model

POLICY = BodyPolicy(CHAT_COMPLETIONS, PolicySettings())
MESSAGES = {"messages": [{"role": "user", "content": "Hello"}], "store": False}


def model(**row: Any) -> Model:
    return Model(rid="ri.a..b.c", provider_model="m", **{"daily_cache": False, **row})


@pytest.mark.parametrize(
    ("body", "row", "known", "members", "actions"),
    [
        pytest.param({"store": None}, {}, {}, {"store": False}, ["added"], id="nothing is stored"),
        pytest.param(
            {}, {"in_memory_cache": True}, {}, {"prompt_cache_retention": "in_memory"}, ["added"], id="memory"
        ),
        pytest.param(
            {}, {"default_output_tokens": 9}, {}, {"max_completion_tokens": 9}, ["added"], id="a limit"
        ),
        pytest.param({"max_tokens": 5}, {"default_output_tokens": 9}, {}, {}, [], id="the older name is a limit too"),
        pytest.param(
            {}, {}, {"safety_identifier": "0ab1"}, {"safety_identifier": "0ab1"}, ["added"], id="who calls"
        ),
        pytest.param(
            {"safety_identifier": "jane"}, {}, {"safety_identifier": "0ab1"}, {"safety_identifier": "0ab1"},
            ["stripped", "forced"],
            id="in place of what the caller sent",
        ),
        pytest.param(
            {}, {}, {"session_cache_key": "s"}, {"prompt_cache_key": "s"}, ["added"], id="a session shares its cache"
        ),
        pytest.param({"prompt_cache_key": "own"}, {}, {"session_cache_key": "s"}, {}, [], id="or has a key of its own"),
        pytest.param(
            {"stream": True}, {}, {}, {"stream_options": {"include_usage": True}}, ["added"], id="usage"
        ),
        pytest.param(
            {"stream": True, "stream_options": {"include_usage": False, "include_obfuscation": False}}, {}, {},
            {"stream_options": {"include_usage": True, "include_obfuscation": False}}, ["forced"],
            id="also where that was not wanted",
        ),
        pytest.param({"stream": True, "stream_options": {"include_usage": True}}, {}, {}, {}, [], id="or it was"),
        pytest.param({"stream": False}, {}, {}, {}, [], id="which an answer in one piece does by itself"),
    ],
)  # fmt: skip
def test_additions(
    body: dict[str, Json], row: dict[str, Any], known: dict[str, Any], members: dict[str, Json], actions: list[str]
) -> None:
    verdict = POLICY.judge({"model": "m", **MESSAGES, **body}, model(**row), **known)
    assert verdict.refused == ()
    assert verdict.members == members
    assert [change.action for change in verdict.changes] == actions


@pytest.mark.parametrize(("name", "asked"), [("max_tokens", 201), ("max_completion_tokens", 201)])
def test_a_limit_of_either_name_is_held_to_the_cap(name: str, asked: int) -> None:
    verdict = POLICY.judge({"model": "m", **MESSAGES, name: asked}, model(output_cap=200))
    assert [(finding.path, finding.rule) for finding in verdict.refused] == [(name, "COST")]
