"""Answers in one piece, of every size and in every split."""

import json
from dataclasses import replace

import pytest

from addons.bodies.answer_facts import AnswerFacts
from addons.bodies.json_answer import JsonAnswer
from addons.responses.answer import RESPONSE as DOCUMENT
from addons.responses.answer import facts_from_body
from tests.responses.json_documents import cut_up
from tests.responses.test_stream import FACTS, RESPONSE

BODY = json.dumps(RESPONSE, ensure_ascii=False).encode()


def fed(body: bytes, sizes: list[int], kept: int) -> JsonAnswer:
    answer = JsonAnswer(DOCUMENT, kept)
    for piece in cut_up(body, sizes):
        answer.feed(piece)
    return answer


@pytest.mark.parametrize("kept", [0, 30, 10_000], ids=["abridged", "abridged after a while", "kept"])
@pytest.mark.parametrize("sizes", [[], [1], [2, 3], [50]])
@pytest.mark.parametrize(
    ("body", "facts", "complete"),
    [
        pytest.param(BODY, FACTS, True, id="a response"),
        pytest.param(b"\xef\xbb\xbf " + BODY + b"\n", FACTS, True, id="white space and a byte order mark around it"),
        pytest.param(b'{"error":{"code":"x"}}', AnswerFacts(error_code="x", failed=True), True, id="an error, 200"),
        pytest.param(BODY[:-1], replace(FACTS, unread=True), False, id="one byte short"),
        pytest.param(BODY[:30], AnswerFacts("resp_1", unread=True), False, id="cut in the model"),
        pytest.param(b'{"id":"a","usage":{"input_tokens":-1}}', AnswerFacts("a", unread=True), True, id="no count"),
        pytest.param(b'{"id":"a","usage":[]}', AnswerFacts("a", unread=True), True, id="no usage"),
        pytest.param(b"[1]", AnswerFacts(unread=True), False, id="no object"),
        pytest.param(b'"text"', AnswerFacts(unread=True), False, id="a text"),
        pytest.param(b"<html>", AnswerFacts(unread=True), False, id="no JSON"),
        pytest.param(b"", AnswerFacts(unread=True), False, id="nothing"),
        pytest.param(BODY + b"{}", replace(FACTS, unread=True), False, id="something behind it"),
    ],
)  # fmt: skip
def test_facts(body: bytes, facts: AnswerFacts, complete: bool, sizes: list[int], kept: int) -> None:
    answer = fed(body, sizes, kept)
    for _ in range(2):
        assert (answer.facts(), answer.complete, answer.unread) == (facts, complete, facts.unread)


def test_no_more_is_kept_than_may_be() -> None:
    answer = fed(b" " * 100, [10], 100)
    assert len(answer._kept) == 100, "up to there it is kept whole"
    answer.feed(b" ")
    assert len(answer._kept) == 0
    for piece in cut_up(BODY, [10]):
        answer.feed(piece)
        assert len(answer._kept) == 0
    assert answer.facts() == FACTS


@pytest.mark.parametrize("kept", [0, 10_000], ids=["abridged", "kept"])
def test_nothing_is_kept_of_what_was_read(kept: int) -> None:
    answer = fed(BODY, [50], kept)
    assert answer.facts() == FACTS
    assert len(answer._kept) == 0


@pytest.mark.parametrize("size", [1000, 65_536])
def test_an_answer_of_any_size_is_read_with_bounded_memory(size: int) -> None:
    body = json.dumps({"output": "x" * 3_000_000, **RESPONSE, "tools": [{}] * 100_000}).encode()
    answer, most = JsonAnswer(DOCUMENT), 0
    for piece in cut_up(body, [size]):
        answer.feed(piece)
        most = max(most, len(answer._kept) + len(answer._abridged._kept if answer._abridged else b""))
    assert (answer.facts(), answer.complete, answer.unread) == (facts_from_body(body), True, False)
    assert most <= 1024 * 1024 + size
