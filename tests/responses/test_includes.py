"""What the provider is asked to add to its answer: what comes from a tool is decided as the tool is."""

from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.foundry.models import Model
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)
OF_SEARCH = ["web_search_call.results", "web_search_call.action.sources"]
OF_COMPUTER = "computer_call_output.output.image_url"


def judged(value: str, **settings: Any) -> tuple[list[str], bool]:
    """The rules under which it is refused, and whether it stays."""
    verdict = judge({"model": "m", "store": False, "include": [value]}, MODEL, PolicySettings(**settings))
    return [finding.rule for finding in verdict.refused], verdict.members.get("include", [value]) == [value]


@pytest.mark.parametrize(
    "value",
    ["reasoning.encrypted_content", "message.output_text.logprobs", "message.input_image.image_url"],
)
def test_what_comes_from_no_tool_is_asked_for(value: str) -> None:
    assert judged(value) == ([], True)


@pytest.mark.parametrize("value", OF_SEARCH)
@pytest.mark.parametrize(
    ("web_search", "expected"),
    [
        ("refuse", (["GEORESTRICTION"], True)),
        ("strip", ([], False)),
        ("cache_only", ([], True)),
        ("allow", ([], True)),
    ],
)
def test_what_a_search_found_is_decided_as_the_search_is(value: str, web_search: str, expected: Any) -> None:
    assert judged(value, web_search=web_search) == expected


@pytest.mark.parametrize(("computer", "expected"), [("refuse", (["FEATURE_DISABLED"], True)), ("allow", ([], True))])
def test_what_a_computer_showed_is_decided_as_the_computer_is(computer: str, expected: Any) -> None:
    assert judged(OF_COMPUTER, computer=computer) == expected


@pytest.mark.parametrize("value", ["file_search_call.results", "code_interpreter_call.outputs"])
def test_what_is_kept_at_the_provider_is_refused(value: str) -> None:
    assert judged(value) == (["ZERO_DATA_RETENTION"], True)
