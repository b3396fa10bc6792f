"""What is taken for clean is what the walk has nothing to say of."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addons.apis.policy_settings import PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.compiled_tables import Clean, CompiledTables
from addons.bodies.rows import (
    BOOLEAN,
    STRING,
    Decision,
    Either,
    Later,
    Leaf,
    Many,
    Members,
    Row,
    Shape,
    Typed,
    allowed,
    stripped,
)
from addons.bodies.verdict import Json, Verdict
from addons.responses.api import RESPONSES
from addons.responses.items import ITEM
from addons.responses.tools import TOOL
from tests.bench.histories import history
from tests.fuzz.bodies import BODIES, tampered
from tests.fuzz.test_policy import JUNK, MODEL, SETTINGS

STRICT = PolicySettings()
CHOSEN = SETTINGS | st.sampled_from([
    PolicySettings(mode="warn"),
    PolicySettings(web_search="allow", remote_urls="allow", reasoning_pro="allow", service_tiers=("flex",)),
    PolicySettings(web_search="strip", rules={"COST": "warn", "item.item_reference": "warn"}),
])  # fmt: skip


IN = Members({"a": STRING})
ODD: list[Json] = [None, True, 1, 1.5, "x", "", [], ["x"], {}, {"a": "x"}, {"a": None}]


class Nothing(CompiledTables):
    """Takes nothing for clean, so that everything is walked into."""

    def clean(self, shape: Row | Shape, key: str = "") -> Clean:
        return lambda _value: False


def walking(chosen: PolicySettings) -> BodyPolicy:
    """The policy, taking nothing for clean."""
    policy = BodyPolicy(RESPONSES, chosen)
    policy._tables = Nothing(chosen)
    policy._clean = {}
    return policy


def walked(body: dict[str, Json], chosen: PolicySettings) -> Verdict:
    return walking(chosen).judge(body, MODEL)


def test_a_verdict_is_the_same_where_all_is_walked_into() -> None:
    counted: Counter[str] = Counter()

    @settings(max_examples=300, suppress_health_check=list(HealthCheck))
    @given(tampered() | BODIES, CHOSEN)
    def same(body: dict[str, Json], chosen: PolicySettings) -> None:
        verdict = BodyPolicy(RESPONSES, chosen).judge(body, MODEL)
        assert verdict == walked(body, chosen)
        counted["refused" if verdict.refused else "warned" if verdict.warned else "passed"] += 1

    same()
    assert all(counted[each] for each in ("refused", "warned", "passed")), counted


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["input", "tools", "tool_choice", "include", "metadata", "x"]), JUNK), CHOSEN)
def test_of_junk_too(body: dict[str, Json], chosen: PolicySettings) -> None:
    assert BodyPolicy(RESPONSES, chosen).judge(body, MODEL) == walked(body, chosen)


@pytest.mark.parametrize("name", RESPONSES.request.rows)
def test_of_odd_values_of_each_member_too(name: str) -> None:
    policy, slow = BodyPolicy(RESPONSES, STRICT), walking(STRICT)
    row = RESPONSES.request.rows[name]
    inside = row.shape.rows if isinstance(row, Row) and isinstance(row.shape, Members) else {}
    for value in [*ODD, *({key: odd} for key in inside for odd in ODD)]:
        assert policy.judge({name: value}, MODEL) == slow.judge({name: value}, MODEL), value


def test_an_agents_history_is_clean_throughout() -> None:
    body: dict[str, Any] = json.loads(history(10, 10))
    tables = CompiledTables(STRICT)
    assert [item for item in body["input"] if not tables.clean(ITEM)(item)] == []
    assert [tool for tool in body["tools"] if not tables.clean(TOOL)(tool)] == []


@pytest.mark.parametrize(
    ("item", "clean"),
    [
        ({"role": "user", "content": "x"}, True),
        ({"role": "user", "content": "x", "phase": None}, True),
        ({"role": "user", "content": "x", "nothing_known": None}, False),
        ({"role": "user", "content": "x", "Status": "completed"}, False),
        ({"role": "user", "content": 1}, False),
        ({"role": "user", "content": " "}, False),  # may be one that is looked up by its id: for the walk
        ({"role": "user"}, False),
        ({"role": "user", "content": [{"type": "input_text", "text": "x"}]}, True),
        ({"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,"}]}, True),
        ({"role": "user", "content": [{"type": "input_image", "image_url": "https://x.example"}]}, False),
        ({"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}, False),
        ({"type": "item_reference", "id": "msg_1"}, False),
        ({"id": "msg_1"}, False),
        ({"type": "nothing_known"}, False),
        ({"type": 1}, False),
        ({"type": "tool_search_call", "arguments": {"a": 0}, "execution": "client"}, True),
        ({"type": "tool_search_call", "arguments": {"a": 0}, "execution": "server"}, False),
        ({"type": "tool_search_call", "arguments": {"a": 0}}, False),  # the server is assumed
        ({"type": "tool_search_call", "arguments": {}, "execution": "client"}, False),  # as a blank text
        ({"role": "user", "content": [{"type": "input_text", "text": " "}, {"type": "input_text"}]}, False),
        ({"type": "web_search_call", "action": {"type": "search", "query": "x"}}, False),
        ({"type": "reasoning", "encrypted_content": ""}, False),
        ([], False),
        (None, False),
    ],
    ids=str,
)
def test_items(item: Json, clean: bool) -> None:
    assert CompiledTables(STRICT).clean(ITEM)(item) is clean


@pytest.mark.parametrize(
    ("value", "clean"),
    [({"a": "x"}, True), ({}, True), ({"a": 1}, False), ({"b": "x"}, False), ("a", False), ([], False)],
)
def test_a_table_of_members_takes_objects_alone(value: Json, clean: bool) -> None:
    assert CompiledTables(STRICT).clean(Members({"a": STRING}))(value) is clean
    assert CompiledTables(STRICT).clean(Many(Members({"a": STRING})))([value]) is clean


SHAPES: dict[str, tuple[Row | Shape, list[Json]]] = {
    "an object": (allowed("", IN), [{}, {"a": "x"}, {"a": None}]),
    "one that needs a member": (allowed("", IN, needs=("a",)), [{"a": "x"}]),
    "one of which something is assumed": (allowed("", IN, assumed={"a": 1}), [{"a": "x"}]),
    "one of which what is assumed is clean": (allowed("", IN, assumed={"a": "x"}), [{}, {"a": "x"}, {"a": None}]),
    "a list that needs a member, which no table says": (allowed("", Many(STRING), needs=("a",)), []),
    "a list of which something is assumed, which no table says": (allowed("", Many(STRING), assumed={"a": 1}), []),
    "a member that is taken out": (Members({"a": stripped("COST", "")}), [{}]),
    "an object in one": (Members({"a": allowed("", IN)}), [{}, {"a": None}]),
    "a text or a list": (Either((STRING, Many(STRING))), ["x", "", [], ["x"]]),
    "a text or a word": (Either((STRING, BOOLEAN)), [True, "x", ""]),
    "what is written later, or a text": (Either((Later(lambda: BOOLEAN), STRING)), []),
    "what is written later": (Later(lambda: STRING), ["x", ""]),
    "a word": (BOOLEAN, [True]),
}


@pytest.mark.parametrize(("shape", "clean"), SHAPES.values(), ids=SHAPES)
def test_which_values_of_a_shape_are_clean(shape: Row | Shape, clean: list[Json]) -> None:
    check = CompiledTables(STRICT).clean(shape, "a")
    assert [value for value in ODD if check(value)] == clean


def test_one_row_under_two_names_is_decided_for_each() -> None:
    """As the operator may have it under ``policy.rules``; here a word of the row's name stands for that."""

    class ByName(PolicySettings):
        def decision(self, row: Row, key: str) -> Decision:
            return "allow" if key == "a" else "refuse"

    tables, row = CompiledTables(ByName()), allowed("", STRING)
    assert [tables.clean(row, name)("x") for name in ("a", "b", "a")] == [True, False, True]


