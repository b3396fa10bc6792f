"""Streams of chat completions: what passes, what is read, and how one ends that broke off."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.bodies.server_sent_event import split_events
from addons.chat_completions.stream import ChunkStream
from tests.responses.json_documents import cut_up


def chunk(**more: Any) -> bytes:
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "service_tier": "default"}
    return b"data: " + json.dumps({**common, **more}, separators=(",", ":")).encode() + b"\n\n"


def piece(text: str) -> bytes:
    return chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}], usage=None)


USAGE = chunk(
    choices=[],
    usage={
        "prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens_details": {"reasoning_tokens": 2},
    },
)  # fmt: skip
DONE = b"data: [DONE]\n\n"
SAID = piece("a") + b": keep\n\n" + piece('"usage":null, "error", [DONE]') + piece("\u00e9")
FACTS = AnswerFacts("chatcmpl-1", "m", usage=Usage(7, 1, 5, 2, 12), service_tier="default")


def through(body: bytes, sizes: list[int], *, shows_usage: bool) -> tuple[ChunkStream, bytes]:
    stream = ChunkStream(shows_usage=shows_usage)
    passed = b"".join(stream.feed(part) for part in cut_up(body, sizes))
    return stream, passed + stream.end()


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"], ids=["line feeds", "both", "carriage returns"])
@pytest.mark.parametrize("shows_usage", [True, False])
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_all_passes_but_the_chunk_nobody_asked_for(ends: bytes, shows_usage: bool, sizes: list[int]) -> None:
    stream, passed = through((SAID + USAGE + DONE).replace(b"\n", ends), sizes, shows_usage=shows_usage)
    expected = (SAID + (USAGE if shows_usage else b"") + DONE).replace(b"\n", ends)
    assert list(split_events(passed)) == list(split_events(expected))
    if shows_usage or ends != b"\r\n":  # of a blank line that came in two pieces the second may stay behind
        assert passed == expected
    assert (stream.facts, stream.finished, stream.failed, stream.unread) == (FACTS, True, False, False)


def test_a_chunk_that_says_more_than_usage_passes() -> None:
    both = chunk(choices=[{"index": 0, "delta": {}}], usage={"prompt_tokens": 1})
    stream, passed = through(both + DONE, [1000], shows_usage=False)
    assert passed == both + DONE
    assert stream.facts.usage == Usage(input_tokens=1)


@pytest.mark.parametrize("choices", [{"choices": []}, {"choices": None}, {}], ids=str)
def test_the_chunk_with_the_usage_is_known_without_choices_too(choices: dict[str, Any]) -> None:
    """A client that did not ask would look for a choice in it."""
    stream, passed = through(SAID + chunk(**choices, usage={"prompt_tokens": 1}) + DONE, [30], shows_usage=False)
    assert passed == SAID + DONE
    assert stream.facts.usage == Usage(input_tokens=1)


def test_an_error_beside_the_usage_passes() -> None:
    both = chunk(choices=[], usage={"prompt_tokens": 1}, error={"code": "c", "message": "m"})
    stream, passed = through(SAID + both, [30], shows_usage=False)
    assert passed == SAID + both
    assert (stream.finished, stream.failed, stream.facts.error_code) == (True, True, "c")


@given(at=st.integers(0, len(SAID)))
def test_a_stream_that_breaks_off_ends_in_one_event_that_is_an_error(at: int) -> None:
    stream = ChunkStream(shows_usage=False)
    passed = stream.feed(SAID[:at]) + stream.cut("stream_truncated", "It broke off.")
    *before, last = split_events(passed)
    assert passed.endswith(b"\n\n")
    assert json.loads(last)["error"]["code"] == "stream_truncated"
    assert before == list(split_events(SAID))[: len(before)]
    assert stream.cut("stream_truncated", "Again.") == b""


def test_a_large_chunk_that_breaks_off_is_made_an_error() -> None:
    stream = ChunkStream(1024, shows_usage=False)
    passed = stream.feed(piece("x" * 5000)[:4000]) + stream.cut("stream_truncated", "It broke off.")
    assert json.loads(passed.removeprefix(b"data: "))["error"]["code"] == "stream_truncated"


def test_an_error_of_the_providers_ends_it() -> None:
    stream, passed = through(SAID + b'data: {"error":{"code":"c","message":"m"}}\n\n', [30], shows_usage=False)
    assert passed.endswith(b'"m"}}\n\n')
    assert (stream.finished, stream.failed, stream.facts.error_code) == (True, True, "c")
    assert stream.cut("stream_truncated", "It broke off.") == b""


@pytest.mark.parametrize("more", [{"choices": []}, {}, {"choices": [{"index": 0, "delta": {}}]}], ids=str)
def test_an_error_in_a_chunk_is_one_wherever_it_stands(more: dict[str, Any]) -> None:
    """Beside choices or none, and beside a usage that is null."""
    odd = chunk(**more, usage=None).replace(b'"id":', b'"error":{"code":"c"},"id":')
    stream, passed = through(SAID + odd, [30], shows_usage=False)
    assert passed == SAID + odd
    assert (stream.failed, stream.facts.error_code) == (True, "c")


def test_an_error_right_before_the_choice_is_one() -> None:
    odd = piece("a").replace(b'"choices":', b'"error":{"code":"c"},"choices":')
    stream, passed = through(SAID + odd, [30], shows_usage=False)
    assert passed == SAID + odd
    assert (stream.failed, stream.facts.error_code) == (True, "c")


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        pytest.param(piece("a"), AnswerFacts("chatcmpl-1", "m", service_tier="default"), id="the first alone"),
        pytest.param(
            chunk(choices=[{"index": 0, "delta": {"content": "a"}}]),
            AnswerFacts("chatcmpl-1", "m", service_tier="default"),
            id="the first alone, which does not speak of usage",
        ),
        pytest.param(
            piece("a") + b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n',
            AnswerFacts("chatcmpl-1", "m", usage=Usage(input_tokens=1), service_tier="default"),
            id="the one with the usage need not repeat them",
        ),
        pytest.param(
            USAGE + b'data: {"error":{"code":"c"}}\n\n',
            replace(FACTS, error_code="c", failed=True),
            id="an error behind the usage takes nothing back",
        ),
    ],
)
def test_what_chunks_said_lasts(body: bytes, facts: AnswerFacts) -> None:
    stream, _ = through(body, [30], shows_usage=True)
    assert stream.facts == facts


@pytest.mark.parametrize("data", [b"{not json", b"[1]", b'{"choices":[],"usage":{"prompt_tokens":1}'], ids=str)
def test_an_event_that_cannot_be_read_passes(data: bytes) -> None:
    odd = b"data: " + data + b"\n\n"
    _, passed = through(odd + SAID + DONE, [30], shows_usage=False)
    assert passed == odd + SAID + DONE


def test_a_stream_that_ends_without_its_last_word_is_not_finished() -> None:
    stream, passed = through(SAID, [1000], shows_usage=False)
    assert passed == SAID
    assert not stream.finished


def test_a_count_that_is_none_is_told() -> None:
    stream, _ = through(chunk(choices=[], usage={"prompt_tokens": -1}) + DONE, [1000], shows_usage=True)
    assert stream.unread
    assert stream.facts.usage is None


@pytest.mark.parametrize(
    "behind", [DONE, b'data: {"usage":{}}\n\n' + DONE], ids=["it is the last", "one that says nothing follows"]
)
def test_a_count_that_is_none_does_not_make_an_answer_the_providers_error(behind: bytes) -> None:
    stream, _ = through(b'data: {"usage":{"prompt_tokens":-1}}\n\n' + behind, [1000], shows_usage=True)
    assert (stream.finished, stream.failed, stream.unread) == (True, False, True)
