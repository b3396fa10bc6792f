"""Where a tool was taken out, nothing is left that names it or needs it."""

from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.verdict import ABSENT, Json
from addons.foundry.models import Model
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)
SEARCH = {"type": "web_search"}
FUNCTION = {"type": "function", "name": "f", "parameters": {}, "strict": True}
NAMED = {"type": "function", "name": "f"}
HELLO = {"role": "user", "content": "x"}

type Body = dict[str, Json]


def group(*tools: Json, name: str = "n") -> Json:
    return {"type": "namespace", "name": name, "description": "d", "tools": list(tools)}


def more(*tools: Json) -> Json:
    return {"type": "additional_tools", "role": "developer", "tools": list(tools)}


def found(*tools: Json) -> Json:
    return {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": list(tools)}


def allowed(*tools: Json, mode: str = "auto") -> Json:
    return {"type": "allowed_tools", "mode": mode, "tools": list(tools)}


def left(body: Body, **settings: Any) -> Body:
    decided = judge(body, MODEL, PolicySettings(web_search="strip", **settings))
    assert decided.refused == ()
    changed = {change.path.split(".")[0].split("[")[0] for change in decided.changes}
    assert changed == set(decided.members), "each change is noted, and nothing else"
    merged = {**body, **decided.members}
    return {name: value for name, value in merged.items() if value is not ABSENT and name != "store"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"tools": [SEARCH], "tool_choice": "required"}, {}, id="a demand for a tool where none is left"),
        pytest.param({"tools": [SEARCH], "tool_choice": "auto"}, {"tool_choice": "auto"}, id="auto names nothing"),
        pytest.param({"tools": [SEARCH], "tool_choice": "none"}, {"tool_choice": "none"}, id="none names nothing"),
        pytest.param({"tools": [SEARCH], "tool_choice": SEARCH}, {}, id="the tool itself is chosen"),
        pytest.param(
            {"tools": [SEARCH], "tool_choice": {"type": "web_search_preview"}},
            {},
            id="chosen by the preview's type",
        ),
        pytest.param(
            {"tools": [SEARCH, FUNCTION], "tool_choice": "required"},
            {"tools": [FUNCTION], "tool_choice": "required"},
            id="another tool is left to be required",
        ),
        pytest.param(
            {"tools": [SEARCH, FUNCTION], "tool_choice": SEARCH}, {"tools": [FUNCTION]}, id="the choice alone goes"
        ),
        pytest.param(
            {"tools": [SEARCH, FUNCTION], "tool_choice": allowed(SEARCH)},
            {"tools": [FUNCTION], "tool_choice": "none"},
            id="what was allowed is gone: no other tool is let in",
        ),
        pytest.param(
            {"tools": [SEARCH], "tool_choice": allowed(SEARCH, mode="required")}, {}, id="nothing to be allowed"
        ),
        pytest.param(
            {"tools": [SEARCH, FUNCTION], "tool_choice": allowed(SEARCH, NAMED)},
            {"tools": [FUNCTION], "tool_choice": allowed(NAMED)},
            id="one of those allowed",
        ),
        pytest.param(
            {"tools": [FUNCTION], "tool_choice": allowed(SEARCH)},
            {"tools": [FUNCTION], "tool_choice": "none"},
            id="what was allowed was not among the tools",
        ),
        pytest.param({"tools": [group(SEARCH)], "tool_choice": "required"}, {}, id="a group goes with its last tool"),
        pytest.param({"tools": [group(group(SEARCH))]}, {}, id="groups in groups"),
        pytest.param(
            {"tools": [group(SEARCH, FUNCTION)]}, {"tools": [group(FUNCTION)]}, id="a group that has another tool"
        ),
        pytest.param(
            {"tools": [group(SEARCH), FUNCTION], "tool_choice": {"type": "namespace", "name": "n"}},
            {"tools": [FUNCTION]},
            id="a group that is gone is not chosen",
        ),
        pytest.param(
            {
                "tools": [group(SEARCH), group(FUNCTION, name="o")],
                "tool_choice": allowed(SEARCH, {"type": "namespace", "name": "n"}, {"type": "namespace", "name": "o"}),
            },
            {"tools": [group(FUNCTION, name="o")], "tool_choice": allowed({"type": "namespace", "name": "o"})},
            id="a group that is gone is not allowed",
        ),
        pytest.param(
            {"tools": [group(SEARCH), FUNCTION], "tool_choice": allowed({"type": "namespace", "name": "n"})},
            {"tools": [FUNCTION], "tool_choice": "none"},
            id="only a group that is gone was allowed",
        ),
        pytest.param(
            {"input": [HELLO, more(SEARCH)], "tool_choice": "required"}, {"input": [HELLO]}, id="an item of tools goes"
        ),
        pytest.param(
            {"input": [HELLO, more(FUNCTION)], "tools": [SEARCH], "tool_choice": "required"},
            {"input": [HELLO, more(FUNCTION)], "tool_choice": "required"},
            id="an item offers another tool",
        ),
        pytest.param(
            {"input": [HELLO, found(FUNCTION)], "tools": [SEARCH], "tool_choice": "required"},
            {"input": [HELLO, found(FUNCTION)], "tool_choice": "required"},
            id="a search has found another tool",
        ),
        pytest.param(
            {"input": [found(SEARCH)]}, {"input": [found()]}, id="the answer to a search stays, as it answers a call"
        ),
        pytest.param(
            {"tools": [], "tool_choice": "required"},
            {"tools": [], "tool_choice": "required"},
            id="what the caller left empty is the caller's",
        ),
    ],
)
def test_nothing_is_left_that_names_what_was_taken_out(body: Body, expected: Body) -> None:
    assert left(body) == expected


