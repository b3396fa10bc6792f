"""Which recorded call answers, and what is said when none does."""

from typing import Any

import pytest

from addons.cassettes.cassette import Cassette, Content, Header, RecordedAnswer, RecordedCall
from addons.cassettes.matching import Matching, MissError
from addons.cassettes.redaction import Redaction

API = "responses"
HELLO: dict[str, Any] = {"model": "gpt-5.2", "input": "Hello", "tools": [{"type": "function", "name": "f"}]}
OTHER = {"model": "gpt-5.2", "input": "Something else"}
RECORDED: list[dict[str, Any]] = [HELLO, OTHER, HELLO]


def matching(content: Content, bodies: list[dict[str, Any]] = RECORDED, *, once: bool = False) -> Matching:
    calls = {}
    for number, body in enumerate(bodies, 2):
        request: Any = Redaction("salt").document(body) if content == "redacted" else body
        calls[number] = RecordedCall(request=request, answer=RecordedAnswer(status=200, began=number, ended="whole"))
    return Matching(Cassette("calls.jsonl", Header(content=content, salt="salt"), calls), once=once)


@pytest.fixture(params=["redacted", "kept"])
def content(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_equal_requests_are_answered_in_order_and_then_by_the_last(content: Content) -> None:
    found = matching(content)
    lines = [found.find(API, body).answer.began for body in (HELLO, HELLO, OTHER, HELLO, OTHER)]
    assert lines == [2, 4, 3, 4, 3]


@pytest.mark.parametrize(
    "body",
    [
        dict(reversed(HELLO.items())),
        {**HELLO, "tools": [{"name": "f", "type": "function"}]},
        {**HELLO, "safety_identifier": "somebody", "prompt_cache_key": "else"},
    ],
)
def test_what_makes_no_difference(content: Content, body: dict[str, Any]) -> None:
    assert matching(content).find(API, body).answer.began == 2


def test_once(content: Content) -> None:
    found = matching(content, once=True)
    for body in (HELLO, HELLO, OTHER):
        found.find(API, body)
    with pytest.raises(MissError, match=r"calls\.jsonl holds this call 2 times \(lines 2, 4\).*--once"):
        found.find(API, HELLO)
    with pytest.raises(MissError, match=r"holds this call once \(line 3\)"):
        found.find(API, OTHER)


@pytest.mark.parametrize(
    ("body", "line", "members"),
    [
        ({**OTHER, "input": "?"}, 3, ("input",)),
        ({**HELLO, "tools": []}, 2, ("tools",)),
        ({**HELLO, "temperature": 1, "stream": True}, 2, ("stream", "temperature")),
        ({"model": "gpt-5.2", "input": "Hello"}, 2, ("tools",)),
    ],
)
def test_a_miss_names_the_nearest(content: Content, body: dict[str, Any], line: int, members: tuple[str, ...]) -> None:
    with pytest.raises(MissError) as raised:
        matching(content).find(API, body)
    assert raised.value.members == members
    assert f"calls.jsonl fits this one. The nearest, on line {line}, differs in {', '.join(members)}." in str(
        raised.value
    )


def test_an_empty_cassette(content: Content) -> None:
    with pytest.raises(MissError, match="no call of the API responses"):
        matching(content, []).find(API, HELLO)


def test_a_call_is_answered_out_of_its_own_api_alone(content: Content) -> None:
    found = matching(content)
    with pytest.raises(MissError, match="no call of the API embeddings"):
        found.find("embeddings", HELLO)
    assert found.find(API, HELLO).answer.began == 2
