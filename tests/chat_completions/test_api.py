"""What the API says of a body that was judged: how many answers it asks for, and how long each may be."""

from typing import Any

import pytest

from addons.chat_completions.api import CHAT_COMPLETIONS


@pytest.mark.parametrize(
    ("body", "answers"),
    [
        pytest.param({}, 1, id="one where it does not say"),
        pytest.param({"n": None}, 1, id="one of null"),
        pytest.param({"n": 1}, 1, id="one"),
        pytest.param({"n": 3}, 3, id="several"),
    ],
)
def test_answers(body: dict[str, Any], answers: int) -> None:
    assert CHAT_COMPLETIONS.answers(body) == answers


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        pytest.param({}, None, id="it does not say"),
        pytest.param({"max_completion_tokens": None}, None, id="nor by null"),
        pytest.param({"max_completion_tokens": 7}, 7, id="the newer name"),
        pytest.param({"max_tokens": 8}, 8, id="the older name"),
        pytest.param({"max_tokens": 8, "max_completion_tokens": 7}, 7, id="the newer name goes first"),
        pytest.param({"max_tokens": 8, "max_completion_tokens": None}, 8, id="unless it is null"),
    ],
)
def test_output_tokens(body: dict[str, Any], tokens: int | None) -> None:
    assert CHAT_COMPLETIONS.output_tokens(body) == tokens
