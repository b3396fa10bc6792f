"""Requests and answers as a person reads them; everything bounded."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.apis.table import APIS
from addons.bodies.api import Api
from addons.inspecting.conversation_text import (
    ITEMS,
    PAGE,
    answer_lines,
    differences,
    page,
    repeated_lines,
    request_lines,
)
from addons.inspecting.instructions import BEGINNING
from addons.inspecting.shown_values import within
from addons.responses.conversation import READER


def asked(document: Any) -> str:
    return page(request_lines(READER.request(document)))


def repeated(document: Any) -> str:
    return page(repeated_lines(READER.request(document)))


def answered(response: Any) -> str:
    return page(answer_lines(READER.answer(response)))


IMAGE = "data:image/png;base64," + base64.b64encode(b"x" * 1000).decode()

REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"model": "m", "input": "Hello"}, "model: m\n\nuser:\n  Hello\n"),
    ({"instructions": "Be\nkind"}, "\ninstructions:\n  Be\n  kind\n"),
    ({"stream": True, "reasoning": {"effort": "low"}}, 'stream: true\nreasoning: {effort: "low"}\n'),
    (
        {"tools": [{"type": "function", "name": "f"}, {"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "g"}]}]},  # noqa: E501 - one case a line
        "tools: f (function), n (namespace) of [g (custom)]\n",
    ),
    (
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": IMAGE}]}]},
        "\nuser:\n  [input_image: image/png, 1,000 bytes]\n",
    ),
    (
        {"input": [{"role": "user", "content": [{"type": "input_file", "filename": "a.pdf", "file_data": "eHh4"}]}]},
        "\nuser:\n  [input_file a.pdf: base64, 3 bytes]\n",
    ),
    (
        {"input": [{"type": "function_call", "name": "f", "call_id": "c1", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c1", "output": "42"}]},  # noqa: E501 - one case a line
        "\nfunction_call f [c1]:\n  {}\n\nfunction_call_output [c1]:\n  42\n",
    ),
    (
        {"input": [{"type": "reasoning", "encrypted_content": "abc", "summary": []}]},
        "\nreasoning [encrypted, 3 characters]:\n  (nothing)\n",
    ),
    ({"input": [{"type": "unheard_of", "id": "i", "x": 1}]}, "\nunheard_of:\n  {x: 1}\n"),
    (
        {"input": [{"type": "unheard_of", "id": "i", "status": "s", "call_id": "c", "name": "n", "x": 1}]},
        "\nunheard_of n [c]:\n  {x: 1}\n",
    ),
    ({"input": 7}, "\ninput:\n  7\n"),
    ({"input": ["x"]}, "\nitem:\n  x\n"),
    ({"input": [{"type": "reasoning", "summary": [{"text": "Hm"}]}]}, "\nreasoning:\n  Hm\n"),
    ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]}, "\nuser:\n  Hi\n"),
    *(
        ({"input": [{"content": [{"type": "input_file", where: "f"}]}]}, "\nmessage:\n  [input_file: f]\n")
        for where in ("file_url", "file_id")
    ),
    ({"input": "data:,hello"}, "\nuser:\n  text/plain, 5 bytes\n"),
    ({"tools": [{"type": "web_search"}]}, "tools: web_search\n"),
    ({"metadata": {"k": "v" * 999}}, 'metadata: {k: "' + "v" * 295 + " …\n"),
    *(
        ({"input": [{"type": "t", "x": 1, telling: "v"}]}, "\nt:\n  v\n")
        for telling in ("arguments", "input", "output", "action", "operation", "tools", "encrypted_content")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), REQUESTS)
def test_request(document: dict[str, Any], expected: str) -> None:
    assert asked(document) == expected


ANSWERS: list[tuple[dict[str, Any], str]] = [
    (
        {
            "id": "r", "model": "m", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
            "usage": {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 2},
            "output": [{"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}],
        },
        (
            "id: r\nmodel: m\nstatus: incomplete\nfinish reason: max_output_tokens\n"
            "usage: input 3, cached 1, output 2\n\nassistant:\n  refusal: No.\n"
        ),
    ),
    (
        {"events": 3, "usage": {"output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}}},
        "events: 3\nusage: output 2, reasoning 1\n",
    ),
    ({"error": {"code": "x", "message": "y"}}, '\nerror:\n  {code: "x", message: "y"}\n'),
]  # fmt: skip


@pytest.mark.parametrize(("response", "expected"), ANSWERS)
def test_answer(response: dict[str, Any], expected: str) -> None:
    assert answered(response) == expected


PROMPT = "You are careful.\n" + "A rule. " * 1000
BRIEF = f"{PROMPT[:BEGINNING].rstrip()} …\n  [{len(PROMPT) - BEGINNING:,} more characters, at the end of this page]\n"
INDENTED = PROMPT.replace("\n", "\n  ")


@pytest.mark.parametrize(
    ("document", "name"),
    [
        pytest.param({"instructions": PROMPT, "input": "Hi"}, "instructions", id="as a field"),
        *(
            pytest.param(
                {"input": [{"role": role, "content": content}, {"role": "user", "content": "Hi"}]}, role, id=where
            )
            for role, content, where in (
                ("system", PROMPT, "as a message"),
                ("developer", [{"type": "input_text", "text": PROMPT}], "as a part"),
            )
        ),
    ],
)
def test_long_instructions_keep_nobody_from_what_was_asked(document: dict[str, Any], name: str) -> None:
    assert asked(document) == f"\n{name}:\n  {BRIEF}\nuser:\n  Hi\n".replace("careful.\n", "careful.\n  ")
    assert repeated(document) == f"\n== In full\n\n{name}:\n  {INDENTED}\n"


@pytest.mark.parametrize(
    "document",
    [
        {"instructions": "x" * 2 * BEGINNING, "input": "Hi"},
        {"instructions": 7, "input": [{"role": "system", "content": 7}, {"role": "system"}]},
        {"input": [{"role": "system", "content": [{"type": "input_image", "image_url": IMAGE}, {"text": PROMPT}]}]},
        {"input": [{"role": "user", "content": PROMPT}]},
    ],
    ids=["hardly long", "no text", "more than text", "not the app's"],
)
def test_what_stands_where_it_was_said(document: dict[str, Any]) -> None:
    assert "at the end of this page" not in asked(document)
    assert repeated(document) == "\n"


def test_of_a_long_history_what_is_new_comes_first() -> None:
    turns = [{"role": role, "content": f"{role} {turn}"} for turn in range(60) for role in ("user", "assistant")]
    document = {"input": [*turns, {"role": "user", "content": "And now?"}]}
    assert asked(document) == "\nuser:\n  And now?\n"
    assert repeated(document).startswith("\n== Before that: 120 items, which the app sent again\n  user: user 0\n")


def test_what_is_left_out_is_counted() -> None:
    text = asked({"input": [{"role": "user", "content": "a" * 50_000}] * 300, "metadata": {"k": "v" * 999}})
    assert len(text) < PAGE + 200
    assert "[… 30,000 more characters]" in text
    assert "[… cut here: a view holds 200,000 characters]" in text
    assert "[… 100 more items]" in asked({"input": [{"role": "user", "content": "a"}] * 300})


@pytest.mark.parametrize(
    ("many", "mark"),
    [
        (lambda count: {"tools": [{"type": "custom"}] * count}, ", … 1 more\n"),
        (lambda count: {"input": [{"role": "user", "content": [{"text": "a"}] * count}]}, "\n  [… 1 more]\n"),
        (lambda count: {"input": ["a"] * count}, "\n[… 1 more items]\n"),
    ],
)
def test_no_list_is_shown_beyond_its_bound(many: Callable[[int], Any], mark: str) -> None:
    assert "more" not in asked(many(ITEMS))
    assert asked(many(ITEMS + 1)).endswith(mark)


def test_a_page_is_cut_at_its_bound() -> None:
    assert page(["a" * PAGE]) == "a" * PAGE + "\n"
    assert page(["a" * (PAGE + 1)]).startswith("a" * PAGE + "\n[… cut here")
    assert "cut here" in page(["a" * (PAGE - 1), "b"])  # the end of a line counts


def test_a_large_body_is_shown_short() -> None:
    huge = "data:image/png;base64," + "A" * 20_000_000
    document = {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": huge}]}], "metadata": huge}
    assert len(asked(document)) < 500


def test_differences() -> None:
    sent = {"model": "a", "store": True, "user": "u", "same": [1]}
    left = {"model": "b", "store": False, "same": [1], "include": ["x"]}
    assert list(differences(sent, left)) == [
        "model: a -> b",
        "store: true -> false",
        "user: u -> (absent)",
        'include: (absent) -> ["x"]',
    ]


DEEP: list[tuple[Any, Any, list[str]]] = [
    (
        {"messages": [{"role": "user"}, {"tool_calls": [{"id": "c", "index": 0}]}]},
        {"messages": [{"role": "user"}, {"tool_calls": [{"id": "c"}]}]},
        ["messages[1].tool_calls[0].index: 0 -> (absent)"],
    ),
    (
        {"stream_options": {"include_usage": False, "include_obfuscation": False}},
        {"stream_options": {"include_usage": True, "include_obfuscation": False}},
        ["stream_options.include_usage: false -> true"],
    ),
    ({"tools": ["a", "b"]}, {"tools": ["b"]}, ['tools: ["a", "b"] -> ["b"]']),
    ({"a": {"b": 1}}, {"a": None}, ["a: {b: 1} -> null"]),
    ({"a": 1}, {"a": 1}, []),
    ({"a": 1}, "text", []),
]


@pytest.mark.parametrize(("sent", "left", "expected"), DEEP)
def test_a_difference_is_told_by_its_path(sent: Any, left: Any, expected: list[str]) -> None:
    assert list(differences(sent, left)) == expected


def test_differences_are_bounded() -> None:
    sent: Any = {"a": 1}
    for _ in range(60):
        sent = {"a": sent}
    (told,) = differences(sent, {**sent, "a": {"a": {**sent["a"]["a"], "b": 1}}})
    assert told == "a.a.b: (absent) -> 1"
    many = {"a": [{"b": place} for place in range(2 * ITEMS)]}
    assert len(list(differences(many, {"a": [{}] * 2 * ITEMS}))) == ITEMS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from([
            "type", "role", "content", "input", "tools", "output", "summary", "error", "call_id", "messages", "choices",
            "message", "delta", "tool_calls", "function", "function_call", "index", "data", "embedding", "usage",
        ]) | st.text(),
        inner,
    ),
    max_leaves=30,
)  # fmt: skip


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
@settings(deadline=None)
@given(
    bodies=st.dictionaries(st.sampled_from(["input", "messages", "choices", "data", "output", "tools"]), json_values)
)
def test_no_reader_raises(api: Api, bodies: dict[str, Any]) -> None:
    for lines in (
        request_lines(api.reader.request(bodies)),
        repeated_lines(api.reader.request(bodies)),
        answer_lines(api.reader.answer(bodies)),
        differences(bodies, bodies),
    ):
        assert isinstance(page(lines), str)


def test_a_value_is_built_no_further_than_it_is_shown() -> None:
    pieces = iter("abcdef" * 1000)
    assert "".join(within(pieces, 3)) == "abcd"
    assert next(pieces) == "e"
