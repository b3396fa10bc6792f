"""Tools: what is assumed of one that is given in full, and what is not of one that is only named."""

from typing import Any, Final

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.verdict import Json, Verdict
from addons.foundry.models import Model
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)
FUNCTION: Final[dict[str, Json]] = {"type": "function", "name": "f", "parameters": {}, "strict": True}
LOCAL: Final[dict[str, Json]] = {"type": "local"}


def judged(body: dict[str, Json], **settings: Any) -> Verdict:
    return judge({"store": False, **body}, MODEL, PolicySettings(**settings))


@pytest.mark.parametrize(
    "kind", ["function", "custom", "apply_patch", "local_shell", "shell", "tool_search", "namespace"]
)
def test_of_a_tool_that_is_only_named_nothing_is_assumed(kind: str) -> None:
    for choice in ({"type": kind}, {"type": "allowed_tools", "mode": "auto", "tools": [{"type": kind}]}):
        assert judged({"tool_choice": choice}) == Verdict((), (), (), {})


@pytest.mark.parametrize("kind", ["shell", "tool_search"])
def test_nor_beside_one_that_is_taken_out(kind: str) -> None:
    search, named = {"type": "web_search"}, {"type": kind}
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [search, named]}
    verdict = judged({"tools": [FUNCTION], "tool_choice": choice}, web_search="strip")
    assert verdict.refused == ()
    assert verdict.members == {"tool_choice": {**choice, "tools": [named]}}


@pytest.mark.parametrize(
    ("choice", "rule", "said"),
    [
        pytest.param("sometimes", "UNKNOWN", "Always allowed: none, auto, required.", id="a word nobody knows"),
        pytest.param({"type": "time_machine"}, "UNKNOWN", 'tool type "time_machine"', id="a tool nobody knows"),
        pytest.param(7, "INVALID", "tool_choice must be a string or an object.", id="a number"),
        pytest.param(["auto"], "INVALID", "tool_choice must be a string or an object.", id="a list"),
    ],
)
def test_a_choice_that_is_none_is_told(choice: Json, rule: str, said: str) -> None:
    (finding,) = judged({"tool_choice": choice}).refused
    assert finding.rule == rule
    assert said in finding.message


@pytest.mark.parametrize(
    ("tool", "rules"),
    [
        pytest.param({"type": "shell"}, ["ZERO_DATA_RETENTION"], id="a shell, so in a container"),
        pytest.param({"type": "shell", "environment": None}, ["ZERO_DATA_RETENTION"], id="a shell in null"),
        pytest.param({"type": "shell", "environment": LOCAL}, [], id="a local shell"),
        pytest.param({"type": "tool_search"}, ["FEATURE_DISABLED"], id="a search, so by the server"),
        pytest.param({"type": "tool_search", "execution": "client"}, [], id="a search by the client"),
    ],
)
def test_of_a_tool_in_full_the_provider_assumes_the_worse(tool: dict[str, Json], rules: list[str]) -> None:
    assert [finding.rule for finding in judged({"tools": [tool]}).refused] == rules


@pytest.mark.parametrize(
    ("tool", "left"),
    [
        pytest.param({}, {"external_web_access": False}, id="it did not say"),
        pytest.param({"external_web_access": True}, {"external_web_access": False}, id="it wanted the web"),
        pytest.param({"external_web_access": False}, {"external_web_access": False}, id="it did not want the web"),
    ],
)
@pytest.mark.parametrize("kind", ["web_search", "web_search_2025_08_26"])
def test_a_search_of_the_index_alone_does_not_leave_for_the_web(kind: str, tool: dict[str, Json], left: Json) -> None:
    tools: list[Json] = [{"type": kind, **tool}]
    verdict = judged({"tools": tools}, web_search="cache_only")
    assert verdict.refused == ()
    assert verdict.members.get("tools", tools) == [{"type": kind, **left}]


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview"])
def test_a_search_that_is_only_named_is_left_as_it_is(kind: str) -> None:
    assert judged({"tool_choice": {"type": kind}}, web_search="cache_only") == Verdict((), (), (), {})


@pytest.mark.parametrize(
    ("member", "least", "most"),
    [
        pytest.param("output_compression", 0, 100, id="in per cent"),
        pytest.param("partial_images", 0, 3, id="at most three on the way"),
    ],
)
def test_numbers_of_image_generation_as_the_sdk_describes_them(member: str, least: int, most: int) -> None:
    """openai-python, types.responses.tool_param.ImageGeneration."""
    for value, fits in ((least - 1, False), (least, True), (most, True), (most + 1, False)):
        verdict = judged({"tools": [{"type": "image_generation", member: value}]}, image_generation="allow")
        assert [finding.path for finding in verdict.refused] == ([] if fits else [f"tools[0].{member}"])
