"""What of a conversation is new, and what stands beside what."""

from typing import Any

import pytest

from addons.bodies.conversation import Conversation
from addons.inspecting.conversation_text import answer_lines, page, repeated_lines, request_lines
from addons.inspecting.turns import SHOWN_WHOLE, last_said, turns


def said(role: str, text: str = "x") -> dict[str, Any]:
    return {"role": role, "content": text}


def call(name: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": name, "name": "f", "arguments": "{}"}


def output(name: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": name, "output": "1"}


NAMED: Any = {"type": "function_call", "name": "f", "arguments": "{}"}
NAMED_OUTPUT: Any = {"type": "function_output", "name": "f", "output": "1"}
LONG: list[Any] = [said("user", "first"), said("assistant")] * SHOWN_WHOLE


@pytest.mark.parametrize(
    ("items", "new", "earlier"),
    [
        ([], [], 0),
        (LONG[:SHOWN_WHOLE], LONG[:SHOWN_WHOLE], 0),
        ([*LONG, said("user", "new")], [said("user", "new")], len(LONG)),
        ([*LONG, said("developer"), said("user", "new")], [said("developer"), said("user", "new")], len(LONG)),
        ([*LONG, call("a"), output("a")], [call("a"), output("a")], len(LONG)),
        ([*LONG, call("a"), call("b"), output("a"), output("b")], [call("b"), output("b")], len(LONG) + 2),
        (LONG, [LONG[-1]], len(LONG) - 1),
        ([said("user")] * 20, [said("user")] * 20, 0),
        ([7, None, "x"], [7, None, "x"], 0),
        ([{"call_id": []}, {**output("a"), "call_id": {}}], [{"call_id": []}, {**output("a"), "call_id": {}}], 0),
        ([output("a"), *[said("user")] * SHOWN_WHOLE], [output("a"), *[said("user")] * SHOWN_WHOLE], 0),
        ([*LONG, NAMED, NAMED_OUTPUT], [NAMED, NAMED_OUTPUT], len(LONG)),
    ],
    ids=[
        "nothing", "a short one", "a question", "with instructions", "a tool's output", "two tools'", "nothing new",
        "no model", "odd", "ids that are none", "an output of no call first", "a call and its output without ids",
    ],
)  # fmt: skip
def test_what_is_new(items: list[Any], new: list[Any], earlier: int) -> None:
    found = turns(items)
    assert (found.new, len(found.earlier)) == (new, earlier)


def test_outputs_stand_with_their_calls() -> None:
    items = [call("a"), call("b"), said("user"), output("b"), output("a"), output("of no call")]
    assert turns(items).new == [call("a"), output("a"), call("b"), output("b"), said("user"), output("of no call")]


def test_of_a_long_history_the_rest_is_a_line_each() -> None:
    items = [*LONG, call("a"), output("a"), said("user", "What now?")]
    text = page(request_lines(Conversation(items=items)))
    assert text == "\nfunction_call f [a]:\n  {}\n\nfunction_call_output [a]:\n  1\n\nuser:\n  What now?\n"
    again = page(repeated_lines(Conversation(items=items)))
    assert again.startswith("\n== Before that: 16 items, which the app sent again\n  user: first\n  assistant: x\n")


def test_an_answer_is_all_new() -> None:
    text = page(answer_lines(Conversation(items=[call("a")] * (SHOWN_WHOLE + 1))))
    assert text.count("function_call f [a]:") == SHOWN_WHOLE + 1
    assert "Before that" not in text


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([said("user", "Hello")], "Hello"),
        ([said("user", "one"), said("assistant", "two")], "one"),
        ([{"role": "user", "content": [{"text": "a"}, {"text": "b"}, {"type": "input_image"}]}], "b"),
        ([said("user", "one"), {"role": "user", "content": [{"type": "input_image"}]}], "one"),
        ([7, {"role": "user", "content": 7}], ""),
        ([], ""),
    ],
)
def test_last_said(items: Any, text: str) -> None:
    assert last_said(items) == text
