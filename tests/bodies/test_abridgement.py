"""Documents of every shape in pieces of every size, against a parser that has the whole of them."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.bodies.abridgement import MAX_ANSWER_DEPTH, MAX_BYTES, MAX_VALUE_BYTES, Abridgement
from tests.responses.json_documents import a_value, an_object, cut_up, pruned

WANTED = {"id": None, "usage": None, "error": {"code": None}, "response": {"id": None, "error": {"code": None}}}
SEEDS = st.integers(0, 2**32)
SIZES = st.lists(st.integers(1, 9) | st.integers(1, 200), max_size=8)


def abridged(document: bytes, sizes: list[int] | None = None) -> Abridgement:
    read = Abridgement(WANTED)
    for piece in cut_up(document, sizes or []):
        read.feed(piece)
    return read


@settings(max_examples=400)
@given(SEEDS, st.booleans(), SIZES)
def test_agrees_with_a_full_parser_on_any_document_in_any_split(seed: int, mostly: bool, sizes: list[int]) -> None:
    document = (an_object if mostly else a_value)(Random(seed))
    read = abridged(document.encode(), sizes)
    assert json.loads(read.document()) == pruned(json.loads(document), WANTED)
    assert read.complete
    assert not read.unread


@settings(max_examples=400)
@given(SEEDS, st.integers(0, 400), SIZES)
def test_of_half_a_document_what_came_whole_is_told(seed: int, length: int, sizes: list[int]) -> None:
    whole = an_object(Random(seed)).encode()
    half = whole[: min(length, len(whole) - 1)]
    read = abridged(half, sizes)
    assert read.document() == abridged(half).document()
    if half.strip():
        json.loads(read.document())
    assert not read.complete


@settings(max_examples=400)
@given(st.lists(st.binary(max_size=20) | st.sampled_from([b'{"id":', b'"\\', b"}", b"]", b"1", b",", b'"'])), SIZES)
def test_never_raises(pieces: list[bytes], sizes: list[int]) -> None:
    document = b"".join(pieces)
    assert abridged(document, sizes).document() == abridged(document).document()


@pytest.mark.parametrize("size", [7, 1000, 100_000, 50_000_000])
@pytest.mark.parametrize(
    "between",
    [b'"' + b"x" * 300_000 + b'"', b"[" + b'{"a":[1,"}"]},' * 20_000 + b"0]"],
    ids=["one long string", "many small values"],
)
def test_memory_is_bounded_whatever_lies_between(between: bytes, size: int) -> None:
    read = Abridgement(WANTED)
    most = 0
    for piece in cut_up(b'{"id":"a","output":' + between + b',"usage":{"input_tokens":3}}', [size]):
        read.feed(piece)
        most = max(most, len(read._kept) + len(read.brackets) + len(read.escape))
    assert json.loads(read.document()) == {"id": "a", "usage": {"input_tokens": 3}}
    assert most < 200


@pytest.mark.parametrize("size", [1, 100, 10_000])
@pytest.mark.parametrize("key", [b"x" * 1000, b"id" + b"x" * 1000, b"\\" * 1000, b'\\"' * 1000])
def test_a_name_too_long_to_be_wanted_is_not_kept(key: bytes, size: int) -> None:
    read = Abridgement(WANTED)
    for piece in cut_up(b'{"' + key + b'":1,"\\u0069d":2}', [size]):
        read.feed(piece)
        assert len(read._key) <= 128
    assert (json.loads(read.document()), read.unread) == ({"id": 2}, False)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_wanted_value_too_long_to_keep_is_null_and_told(size: int) -> None:
    document = b'{"usage":[' + b"1," * MAX_VALUE_BYTES + b'1],"id":"a"}'
    read = abridged(document, [size])
    assert (json.loads(read.document()), read.complete, read.unread) == ({"usage": None, "id": "a"}, True, True)


def test_wanted_values_without_end_are_not_kept_without_end() -> None:
    read = abridged(b"{" + b'"id":"x",' * MAX_BYTES + b'"id":"last"}')
    assert len(read.document()) < MAX_BYTES + MAX_VALUE_BYTES
    assert (json.loads(read.document()), read.complete, read.unread) == ({"id": "x"}, True, True)


@pytest.mark.parametrize("depth", [MAX_ANSWER_DEPTH, MAX_ANSWER_DEPTH + 1, 1_000_000])
def test_depth_is_bounded(depth: int) -> None:
    read = abridged(b"[" * depth, [1000])
    assert len(read.brackets) <= MAX_ANSWER_DEPTH + 1
    assert read.unread == (depth > MAX_ANSWER_DEPTH)


@pytest.mark.parametrize(
    "document", [b"]", b",", b":1", b"1 2", b'{"id" "x"}', b'{"id":"x"]', b"{}{}", b'{"id":"x"} y', b'{"output":[1}}']
)
def test_what_is_no_json_is_told(document: bytes) -> None:
    read = abridged(document)
    assert read.unread
    assert not read.complete


@pytest.mark.parametrize("size", [100, 1, 2, 5])
@pytest.mark.parametrize(
    ("document", "left"),
    [
        (b'{"x":"\\uZZZZZZ","id":1}', b'{"id":1}'),
        (b'{"x":"\\uZZ","id":1}', b'{"id":1}'),
        (b'{"id":"\\uZZ"}', b'{"id":"\\uZZ"}'),
        (b'{"id":"\\u12"}', b'{"id":"\\u12"}'),
    ],
)
def test_an_escape_that_is_none_is_passed_over(document: bytes, left: bytes, size: int) -> None:
    read = abridged(document, [size])
    assert (read.document(), read.complete) == (left, True)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_byte_order_mark(size: int) -> None:
    assert abridged(b'\xef\xbb\xbf{"id":1}', [size]).document() == b'{"id":1}'


@pytest.mark.parametrize(
    "document",
    ['{"id":"\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}"}', '"\N{ARABIC LIGATURE BISMILLAH AR-RAHMAN AR-RAHEEM}"'],
)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_bytes_of_the_mark_within_a_text_stay(document: str, size: int) -> None:
    assert abridged(document.encode(), [size]).document() == document.encode()
