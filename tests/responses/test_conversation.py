"""A request or an answer of the Responses API as a person reads it: what is told in a line, and what in a block."""

from typing import Any

import pytest

from addons.inspecting.conversation_text import answer_lines, page, request_lines
from addons.responses.conversation import READER


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"model": "m", "input": "Hi"}, "model: m\n\nuser:\n  Hi\n", id="a text is what the user said"),
        pytest.param(
            {"instructions": "Be kind", "input": [{"role": "user", "content": "Hi"}]},
            "\ninstructions:\n  Be kind\n\nuser:\n  Hi\n",
            id="instructions come before",
        ),
        pytest.param({"tools": [{"type": "web_search"}]}, "tools: web_search\n", id="tools in a line"),
        pytest.param({"input": 7}, "\ninput:\n  7\n", id="an input that is none, as it came"),
    ],
)
def test_request(document: dict[str, Any], expected: str) -> None:
    assert page(request_lines(READER.request(document))) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(
            {
                "id": "r", "model": "m", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
                "usage": {"input_tokens": 3}, "output": [{"role": "assistant", "content": "Hello"}],
            },
            (
                "id: r\nmodel: m\nstatus: incomplete\nfinish reason: max_output_tokens\nusage: input 3\n"
                "\nassistant:\n  Hello\n"
            ),
            id="a response",
        ),
        pytest.param({"error": {"code": "x"}, "output": []}, '\nerror:\n  {code: "x"}\n', id="an error"),
        pytest.param({"output": "Hello"}, "\noutput:\n  Hello\n", id="an output that is none, as it came"),
    ],
)  # fmt: skip
def test_answer(response: dict[str, Any], expected: str) -> None:
    assert page(answer_lines(READER.answer(response))) == expected


def test_a_stream_is_read_as_the_answer_that_it_tells_of() -> None:
    stream = b'data: {"type":"response.completed","response":{"id":"r","output":[]}}\n\n'
    assert READER.put_together
    assert page(answer_lines(READER.answer(READER.put_together(stream)))) == "id: r\nevents: 1\n"
