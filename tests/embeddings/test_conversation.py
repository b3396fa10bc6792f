"""Embeddings as a person reads them: what was asked about, and how much came back."""

import base64
from typing import Any

import pytest

from addons.embeddings.conversation import READER
from addons.inspecting.conversation_text import answer_lines, page, request_lines


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"model": "m", "dimensions": 2, "input": "Hi"}, "model: m\ndimensions: 2\n\ninput:\n  Hi\n"),
        ({"input": ["a", "b"]}, "\ninput:\n  a\n  b\n"),
        ({"input": [1, 2, 3]}, "\ninput:\n  [3 tokens]\n"),
        ({"input": [7]}, "\ninput:\n  [1 tokens]\n"),
        ({"input": [[1, 2], [3]]}, "\ninput:\n  [2 tokens]\n  [1 tokens]\n"),
        ({"input": []}, "\ninput:\n"),
        ({}, "\ninput:\n  (nothing)\n"),
    ],
)
def test_request(document: dict[str, Any], expected: str) -> None:
    assert page(request_lines(READER.request(document))) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            {"model": "m", "data": [{"embedding": [0.5] * 1536}] * 2, "usage": {"prompt_tokens": 3, "total_tokens": 3}},
            "model: m\nembeddings: 2, of 1,536 numbers\nusage: input 3\n",
        ),
        ({"data": [{"embedding": base64.b64encode(bytes(32)).decode()}]}, "embeddings: 1, of 8 numbers\n"),
        ({"data": [{"embedding": [1]}, {"embedding": []}, 7]}, "embeddings: 3, of 0 or 1 numbers\n"),
        ({"data": [{"embedding": [1, 2]}, 7]}, "embeddings: 2, of 0 or 2 numbers\n"),
        ({"data": []}, "embeddings: none\n"),
        ({"error": {"code": "x"}}, '\nerror:\n  {code: "x"}\n'),
        ({"data": 7}, "\n"),
    ],
)
def test_answer(answer: dict[str, Any], expected: str) -> None:
    assert page(answer_lines(READER.answer(answer))) == expected
