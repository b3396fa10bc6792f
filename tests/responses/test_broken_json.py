"""Objects cut off at any byte, and made whole."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.responses.abridgement import Abridgement
from addons.responses.broken_json import rest_of
from tests.responses.json_documents import cut_up, objects


def rest(document: bytes, sizes: list[int]) -> bytes | None:
    read = Abridgement({"usage": None})
    for piece in cut_up(document, sizes):
        read.feed(piece)
    return rest_of(read, document[-8:], b'"error":"ours"')


@settings(max_examples=400, deadline=None)
@given(objects, st.lists(st.integers(1, 30), max_size=5), st.data())
def test_an_object_that_broke_off_anywhere(document: str, sizes: list[int], data: st.DataObject) -> None:
    half = document[: data.draw(st.integers(0, len(document) - 1))].encode()
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


def test_where_nothing_can_help() -> None:
    for document in (b"{}", b'{"a":1} ', b"[1", b'"te', b"1", b"{]", b"{} x"):
        assert rest(document, []) is None, document
