"""Chat completions made at random from the SDK's types, with odd things in them: two judges agree of each."""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from addons.apis.policy_settings import PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.verdict import ABSENT, Finding, Json
from addons.chat_completions.api import CHAT_COMPLETIONS
from addons.chat_completions.fields import FIELDS
from addons.foundry.models import Model
from tests.fuzz.bodies import CANARY, structure
from tests.fuzz.second_judge_of_chat import TAKEN_OUT, objections
from tests.tally import Tally

MODEL = Model(rid="ri.language-model-service..language-model.gpt-5-2", provider_model="gpt-5.2", daily_cache=False)
BODIES = st.one_of(
    structure(CompletionCreateParamsNonStreaming, most=1),
    structure(CompletionCreateParamsNonStreaming, frozenset({"tools"}), most=1),
    structure(CompletionCreateParamsNonStreaming, most=4),
)
ODD: Final[list[Any]] = [
    {"type": "web_search"}, {"type": "mcp"}, {"type": "nothing_known"}, {"role": "judge", "content": "c"},
    {"role": "assistant", "audio": {"id": "a"}}, {"type": "file", "file": {"file_id": "f"}},
    {"type": "image_url", "image_url": {"url": "https://x.example"}}, {"type": "input_text", "text": "t"},
    {"role": "user", "content": "c"}, {"role": "user", "content": [{"type": "text", "text": "t"}]},
    {"type": "function", "function": {"name": "f", "parameters": {"file_id": "x"}}}, "audio", None, 1,
]  # fmt: skip


@st.composite
def tampered(draw: st.DrawFn) -> dict[str, Json]:
    body: dict[str, Any] = dict(copy.deepcopy(draw(BODIES)))
    for name in draw(st.lists(st.sampled_from(["messages", "tools", "modalities"]), max_size=2)):
        if isinstance(body.get(name), list):
            body[name].append(copy.deepcopy(draw(st.sampled_from(ODD))))
    if draw(st.booleans()):
        name = draw(st.sampled_from([*FIELDS, "input", "background", "previous_response_id", "nothing_known"]))
        body[name] = copy.deepcopy(draw(st.sampled_from([None, False, True, "24h", "flex", {}, [], *ODD])))
    return body


STRICTER: Final[dict[str, Callable[[Finding], bool]]] = {
    "a value of the wrong type: the contract names the field, the tables its form": lambda f: f.rule == "INVALID",
    "a member or value inside an object that the contract names as a whole": lambda f: f.rule == "UNKNOWN",
}
"""Why the tables may refuse what the second judge lets pass."""


def test_two_judges_agree(tally: Tally) -> None:
    counted: Counter[str] = Counter()
    policy = BodyPolicy(CHAT_COMPLETIONS, PolicySettings())

    @settings(max_examples=300, suppress_health_check=list(HealthCheck))
    @given(tampered())
    def agree(body: dict[str, Json]) -> None:
        before = copy.deepcopy(body)
        verdict = policy.judge(body, MODEL)
        assert body == before
        assert CANARY not in repr((verdict.refused, verdict.warned, verdict.changes)), "the caller's words leak"
        against = list(objections(body))
        if not against and verdict.refused:
            assert any(holds(verdict.refused[0]) for holds in STRICTER.values()), (body, verdict.refused[0])
            counted["refused for their form alone"] += 1
            return
        assert bool(against) == bool(verdict.refused), (body, against, verdict.refused)
        counted["refused by both" if against else "passed by both"] += 1
        if not verdict.refused:
            leaving = {name: value for name, value in {**body, **verdict.members}.items() if value is not ABSENT}
            assert leaving["store"] is False
            assert not TAKEN_OUT & leaving.keys()

    agree()
    assert min(counted["refused by both"], counted["passed by both"]) > 10, counted
    figures = ", ".join(f"{count} {what}" for what, count in sorted(counted.items()))
    tally.add("fuzz", "chat completions before two judges", tried=counted.total(), lost=0, figures=figures)
