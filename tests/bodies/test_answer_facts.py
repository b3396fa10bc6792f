"""What an answer says of itself: whether it is a result at all, and which numbers can be counts of tokens."""

from typing import Any

import msgspec
import pytest

from addons.bodies.answer_facts import MAX_COUNT, UNDECODABLE, AnswerFacts, Usage, has_unreadable_count, made_out


@pytest.mark.parametrize(
    ("facts", "is_result"),
    [
        pytest.param(AnswerFacts(), False, id="nothing"),
        pytest.param(AnswerFacts(service_tier="default", status="completed"), False, id="no more than a tier"),
        pytest.param(AnswerFacts(response_id="r"), True, id="an id"),
        pytest.param(AnswerFacts(model="m"), True, id="a model"),
        pytest.param(AnswerFacts(usage=Usage(total_tokens=1)), True, id="a usage"),
        pytest.param(AnswerFacts(unread=True), True, id="something that could not be read"),
    ],
)
def test_what_says_what_every_result_says_is_one(facts: AnswerFacts, is_result: bool) -> None:
    assert facts.is_result == is_result


KNOWN = (
    "input_tokens", "prompt_tokens", "cached_tokens", "cache_write_tokens", "ttl_12h_tokens", "output_tokens",
    "completion_tokens", "reasoning_tokens", "total_tokens",
)  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "unreadable"),
    [
        pytest.param(None, False, id="no report"),
        pytest.param({}, False, id="an empty report"),
        pytest.param(7, True, id="a number for a report"),
        pytest.param({"input_tokens": None}, False, id="no count"),
        pytest.param({"input_tokens": "7"}, True, id="a text for a count"),
        pytest.param({"tokens_of_next_year": 0}, False, id="a number nobody knows"),
        pytest.param({"tokens_of_next_year": MAX_COUNT}, False, id="a large one"),
        pytest.param({"tokens_of_next_year": MAX_COUNT + 1}, True, id="one too large to be a count"),
        pytest.param({"tokens_of_next_year": -1}, True, id="one too small to be a count"),
        pytest.param({"of_next_year": {"deeper": {"tokens": -1}}}, True, id="the same, two levels deeper"),
        pytest.param({"of_next_year": {"price": 0.5, "currency": "EUR"}}, False, id="a price"),
        *(pytest.param({"details": {name: "7"}}, True, id=f"a text for {name}") for name in KNOWN),
    ],
)
def test_which_reports_are_believed(usage: Any, unreadable: bool) -> None:
    assert has_unreadable_count(usage) == unreadable


@pytest.mark.parametrize(
    ("document", "raised"),
    [(b"{", msgspec.MsgspecError), (b'"\xff"', UnicodeDecodeError), (b"[" * 100_000, RecursionError)],
    ids=["half", "no UTF-8", "deep"],
)
def test_what_the_decoder_raises_is_known(document: bytes, raised: type[Exception]) -> None:
    with pytest.raises(UNDECODABLE) as caught:
        msgspec.json.decode(document)
    assert issubclass(caught.type, raised)


@pytest.mark.parametrize(
    ("document", "made"),
    [
        pytest.param(b'{"id":"a\xff"}', ({"id": "a\N{REPLACEMENT CHARACTER}"}, True), id="no UTF-8"),
        pytest.param(b'{"id":"a"', ({"id": "a"}, False), id="half a document"),
        pytest.param(b'{"id":"a"} x', ({"id": "a"}, False), id="something behind it"),
        pytest.param(b"<html>", (None, False), id="no JSON"),
    ],
)
def test_what_can_be_made_out_of_what_the_decoder_refuses(document: bytes, made: tuple[Any, bool]) -> None:
    assert made_out(document, {"id": None}) == made


@pytest.mark.parametrize("digits", [1, 4_299, 4_300, 4_301, 15_000])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_number_of_any_length_is_no_count(sign: str, digits: int) -> None:
    """Python itself converts no more than 4,300 digits."""
    found, whole = made_out(f'{{"n":{sign}{"9" * digits}}}'.encode(), {"n": None})
    assert whole
    assert (0 <= found["n"] <= MAX_COUNT) == (digits == 1 and not sign)
