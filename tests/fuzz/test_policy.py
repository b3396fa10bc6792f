"""Bodies made at random: whatever passes is scanned by other means than the tables', and a second judge agrees."""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addons.apis.policy_settings import ROWS, PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.verdict import ABSENT, Finding, Json
from addons.foundry.models import Model
from addons.responses.api import RESPONSES
from tests.fuzz.bodies import BODIES, CANARY, FIELDS, HARMFUL, tampered
from tests.fuzz.second_judge import NEVER_AT_THE_TOP, objections, scan
from tests.responses.judging import judge
from tests.tally import Tally

MODEL = Model(
    rid="ri.language-model-service..language-model.gpt-5-2", provider_model="gpt-5.2", reasoning=True, daily_cache=False
)


SETTINGS = st.builds(
    PolicySettings,
    store_true=st.sampled_from(["refuse", "coerce"]),
    web_search=st.sampled_from(["refuse", "strip", "cache_only"]),
    image_generation=st.sampled_from(["refuse", "allow"]),
    computer=st.sampled_from(["refuse", "allow"]),
    server_tool_search=st.sampled_from(["refuse", "allow"]),
)


def test_whatever_passes_is_clean() -> None:
    passed: set[str] = set()

    @settings(max_examples=400, suppress_health_check=list(HealthCheck))
    @given(BODIES, SETTINGS)
    def holds(body: dict[str, Json], chosen: PolicySettings) -> None:
        before = copy.deepcopy(body)
        verdict = judge(body, MODEL, chosen)
        assert body == before
        assert CANARY not in repr((verdict.refused, verdict.warned, verdict.changes)), "the caller's words leak"
        assert {finding.row for finding in verdict.refused} <= ROWS | {""}, "a row that policy.rules can't name"
        if verdict.refused:
            return
        merged = {**body, **verdict.members}
        leaving = {key: value for key, value in merged.items() if value is not ABSENT}
        assert leaving["store"] is False
        assert not leaving.get("background")
        assert [key for key in NEVER_AT_THE_TOP if leaving.get(key) is not None] == []
        assert scan(leaving, chosen) == []
        changed = {change.path.split(".")[0].split("[")[0] for change in verdict.changes}
        assert changed == set(verdict.members), "each change is listed, and only what changed is written anew"
        passed.update(body)
        passed.update(_types(body))

    holds()
    assert len(passed) > 30, f"too little passed to tell anything: {sorted(passed)}"


def _types(node: Json) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_types, node))
    if isinstance(node, dict):
        return {str(node.get("type"))}.union(*map(_types, node.values()))
    return set()


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(BODIES)
def test_warning_lets_pass_what_enforcing_refuses_and_no_more(body: dict[str, Json]) -> None:
    enforced = judge(body, MODEL, PolicySettings())
    warned = judge(body, MODEL, PolicySettings(mode="warn"))
    assert {finding.rule for finding in warned.refused} <= {"INVALID"}
    assert bool(enforced.refused) == bool(warned.refused or warned.warned)
    if not warned.refused:
        assert {**body, **warned.members}["store"] is False


def test_the_scanner_sees_something() -> None:
    chosen = PolicySettings()
    assert scan({"input": [{"content": [{"type": "input_image", "file_id": "f"}]}]}, chosen)
    assert scan({"input": [{"content": [{"type": "input_image", "image_url": "https://x"}]}]}, chosen)
    assert scan({"tools": [{"type": "namespace", "tools": [{"type": "mcp"}]}]}, chosen)
    assert not scan({"tools": [{"type": "function", "parameters": {"file_id": {"type": "mcp"}}}]}, chosen)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([CANARY, *HARMFUL, "message", "mcp"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "role", "content", "id"]), inner)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("mode", ["enforce", "warn"])
@settings(max_examples=100)
@given(body=st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=4), JUNK, max_size=4))
def test_junk_gets_a_verdict(mode: Literal["enforce", "warn"], body: dict[str, Json]) -> None:
    judge(body, MODEL, PolicySettings(mode=mode))


STRICTER: Final[dict[str, Callable[[Finding], bool]]] = {
    "a value of the wrong type: the contract names the field, the tables its form": lambda f: f.rule == "INVALID",
    "a member or value inside an object that the contract names as a whole": lambda f: f.rule == "UNKNOWN",
    "an item without its content, which would be looked up by its id": lambda f: "by its id" in f.message,
}
"""Why the tables may refuse what the second judge lets pass."""


def test_two_judges_agree(tally: Tally) -> None:
    """Whatever the second judge objects to is refused; what is refused beyond that, for a reason that stands above."""
    counted: Counter[str] = Counter()
    policy = BodyPolicy(RESPONSES, PolicySettings())  # one for all: nothing of one body is left for the next

    @settings(max_examples=250, suppress_health_check=list(HealthCheck))
    @given(tampered())
    def agree(body: dict[str, Json]) -> None:
        verdict = policy.judge(body, MODEL)
        against = list(objections(body))
        if not against and verdict.refused:
            first = verdict.refused[0]
            assert any(holds(first) for holds in STRICTER.values()), (body, first)
            counted["refused for their form alone"] += 1
        else:
            assert bool(against) == bool(verdict.refused), (body, against, verdict.refused)
            counted["refused by both" if against else "passed by both"] += 1

    agree()
    assert min(counted["refused by both"], counted["passed by both"]) > 10, counted
    figures = ", ".join(f"{count} {what}" for what, count in sorted(counted.items()))
    tally.add("fuzz", "bodies before two judges", tried=counted.total(), lost=0, figures=figures)


@pytest.mark.parametrize("env", [[], "A=b", 1, {"A": 1}, {"A": ["b"]}, True], ids=str)
def test_a_map_of_strings_that_is_none(env: Json) -> None:
    item: dict[str, Json] = {"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "env": env}}
    verdict = judge({"input": [item]}, MODEL, PolicySettings())
    assert [(finding.path, finding.rule) for finding in verdict.refused] == [("input[0].action.env", "INVALID")]


def test_what_names_a_person_is_taken_out_for_privacy() -> None:
    verdict = judge({"user": "a", "safety_identifier": "b", "client_metadata": {}}, MODEL, PolicySettings())
    stripped = {change.path: change.rule for change in verdict.changes if change.action == "stripped"}
    assert stripped == dict.fromkeys(("user", "safety_identifier", "client_metadata"), "PRIVACY")
