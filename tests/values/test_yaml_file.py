from pathlib import Path

import pytest

from addons.values.small_file import FileError
from addons.values.yaml_file import line_of, read_yaml

ODD = {
    "a bracket": ("a: 1\nb: [", ":2: not YAML"),
    "a control character": ("- a: \x01", ": not YAML"),
    "two documents": ("a: 1\n---\nb: 2", ":2: not YAML: but found another document"),
    "a key twice": ("a: 1\na: 1", ":2: not YAML: found duplicate key"),
    "no day": ("a: 2026-02-30", "day is out of range"),
    "no hour": ("a: 2026-01-01T99:00:00Z", "hour must be in 0..23"),
    "a long number": ("a: " + "1" * 5000, "4300 digits"),
    "nested without end": ("{a: " * 700 + "1" + "}" * 700, "recursion"),
    "no base64": ("a: !!binary x", "not YAML: failed to decode base64"),
}


@pytest.mark.parametrize(("text", "message"), ODD.values(), ids=ODD)
def test_what_is_no_yaml(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


QUOTED = {
    "a key twice": ("api_key: hunter1\napi_key: hunter2", ':2: not YAML: found duplicate key "api_key"'),
    "an alias": ("api_key: *hunter2", ":1: not YAML: found undefined alias …"),
    "a handle": ("api_key: !hunter2!a x", ":1: not YAML: found undefined tag handle …"),
    "no number": ("api_key: !!int hunter2", ": not YAML that can be read: invalid literal for int() with base 10: …"),
    "a quote in it": ("api_key: !!float hunt'er2", ": not YAML that can be read: could not convert string to float: …"),
    "no truth value": ("api_key: !!bool hunter2", ": not YAML that can be read: …"),
    "no time": ("api_key: !!timestamp hunter2", ":1: not YAML: failed to construct timestamp from …"),
    "punctuation": ("api_key: [hunter2", ":1: not YAML: expected ',' or ']', but got '<stream end>'"),
    "a character": ("api_key: %hunter2", ":1: not YAML: found character '%' that cannot start any token"),
    "an escape": ('api_key: "hunter2\\q"', ":1: not YAML: found unknown escape character 'q'"),
}


@pytest.mark.parametrize(("text", "message"), QUOTED.values(), ids=QUOTED)
def test_no_value_is_quoted(tmp_path: Path, text: str, message: str) -> None:
    """A value may be a secret that was written into the file itself."""
    path = tmp_path / "f.yaml"
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"{path}{message}"
    assert caught.value.__cause__ is None


def test_no_tag_makes_an_object(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("a: !!python/object/apply:os.getcwd []")
    assert read_yaml(path) == {"a": []}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), 1),
        (("list", 1, "b"), 3),
        (("list", 9), 1),
        (("own", "x"), 5),
        (("own", "y"), 6),
        (("merged", "x"), 7),
        (("pairs", "a"), 8),
        (("nothing",), 1),
    ],
    ids=str,
)
def test_where_a_value_stands(tmp_path: Path, keys: tuple[object, ...], line: int) -> None:
    """What comes by a merge has no place of its own: its mapping's is told."""
    path = tmp_path / "f.yaml"
    path.write_text(
        "list:\n  - {a: 1}\n  - {b: 2}\n"
        "own: &own\n  x: 1\n  y: 2\n"
        "merged: {<<: *own}\n"
        "pairs: !!omap [a: 1]\n"
    )  # fmt: skip
    assert line_of(read_yaml(path), keys) == line
