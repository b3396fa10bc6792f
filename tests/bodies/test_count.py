import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.bodies.count import an_object_holds_more_than, holds_more_than
from addons.bodies.verdict import Json

TEXT = st.text(st.sampled_from(',[]{}:"\\/aé\n'), max_size=6)
VALUES = st.recursive(
    st.none() | st.integers() | st.just(0.5) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)


def counted(value: Json) -> int:
    """As the docstring has it: each value once, an empty list or object twice."""
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list):
        return 1
    return 1 + sum(map(counted, inner)) if inner else 2


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_values_are_counted_and_what_strings_hold_is_not(value: Json, indent: int | None, ascii_only: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    count = counted(value)
    assert not holds_more_than(body, count)
    assert count == 1 or holds_more_than(body, count - 1)


@pytest.mark.parametrize(
    ("piece", "most", "more"),
    [
        pytest.param(b"{},", 2000, True, id="empty objects count twice"),
        pytest.param(b"{},", 2003, False, id="and no more than that"),
        pytest.param(b"1,", 1000, True, id="numbers"),
        pytest.param(b'"a,b[c{",', 1000, True, id="strings"),
        pytest.param(b'"a,b[c{",', 1010, False, id="what is in them"),
        pytest.param(b'"\\",[\\\\",', 1000, True, id="strings with escapes"),
        pytest.param(b'"\\",[\\\\",', 1010, False, id="what is in those"),
        pytest.param(b'{"k":[0]},', 3000, True, id="objects with a member"),
        pytest.param(b'{"k":[0]},', 3010, False, id="their keys"),
    ],
)
def test_floods(piece: bytes, most: int, more: bool) -> None:
    assert holds_more_than(b"[" + piece * 1000 + b"0]", most) is more


@pytest.mark.parametrize("body", [b"", b"[[[[", b'"', b'"\\', b"]]]", b",,,,,,", b"\xff" * 20, b'["' + b"\\" * 99])
def test_what_is_no_json_gets_an_answer(body: bytes) -> None:
    assert holds_more_than(body, 2) in {True, False}


@pytest.mark.parametrize("before", range(24))
def test_a_string_in_two_steps_is_one(before: int) -> None:
    body = b" " * (64 * 1024 - before) + b'[{"\\\\\\",[\\\\":[]},"{:"]'
    assert holds_more_than(body, 4)
    assert not holds_more_than(body, 5)
    assert an_object_holds_more_than(body + b"::", 1) is an_object_holds_more_than(body.strip() + b"::", 1)


def most_members(value: Json) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return max([len(value) if isinstance(value, dict) else 0, *map(most_members, inner)])


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_members_are_counted_object_by_object(value: Json, indent: int | None, ascii_only: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    members = most_members(value)
    assert not an_object_holds_more_than(body, members)
    assert members == 0 or an_object_holds_more_than(body, members - 1)


MEMBERS = b",".join(b'"%d":0' % number for number in range(5000))


@pytest.mark.parametrize(
    ("body", "most", "more"),
    [
        pytest.param(b"{" + MEMBERS + b"}", 5000, False, id="as many as may be"),
        pytest.param(b"{" + MEMBERS + b"}", 4999, True, id="one more"),
        pytest.param(b"[{" + MEMBERS + b"},{" + MEMBERS + b"}]", 5000, False, id="in two objects"),
        pytest.param(b'{"a":{' + MEMBERS + b"}," + MEMBERS + b"}", 5001, False, id="behind an object in it"),
        pytest.param(b'{"a":{' + MEMBERS + b"}," + MEMBERS + b"}", 5000, True, id="and one more"),
        pytest.param(b'["' + b":{" * 9000 + b'\\":{"]', 5000, False, id="in a string"),
        pytest.param(b"}}]" + MEMBERS, 4999, False, id="no JSON, closed before it was open"),
        pytest.param(b"{" + MEMBERS + b"}}" + MEMBERS, 4999, True, id="no JSON, but behind too many"),
        pytest.param(b"{" + MEMBERS + b'"' + b":" * 9000, 5000, False, id="no JSON, in a string without end"),
    ],
)
def test_members_of_one_object(body: bytes, most: int, more: bool) -> None:
    assert an_object_holds_more_than(body, most) is more