def test_what_the_operator_allows_is_clean() -> None:
    item = {"type": "web_search_call", "action": {"type": "search", "query": "x"}}
    assert CompiledTables(PolicySettings(web_search="allow")).clean(ITEM)(item)
    assert not CompiledTables(PolicySettings(web_search="cache_only")).clean(ITEM)(item)
    assert not CompiledTables(PolicySettings(web_search="allow")).clean(ITEM)({**item, "action": {"type": "search"}})


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterRow(Row):
    """A row with a column that nobody compiles yet."""

    limit: int | None = None


@dataclass(frozen=True, slots=True)
class LaterLeaf(Leaf):
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class LaterMembers(Members):
    limit: int | None = None


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (LaterRow(reason="", shape=STRING), "x"),
        (LaterLeaf("a string", lambda value: isinstance(value, str)), "x"),
        (Members({"a": LaterRow(reason="")}), {"a": 1}),
        (Typed("t", "t", {"a": LaterRow(reason="", shape=Members({"type": STRING}))}), {"type": "a"}),
        (Many(Typed("t", "t", {"a": LaterRow(reason="")})), [{"type": "a"}]),
        (allowed("", LaterLeaf("a string", lambda value: isinstance(value, str))), "x"),
        (allowed("", LaterMembers({"a": STRING})), {"a": "x"}),
    ],
    ids=["row", "leaf", "member", "row of a table", "row in a list", "leaf in a row", "members in a row"],
)
def test_a_column_that_is_not_compiled_makes_nothing_clean(shape: Row | Shape, value: Json) -> None:
    assert not CompiledTables(STRICT).clean(shape)(value)