@pytest.mark.parametrize(
    "choice",
    [
        pytest.param("required", id="a tool is required"),
        pytest.param(NAMED, id="a tool is named"),
        pytest.param({"type": "namespace", "name": "n"}, id="a group is named"),
        pytest.param(allowed(NAMED, {"type": "namespace", "name": "n"}), id="a tool and a group are allowed"),
    ],
)
def test_a_choice_of_what_is_left_is_not_changed(choice: Json) -> None:
    body: Body = {"tools": [SEARCH, group(SEARCH, name="o"), FUNCTION, group(FUNCTION)], "tool_choice": choice}
    assert "tool_choice" not in judge(body, MODEL, PolicySettings(web_search="strip")).members


def test_what_a_server_listed_is_no_tool() -> None:
    listed = {"type": "mcp_list_tools", "id": "l", "server_label": "s", "tools": [{"name": "f", "input_schema": {}}]}
    body: Body = {"input": [HELLO, listed], "tools": [SEARCH], "tool_choice": "required"}
    assert left(body, rules={"item.mcp_list_tools": "warn"}) == {"input": [HELLO, listed]}


def test_what_only_warns_keeps_the_choice() -> None:
    body: Body = {"store": False, "tools": [SEARCH], "tool_choice": "required"}
    assert judge(body, MODEL, PolicySettings(mode="warn")).members == {}


@pytest.mark.parametrize(
    ("body", "action", "rule"),
    [
        pytest.param({"tools": [SEARCH], "tool_choice": "required"}, "stripped", "GEORESTRICTION", id="gone"),
        pytest.param(
            {"tools": [SEARCH, FUNCTION], "tool_choice": allowed(SEARCH)}, "forced", "GEORESTRICTION", id="none"
        ),
        pytest.param(
            {"input": [HELLO, more(SEARCH)], "tool_choice": "required"}, "stripped", "GEORESTRICTION", id="item"
        ),
        pytest.param(
            {
                "tools": [group(SEARCH), FUNCTION],
                "tool_choice": {"type": "namespace", "name": "n"},
                "metadata": {"a": "b"},
                "text": {"format": {"type": "text"}},
            },
            "stripped",
            "GEORESTRICTION",
            id="for the reason of the tools, not of another change",
        ),
        pytest.param({"tools": [FUNCTION], "tool_choice": allowed(SEARCH)}, "forced", "GEORESTRICTION", id="choice"),
    ],
)
def test_the_change_of_the_choice_says_why(body: Body, action: str, rule: str) -> None:
    """``store`` is added before, for another reason."""
    changes = judge(body, MODEL, PolicySettings(web_search="strip")).changes
    *_, choice = (change for change in changes if change.path == "tool_choice")
    assert (choice.action, choice.rule) == (action, rule)
