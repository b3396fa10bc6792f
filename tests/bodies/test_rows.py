"""The vocabulary of the tables: which values a leaf takes, and what a row that is written decides."""

import pytest

from addons.bodies.rows import (
    BOOLEAN,
    COUNT,
    OPAQUE,
    POSITIVE,
    SEAL,
    SIGNED,
    STRING,
    STRING_MAP,
    STRINGS,
    Leaf,
    Row,
    allowed,
    configurable,
    deciding,
    number,
    refused,
    sourced,
    stripped,
)
from addons.bodies.sources import ITEM_TYPES, PART_TYPES
from addons.bodies.verdict import Json

MOST = 9_007_199_254_740_991  # RFC 7493 §2.2


@pytest.mark.parametrize(
    ("leaf", "fitting", "others"),
    [
        (COUNT, [0, 1, MOST], [-1, MOST + 1, 1.0, True, "1", None]),
        (POSITIVE, [1, MOST], [0, MOST + 1, True]),
        (SIGNED, [-MOST, 0, MOST], [-MOST - 1, MOST + 1, False]),
        (number(0, 2), [0, 2, 0.5, 2.0], [-0.1, 2.1, float("inf"), True, "1"]),
        (STRING, ["", "x"], [1, None, ["x"]]),
        (SEAL, ["", "x"], [1, None, ["x"]]),
        (BOOLEAN, [True, False], [0, 1, "true"]),
        (STRINGS, [[], ["x", ""]], ["x", [1], ["x", None], {}]),
        (STRING_MAP, [{}, {"a": "x"}], [[], {"a": 1}, "x"]),
        (OPAQUE, [None, 1, {"a": [1]}], []),
    ],
    ids=lambda each: each.noun if isinstance(each, Leaf) else "",
)
def test_which_values_a_leaf_takes(leaf: Leaf, fitting: list[Json], others: list[Json]) -> None:
    assert [value for value in (*fitting, *others) if leaf.fits(value)] == fitting


@pytest.mark.parametrize(
    ("row", "decision", "remedy"),
    [
        (allowed("why"), "allow", ""),
        (refused("COST", "why", "do this"), "refuse", "do this"),
        (stripped("PRIVACY", "why"), "strip", ""),
        (configurable("web_search", "COST", "why"), "refuse", "The operator may set policy.web_search: allow"),
        (configurable("web_search", "COST", "why", remedy="do that"), "refuse", "do that"),
    ],
)
def test_what_a_row_decides(row: Row, decision: str, remedy: str) -> None:
    assert (row.decision, row.remedy, row.reason) == (decision, remedy, "why")
    assert (row.rule is None) == (decision == "allow")


def test_a_table_names_its_source_once_and_a_row_its_own() -> None:
    found = sourced(ITEM_TYPES, {"a": allowed(""), "b": allowed("", source=PART_TYPES)})
    assert {name: row.source for name, row in found.items()} == {"a": ITEM_TYPES, "b": PART_TYPES}


@pytest.mark.parametrize(
    ("rule", "row", "setting", "key"),
    [
        ("COST", "tool.x", "web_search", "policy.web_search"),
        ("COST", "tool.x", "", "policy.rules.tool.x"),
        ("COST", "", "", "policy.rules.COST"),
        ("INVALID", "tool.x", "", None),
        ("PRIVACY", "", "", None),
    ],
)
def test_which_key_of_the_configuration_decides(rule: str, row: str, setting: str, key: str | None) -> None:
    assert deciding(rule, row, setting) == key
