"""Where files and URLs stand: what decides of one, and what a message calls it (docs/contract.md#files-and-urls)."""

from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.content import FETCHED_URL, INLINE_FILE
from addons.responses.api import RESPONSES
from tests.gates.calls import GPT


@pytest.mark.parametrize(
    ("text", "url", "file"),
    [
        pytest.param("data:image/png;base64,AA==", "data", "data", id="in the body itself"),
        pytest.param("DATA:,a", "data", "data", id="in the body itself, in capitals"),
        pytest.param("https://x.example/a.png", "http", "http", id="an address"),
        pytest.param("HTTP://x.example/a.png", "http", "http", id="an address in capitals"),
        pytest.param(" https://x.example/a.png", "other", "other", id="white space before it"),
        pytest.param("//x.example/a.png", "other", "other", id="an address without a scheme"),
        pytest.param("gs://bucket/a", "other", "other", id="another scheme"),
        pytest.param("httpsx:a", "other", "other", id="a scheme that begins as one that is known"),
        pytest.param("iVBORw0KGgo=", "other", "base64", id="a file by its bytes"),
        pytest.param("iVBO-_w\r\nKGgo=", "other", "base64", id="in lines, or in the alphabet of URLs"),
        pytest.param("", "other", "base64", id="nothing"),
    ],
)
def test_what_decides(text: str, url: str, file: str) -> None:
    assert (FETCHED_URL.key(text), INLINE_FILE.key(text)) == (url, file)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("https://x.example/secret", 'a URL that begins with "https:"', id="by its scheme alone"),
        pytest.param("HTTPS://x.example/secret", 'a URL that begins with "HTTPS:"', id="as it was written"),
        pytest.param("/secret", "a URL without a scheme", id="without a scheme"),
        pytest.param(f"{'x' * 12}:secret", f'a URL that begins with "{"x" * 12}:"', id="as long as schemes are"),
        pytest.param(f"{'x' * 13}:secret", "a URL of unknown scheme", id="longer than schemes are: it may be a text"),
    ],
)
def test_what_a_message_calls_it(text: str, told: str) -> None:
    for shape in (FETCHED_URL, INLINE_FILE):
        assert shape.written
        assert shape.written(text) == told


@pytest.mark.parametrize(
    ("mark", "rules"),
    [
        ({}, []),
        ({"mode": "x"}, []),
        ({"ttl": "30m"}, []),
        ({"ttl": "12h"}, ["ZERO_DATA_RETENTION"]),
        ({"ttl": "1d"}, ["UNKNOWN"]),
        ({"x": 1}, ["UNKNOWN"]),
    ],
    ids=str,
)
def test_for_how_long_a_part_may_stay_in_a_cache(mark: dict[str, Any], rules: list[str]) -> None:
    part = {"type": "input_text", "text": "x", "prompt_cache_breakpoint": mark}
    body = {"input": [{"role": "user", "content": [part]}]}
    assert [each.rule for each in BodyPolicy(RESPONSES, PolicySettings()).judge(body, GPT).refused] == rules
