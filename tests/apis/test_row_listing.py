"""The list of the tables is the tables: no row is missing, none is invented, and it says what the judge does."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.apis.row_listing import Listed, listed
from addons.bodies.row_names import refusable
from addons.bodies.rows import Later, Row, Typed, Values
from addons.bodies.verdict import Json
from addons.chat_completions.api import CHAT_COMPLETIONS
from addons.chat_completions.messages import MESSAGES
from addons.foundry.models import Model
from addons.responses.api import RESPONSES
from addons.responses.fields import FIELDS, REQUEST
from addons.responses.includes import INCLUDES
from addons.responses.items import ITEMS
from addons.responses.tools import TOOLS
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)
ALL = {row.name: row for row in listed(PolicySettings(), (RESPONSES,))}

CHOICES: list[dict[str, Any]] = [
    {},
    {"mode": "warn"},
    {"web_search": "strip", "store_true": "coerce"},
    {"web_search": "cache_only", "service_tiers": ["flex"]},
    {"web_search": "allow", "image_generation": "allow", "computer": "allow", "rules": {"tool.mcp": "warn"}},
    {"rules": {"ZERO_DATA_RETENTION": "warn", "tool.mcp": "enforce"}},
]


def objects(node: Any, seen: set[int]) -> Iterator[Any]:
    """Whatever hangs on a table, found without knowing how tables are read."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, Later):
        yield from objects(node.of(), seen)
    elif dataclasses.is_dataclass(node):
        yield node
        for field in dataclasses.fields(node):
            yield from objects(getattr(node, field.name), seen)
    elif isinstance(node, dict):
        for inner in node.values():
            yield from objects(inner, seen)
    elif isinstance(node, list | tuple):
        for inner in node:
            yield from objects(inner, seen)


FOUND = list(objects(REQUEST, set()))


def test_no_row_is_missing() -> None:
    rows = {id(node): node for node in FOUND if isinstance(node, Row)}
    told = {(row.reason.partition(";")[0], row.rule) for row in ALL.values()}
    assert {(row.reason.partition(";")[0], row.rule or "") for row in rows.values()} == told
    for table in (node for node in FOUND if isinstance(node, Typed | Values)):
        for key in table.rows:
            assert f"{table.name}.{key}" in ALL
    assert set(FIELDS) <= set(ALL)
    assert set(refusable(REQUEST)) <= set(ALL)


def test_none_is_invented() -> None:
    tables: dict[str, set[str]] = {}
    for node in FOUND:
        if isinstance(node, Typed | Values):
            tables.setdefault(node.name, set()).update(node.rows)
    for name in ALL:
        plain = name.removesuffix(" (named by tool_choice)")
        table = next((table for table in tables if plain.startswith(f"{table}.")), None)
        if table is None:
            assert plain.partition(".")[0] in FIELDS
        else:
            key = plain.removeprefix(f"{table}.")
            assert any(key == row or key.startswith(f"{row}.") for row in tables[table])


def test_each_is_listed_once_by_its_kind() -> None:
    rows = list(listed(PolicySettings(), (RESPONSES,)))
    assert len({row.name for row in rows}) == len(rows)
    kinds: dict[str, set[str]] = {}
    for row in rows:
        kinds.setdefault(row.kind, set()).add(row.name)
    assert kinds["field"] == set(FIELDS)
    assert kinds["item"] == {f"item.{name}" for name in ITEMS}
    assert kinds["include"] == {f"include.{name}" for name in INCLUDES}
    assert kinds["tool"] == {f"tool.{name}" for name in TOOLS} | {
        "tool.allowed_tools",
        "tool.web_search_preview (named by tool_choice)",
        "tool.web_search_preview_2025_03_11 (named by tool_choice)",
    }
    parts = [node.rows for node in FOUND if isinstance(node, Typed) and node.name == "part"]
    assert kinds["part"] == {f"part.{name}" for rows in parts for name in rows}
    messages = {row.name for row in listed(PolicySettings(), (CHAT_COMPLETIONS,)) if row.kind == "message"}
    assert messages == {f"message.{name}" for name in MESSAGES}


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        pytest.param("tool.web_search", "policy.web_search", id="a choice of the operator's"),
        pytest.param("tool.mcp", "policy.rules.tool.mcp", id="a refusal, which may become a warning"),
        pytest.param("temperature", "", id="nothing, of what is allowed"),
        pytest.param("metadata", "", id="nothing, of what is taken out"),
    ],
)
def test_it_says_what_decides(name: str, setting: str) -> None:
    assert {row.setting for row in listed(PolicySettings()) if row.name == name} == {setting}


