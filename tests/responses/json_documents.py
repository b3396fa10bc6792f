"""Random JSON as it may be written: names twice, escapes, white space, values of any kind in any place."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

NAMES = [
    "id",
    "model",
    "usage",
    "error",
    "code",
    "response",
    "type",
    "input_tokens",
    "output",
    'quo"te',
    "gr\u00fcn",
    "",
]
_space = st.sampled_from(["", "", "", " ", "\n", "\t \r\n"])
_texts = st.sampled_from(["", "resp_1", "{", "}]", '\\"', 'a"b\\', "\u00fc\u20ac\U0001f600", "\u2028", "\x00", "error"])


@st.composite
def _written(draw: st.DrawFn, text: str) -> str:
    """One string: as it is where that is allowed, or every character escaped."""
    if draw(st.integers(0, 3)) == 0:
        units = text.encode("utf-16-be", "surrogatepass")
        return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'
    return json.dumps(text, ensure_ascii=draw(st.booleans()))


_scalars = st.sampled_from(["0", "-1", "12", "3.5e-7", "1E5", "true", "false", "null"]) | _texts.flatmap(_written)


@st.composite
def _objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    members = draw(st.lists(st.tuples(st.sampled_from(NAMES).flatmap(_written), values), max_size=6))
    space = draw(_space)
    inside = f"{space},{space}".join(f"{name}{space}:{space}{value}" for name, value in members)
    return f"{{{space}{inside}{space}}}"


@st.composite
def _lists(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    space = draw(_space)
    return f"[{space}{f'{space},{space}'.join(draw(st.lists(values, max_size=4)))}{space}]"


values = st.recursive(_scalars, lambda inner: _objects(inner) | _lists(inner), max_leaves=25)
objects = _objects(values)
documents = objects | objects | values


def cut_up(document: bytes, sizes: Sequence[int]) -> Iterable[bytes]:
    """In pieces of these sizes, which are used round and round."""
    at = number = 0
    while at < len(document):
        size = sizes[number % len(sizes)] if sizes else len(document)
        yield document[at : at + size]
        at, number = at + size, number + 1


def pruned(value: Any, wanted: Any) -> Any:
    """What an abridgement is to hold, by a parser that has the whole document."""
    if wanted is None or not isinstance(value, dict):
        return value
    return {name: pruned(member, wanted[name]) for name, member in value.items() if name in wanted}
