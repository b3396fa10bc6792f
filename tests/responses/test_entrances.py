"""Every tool that may be forced or stripped, at every place where a tool enters: made from the tables themselves."""

from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.verdict import ABSENT, Json
from addons.foundry.models import Model
from addons.responses.tools import NAMED, TOOLS
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)
FUNCTION = {"type": "function", "name": "f", "parameters": {}, "strict": True}

ENTRANCES: dict[str, Callable[[Json], dict[str, Json]]] = {
    "tools": lambda tool: {"tools": [FUNCTION, tool]},
    "namespace": lambda tool: {"tools": [{"type": "namespace", "name": "n", "tools": [FUNCTION, tool]}]},
    "additional_tools": lambda tool: {"input": [{"type": "additional_tools", "tools": [FUNCTION, tool]}]},
    "tool_search_output": lambda tool: {
        "input": [{"type": "tool_search_output", "execution": "client", "tools": [FUNCTION, tool]}]
    },
    "tool_choice": lambda tool: {"tools": [FUNCTION], "tool_choice": tool},
    "allowed_tools": lambda tool: {
        "tools": [FUNCTION],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [FUNCTION | {"strict": None}, tool]},
    },
}
DEFINING = ("tools", "namespace", "additional_tools", "tool_search_output")


def choices(setting: str) -> tuple[str, ...]:
    """What the operator may choose for a row."""
    annotation: Any = PolicySettings.model_fields[setting].annotation
    return tuple(map(str, get_args(getattr(annotation, "__value__", annotation))))


def rows(choice: str) -> Iterator[tuple[str, str, str]]:
    """Entrance, tool and setting of every row that can be so decided there."""
    for entrance in ENTRANCES:
        for kind, row in (TOOLS if entrance in DEFINING else NAMED).items():
            if row.setting and choice in choices(row.setting):
                yield entrance, kind, row.setting


def left(body: dict[str, Json], setting: str, choice: str) -> dict[str, Json]:
    decided = judge(body, MODEL, PolicySettings.model_validate({setting: choice}))
    assert decided.refused == ()
    return {name: value for name, value in {**body, **decided.members}.items() if value is not ABSENT}


def types(node: Json) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(types, node))
    if isinstance(node, dict):
        return {str(node.get("type"))}.union(*map(types, node.values()))
    return set()


def tools_of(node: Json, kind: str) -> Iterator[dict[str, Json]]:
    if isinstance(node, list | dict):
        for inner in node if isinstance(node, list) else node.values():
            yield from tools_of(inner, kind)
    if isinstance(node, dict) and node.get("type") == kind:
        yield node


def test_the_tables_make_cases() -> None:
    forced = [(entrance, kind) for entrance, kind, _ in rows("cache_only") if NAMED[kind].forced]
    assert {entrance for entrance, _ in forced} == set(ENTRANCES)
    assert {kind for _, kind in forced} == {"web_search", "web_search_2025_08_26"}
    assert {kind for entrance, kind, _ in rows("strip") if entrance == "tool_choice"} == {
        "web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11",
    }  # fmt: skip


@pytest.mark.parametrize(("entrance", "kind", "setting"), list(rows("strip")))
def test_what_is_stripped_is_gone_at_every_entrance(entrance: str, kind: str, setting: str) -> None:
    assert kind not in types(left(ENTRANCES[entrance]({"type": kind}), setting, "strip"))


@pytest.mark.parametrize(("entrance", "kind", "setting"), list(rows("cache_only")))
@pytest.mark.parametrize("asked", [{}, {"wanted": True}, {"wanted": None}], ids=["absent", "other", "null"])
def test_what_is_forced_is_forced_at_every_entrance(
    entrance: str, kind: str, setting: str, asked: dict[str, Json]
) -> None:
    """Where a tool is only named nothing has to be given; what is given there is held to the same."""
    forced = (TOOLS if entrance in DEFINING else NAMED)[kind].forced
    tool = {"type": kind, **{member: asked["wanted"] for member in forced if asked}}
    (found,) = tools_of(left(ENTRANCES[entrance](tool), setting, "cache_only"), kind)
    for member, value in forced.items():
        assert found.get(member, value) is value
        assert member in found or (entrance not in DEFINING and not asked)


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("kind", TOOLS)
def test_a_tool_is_decided_alike_at_every_entrance(entrance: str, kind: str) -> None:
    """But for the preview, which clients name where they mean web_search, and for what a name does not say."""
    for choice in ("refuse", "allow"):
        settings = {row.setting: choice for row in TOOLS.values() if row.setting}
        row = (TOOLS if entrance in DEFINING else NAMED)[kind]
        tool: dict[str, Json] = {"type": kind}
        if kind == "shell":
            tool["environment"] = {"type": "local"}
        if kind == "tool_search":
            tool["execution"] = "client"
        decided = judge(ENTRANCES[entrance](tool), MODEL, PolicySettings.model_validate(settings))
        refused = row.decision == "refuse" and not (row.setting and choice == "allow")
        assert bool(decided.refused) == refused
        assert all(finding.row.startswith("tool.") for finding in decided.refused)
