"""The usage that chat completions and embeddings report."""

from typing import Any

import pytest

from addons.bodies.answer_facts import Usage
from addons.bodies.completion_usage import usage_of

WHOLE: dict[str, Any] = {
    "prompt_tokens": 20,
    "completion_tokens": 10,
    "total_tokens": 30,
    "prompt_tokens_details": {
        "cached_tokens": 4,
        "cache_write_tokens": 6,
        "cache_write_tokens_details": {"ttl_12h_tokens": 1},
    },
    "completion_tokens_details": {"reasoning_tokens": 8},
}


@pytest.mark.parametrize(
    ("reported", "read"),
    [
        (WHOLE, Usage(20, 4, 10, 8, 30, cache_write_tokens=6, cache_write_12h_tokens=1)),
        (WHOLE | {"prompt_tokens_details": None}, Usage(20, None, 10, 8, 30)),
        (WHOLE | {"completion_tokens_details": []}, Usage(20, 4, 10, None, 30, 6, 1)),
        ({"prompt_tokens": 5, "total_tokens": 5}, Usage(input_tokens=5, total_tokens=5)),
        ({"prompt_tokens": True, "total_tokens": -1}, None),
        ({}, None),
        (None, None),
        ("10", None),
    ],
)
def test_usage(reported: object, read: Usage | None) -> None:
    assert usage_of(reported) == read