@pytest.mark.parametrize("row", ALL.values(), ids=ALL)
def test_each_names_its_source_and_when_it_was_looked_at(row: Listed) -> None:
    assert row.source.title
    assert row.source.section
    assert row.source.checked <= datetime.now(UTC).date()
    assert row.reason
    assert row.api == "responses"
    if row.decision == "refuse":
        assert row.rule
        assert row.setting.startswith("policy.")
    assert row.decision == row.shipped
    assert not row.is_looser


@pytest.mark.parametrize("chosen", CHOICES, ids=str)
def test_it_says_what_the_judge_does(chosen: dict[str, Any]) -> None:
    settings = PolicySettings.model_validate(chosen)
    rows = {row.name: row for row in listed(settings, (RESPONSES,))}
    bodies: dict[str, dict[str, Json]] = {
        **{f"tool.{kind}": {"tools": [{"type": kind, **complete(kind)}]} for kind in TOOLS},
        **{f"include.{value}": {"include": [value]} for value in INCLUDES},
        **{f"service_tier.{tier}": {"service_tier": tier} for tier in ("auto", "flex", "priority")},
        "store": {"store": True},
        "background": {"background": True},
        "conversation": {"conversation": "c"},
        "user": {"user": "u"},
    }
    for name, body in bodies.items():
        decided = judge({"store": False, **body}, MODEL, settings)
        told = rows[name].decision
        assert bool(decided.refused) == (told == "refuse"), name
        assert bool(decided.warned) == (told == "warn"), name
        if told == "strip":
            assert [change.action for change in decided.changes][:1] == ["stripped"], name


def complete(kind: str) -> dict[str, Json]:
    given: dict[str, dict[str, Json]] = {
        "shell": {"environment": {"type": "local"}},
        "tool_search": {"execution": "client"},
    }
    return given.get(kind, {})


@pytest.mark.parametrize(
    ("chosen", "looser"),
    [
        ({}, set()),
        ({"store_true": "coerce"}, {"store"}),
        ({"web_search": "strip"}, {"tool.web_search"}),
        ({"web_search": "cache_only"}, {"tool.web_search"}),
        ({"service_tiers": ["flex"]}, {"service_tier.flex"}),
    ],
    ids=str,
)
def test_a_choice_that_lets_more_out_is_looser(chosen: dict[str, Any], looser: set[str]) -> None:
    settings = PolicySettings.model_validate(chosen)
    found = {row.name for row in listed(settings, (RESPONSES,)) if row.is_looser}
    assert looser == found & {"store", "tool.web_search", "service_tier.flex"}


def test_what_is_looser_is_told() -> None:
    chosen = PolicySettings.model_validate({"web_search": "allow", "rules": {"tool.mcp": "warn"}})
    looser = {row.name for row in listed(chosen, (RESPONSES,)) if row.is_looser}
    assert {"tool.web_search", "tool.mcp", "item.web_search_call", "include.web_search_call.results"} <= looser
    assert {row.name for row in listed(PolicySettings(mode="warn"), (RESPONSES,)) if row.is_looser} == {
        row.name for row in ALL.values() if row.decision == "refuse"
    }


def test_members_and_forms_are_told() -> None:
    assert {"name", "parameters", "strict"} <= set(ALL["tool.function"].members)
    assert ALL["temperature"].reason.endswith("a number from 0 to 2")
