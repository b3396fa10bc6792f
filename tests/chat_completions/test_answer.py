"""What a record needs of a chat completion, however it comes; and the error that ends a stream."""

import json

import pytest

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.bodies.json_answer import JsonAnswer
from addons.chat_completions.answer import COMPLETION, error_data

CHOICE = b'{"choices":[{"message":{"content":"Hello"}}],'


@pytest.mark.parametrize("kept", [0, 10_000], ids=["abridged", "kept"])
@pytest.mark.parametrize(
    ("body", "facts"),
    [
        pytest.param(
            CHOICE + b'"id":"c","model":"m","service_tier":"default","usage":{"prompt_tokens":3,"total_tokens":3}}',
            AnswerFacts("c", "m", service_tier="default", usage=Usage(input_tokens=3, total_tokens=3)),
            id="a completion",
        ),
        pytest.param(CHOICE + b'"id":7,"model":7,"error":null}', AnswerFacts(), id="an error that is none"),
        pytest.param(b'{"error":{"code":"x"}}', AnswerFacts(error_code="x", failed=True), id="an error"),
        pytest.param(b'{"error":"x"}', AnswerFacts(failed=True), id="an error without a code"),
        pytest.param(b'{"usage":{"prompt_tokens":-1}}', AnswerFacts(unread=True), id="no count"),
        pytest.param(b'{"service_tier":7}', AnswerFacts(unread=True), id="no service tier"),
    ],
)
def test_facts(body: bytes, facts: AnswerFacts, kept: int) -> None:
    answer = JsonAnswer(COMPLETION, kept)
    answer.feed(body)
    assert answer.facts() == facts


def test_the_error_that_ends_a_stream_is_what_the_provider_would_send() -> None:
    data = error_data("x", "It broke.")
    assert json.loads(data) == {
        "error": {"message": "It broke.", "type": "server_error", "param": None, "code": "x"}
    }  # fmt: skip
    assert b"\n" not in data
