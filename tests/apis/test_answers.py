"""Whatever stands in an answer where a count, a flag or a name belongs: it is read, or told as unread."""

from typing import Any, Final

import pytest

from addons.apis.table import APIS
from addons.bodies.answer_facts import COUNTS, MAX_COUNT

NAMES: Final = {
    "responses": ("input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"),
    "chat_completions": ("prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"),
    "embeddings": ("prompt_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"),
}
NO_COUNTS: Final[list[Any]] = [-1, -(10**18), MAX_COUNT + 1, 10**400, 1.0, 0.5, 1e400, True, False, "7", "", [], [1]]


def places(api: str) -> list[dict[str, Any]]:
    """A report with a mark in each place that is read."""
    given, made, of_given, of_made = NAMES[api]
    written = {"cache_write_tokens_details": {"ttl_12h_tokens": "?"}}
    return [
        {given: "?"}, {made: "?"}, {"total_tokens": "?"}, {of_given: {"cached_tokens": "?"}},
        {of_given: {"cache_write_tokens": "?"}}, {of_given: written}, {of_made: {"reasoning_tokens": "?"}},
    ]  # fmt: skip


def put(report: dict[str, Any], value: Any) -> dict[str, Any]:
    return {name: put(member, value) if isinstance(member, dict) else value for name, member in report.items()}


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_counts(api: Any) -> None:
    for report in places(api.name):
        whole = {NAMES[api.name][0]: 3, **put(report, 5)}
        assert not api.answer.facts_from({"usage": whole}).unread
        assert api.answer.facts_from({"usage": put(report, None)}).usage is None
        for wrong in NO_COUNTS:
            facts = api.answer.facts_from({"usage": {**whole, **put(report, wrong)}})
            assert (facts.usage, facts.unread) == (None, True), (report, wrong)


def test_every_count_is_in_a_place() -> None:
    assert set(COUNTS) == {name for api in APIS for report in places(api.name) for name in named(report)}


def named(report: dict[str, Any]) -> set[str]:
    return {each for name, inner in report.items() for each in (named(inner) if isinstance(inner, dict) else {name})}


@pytest.mark.parametrize("name", ["store", "background", "service_tier"])
@pytest.mark.parametrize("value", [1, 0, [], {}, {"name": "scale"}, 0.5], ids=str)
def test_what_an_answer_says_of_itself(name: str, value: Any) -> None:
    """Which the canary listens to."""
    read = {api.name for api in APIS if api.answer.facts_from({name: value}).unread}
    assert read == {api.name for api in APIS if name in api.answer.members}
    assert not any(api.answer.facts_from({name: None}).unread for api in APIS)
