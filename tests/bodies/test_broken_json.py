"""Objects cut off at any byte, and made whole."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.bodies.abridgement import Abridgement
from addons.bodies.broken_json import rest_of
from tests.responses.json_documents import an_object, cut_up


def rest(document: bytes, sizes: list[int]) -> bytes | None:
    read = Abridgement({"usage": None})
    for piece in cut_up(document, sizes):
        read.feed(piece)
    return rest_of(read, document[-8:], b'"error":"ours"')


@settings(max_examples=400)
@given(st.integers(0, 2**32), st.floats(0, 1, exclude_max=True), st.lists(st.integers(1, 30), max_size=5))
def test_an_object_that_broke_off_anywhere(seed: int, share: float, sizes: list[int]) -> None:
    document = an_object(Random(seed))
    half = document[: int(len(document) * share)].encode()
    missing = rest(half, sizes)
    assert missing is not None
    assert json.loads(half + missing)["error"] == "ours"


def test_every_place_in_an_object_with_all_there_is() -> None:
    whole = json.dumps(
        {"a": [1, -2.5, 1e300, True, False, None, {}, [], {"b": {"c": '\\ "\n\u20ac'}}], "error": {"code": "x"}}
    ).encode()
    for at in range(len(whole)):
        missing = rest(whole[:at], [])
        assert missing is not None, whole[:at]
        assert json.loads(whole[:at] + missing)["error"] == "ours", whole[:at]


@pytest.mark.parametrize(
    ("half", "whole"),
    [
        pytest.param(b"", {}, id="nothing yet"),
        pytest.param(b'{"a', {"a": None}, id="in a name"),
        pytest.param(b'{"a":', {"a": None}, id="before a value"),
        pytest.param(b'{"a":"te', {"a": "te"}, id="in a text"),
        pytest.param(b'{"a":"te\\', {"a": "te\\"}, id="behind a backslash"),
        pytest.param(b'{"a":"te\\u', {"a": "te\0"}, id="before the digits of a character"),
        pytest.param(b'{"a":"te\\u00e', {"a": "te\u00e0"}, id="in the digits of a character"),
        pytest.param(b'{"a":tr', {"a": True}, id="in a word"),
        pytest.param(b'{"a":-', {"a": 0}, id="behind a sign"),
        pytest.param(b'{"a":1.', {"a": 1}, id="behind a point"),
        pytest.param(b'{"a":12', {"a": 12}, id="in a number"),
        pytest.param(b'{"a":[1,', {"a": [1, None]}, id="in a list"),
        pytest.param(b'{"a":{"b":1', {"a": {"b": 1}}, id="in an object inside"),
        pytest.param(b'{"a":{"b":"c,d"', {"a": {"b": "c,d"}}, id="behind a text with a comma, inside"),
        pytest.param(b'{"a":{"b":[1,2]', {"a": {"b": [1, 2]}}, id="behind a list, inside"),
    ],
)
def test_what_had_come_stays_as_it_came(half: bytes, whole: dict[str, Any]) -> None:
    missing = rest(half, [])
    assert missing is not None
    assert json.loads(half + missing) == {**whole, "error": "ours"}


def test_where_nothing_can_help() -> None:
    for document in (b"{}", b'{"a":1} ', b"[1", b'"te', b"1", b"{]", b"{} x"):
        assert rest(document, []) is None, document
