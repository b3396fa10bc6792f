"""Requests for embeddings made at random, with odd things in them: two judges agree of each."""

import copy
from collections import Counter
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addons.apis.policy_settings import PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.verdict import ABSENT, Json
from addons.embeddings.api import EMBEDDINGS
from addons.embeddings.fields import FIELDS
from addons.foundry.models import Model
from tests.fuzz.bodies import CANARY
from tests.fuzz.second_judge_of_embeddings import TAKEN_OUT, objections
from tests.tally import Tally

MODEL: Final = Model(rid="ri.a..b.text-embedding", provider_model="text-embedding", daily_cache=False)

TOKENS: Final = st.lists(st.integers(0, 100_000), max_size=4)
GOOD: Final = st.text() | TOKENS | st.lists(st.text(), max_size=4) | st.lists(TOKENS, max_size=3)
ODD: Final[st.SearchStrategy[Any]] = st.sampled_from([
    [], {}, [[]], [True], [-1], [0.5], ["a", 1], [[1], "a"], [[1], [True]], ["a"] * 2_049, [1] * 8_193, [[1]] * 2_049,
    [[1] * 8_193], CANARY, [CANARY, None], 0, -1, 1, 3_072, 3_073, 10**400, True, False, None, 1.0, "float", "base64",
    "binary",
])  # fmt: skip


@st.composite
def tampered(draw: st.DrawFn) -> dict[str, Json]:
    """A body as apps send it, with up to two members that are odd or of another API."""
    optional = {
        "dimensions": st.integers(1, 3_072), "encoding_format": st.sampled_from(["float", "base64"]), "user": st.text(),
    }  # fmt: skip
    body: dict[str, Any] = draw(st.fixed_dictionaries({"input": GOOD}, optional=optional))
    names = st.sampled_from([*FIELDS, "input", "messages", "store", "stream", "metadata", "nothing_known"])
    for name in draw(st.lists(names, max_size=2)):
        body[name] = copy.deepcopy(draw(ODD))
    body.pop("model", None)
    return body


def test_two_judges_agree(tally: Tally) -> None:
    counted: Counter[str] = Counter()
    policy = BodyPolicy(EMBEDDINGS, PolicySettings())

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(tampered())
    def agree(body: dict[str, Json]) -> None:
        before = copy.deepcopy(body)
        verdict = policy.judge(body, MODEL)
        assert body == before
        assert CANARY not in repr((verdict.refused, verdict.warned, verdict.changes)), "the caller's words leak"
        against = list(objections(body))
        assert bool(against) == bool(verdict.refused), (body, against, verdict.refused)
        counted["refused by both" if against else "passed by both"] += 1
        if not verdict.refused:
            leaving = {name: value for name, value in {**body, **verdict.members}.items() if value is not ABSENT}
            assert not TAKEN_OUT & leaving.keys()

    agree()
    assert min(counted["refused by both"], counted["passed by both"]) > 10, counted
    figures = ", ".join(f"{count} {what}" for what, count in sorted(counted.items()))
    tally.add("fuzz", "embeddings before two judges", tried=counted.total(), lost=0, figures=figures)
