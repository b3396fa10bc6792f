"""What a record needs of a list of embeddings, however it comes."""

import pytest

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.bodies.json_answer import JsonAnswer
from addons.embeddings.answer import LIST

NUMBERS = b'{"data":[{"embedding":[0.5,0.25]}],'
USED = b'"usage":{"prompt_tokens":3,"total_tokens":3}'


@pytest.mark.parametrize("kept", [0, 10_000], ids=["abridged", "kept"])
@pytest.mark.parametrize(
    ("body", "facts"),
    [
        pytest.param(
            NUMBERS + b'"model":"m",' + USED + b"}",
            AnswerFacts(model="m", usage=Usage(input_tokens=3, total_tokens=3)),
            id="a list",
        ),
        pytest.param(NUMBERS + b'"model":"m"}', AnswerFacts(model="m"), id="no usage"),
        pytest.param(NUMBERS + b'"model":7,"error":null}', AnswerFacts(), id="an error that is none"),
        pytest.param(b'{"error":{"code":"x"}}', AnswerFacts(error_code="x", failed=True), id="an error"),
        pytest.param(b'{"error":"x"}', AnswerFacts(failed=True), id="an error without a code"),
        pytest.param(b'{"usage":{"prompt_tokens":-1}}', AnswerFacts(unread=True), id="no count"),
    ],
)
def test_facts(body: bytes, facts: AnswerFacts, kept: int) -> None:
    answer = JsonAnswer(LIST, kept)
    answer.feed(body)
    assert answer.facts() == facts
