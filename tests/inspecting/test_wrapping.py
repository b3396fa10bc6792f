"""No line is wider than asked for, whatever the text; nothing of it but blanks and long runs' middles is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.inspecting.wrapping import BLANK, columns, folded


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [BLANK]),
        ("short", ["short"]),
        ("one two three", ["one two", "  three"]),
        ("  one two three", ["  one two", "  three"]),
        ("    deep and deeper", ["    deep", "    and", "    deeper"]),
        ("a\n\nb", ["a", BLANK, "b"]),
        ("abcdefghijklmno", ["abcdefghij", "  klmno"]),
        ("日本語日本語日", ["日本語日本", "  語日"]),
        ("😀😀😀😀😀😀", ["😀😀😀😀😀", "  😀"]),
        ("e\u0301" * 10, ["e\u0301" * 10]),
        (" " * 40, [BLANK]),
        ("one " + " " * 40 + "two", ["one", "  two"]),
    ],
    ids=[
        "empty", "short", "words", "indented", "deeper", "an empty line", "one long word", "wide", "emoji", "combining",
        "blanks alone", "many blanks",
    ],
)  # fmt: skip
def test_lines(text: str, lines: list[str]) -> None:
    assert [line.rstrip() or BLANK for line in folded(text, 10)] == lines


def test_of_a_long_run_the_ends_are_shown() -> None:
    assert list(folded("data: " + "A" * 5000 + "B" * 8 + " end", 64)) == [
        "data: AAAAAAAAAAAAAAAAAAAAAAAA…BBBBBBBB [5,008 characters] end"
    ]


@given(st.text(st.characters(exclude_categories=("Cc", "Zl", "Zp", "Cs"))), st.integers(4, 100))
def test_no_line_is_wider(text: str, width: int) -> None:
    lines = list(folded(text, width))
    assert all(columns(line) <= width for line in lines)
    if len(text) < 100:
        assert "".join("".join(lines).split()) == "".join(text.split())
