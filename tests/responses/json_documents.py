"""Random JSON as it may be written: names twice, escapes, white space, values of any kind in any place."""

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

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
SCALARS = ["0", "-1", "12", "3.5e-7", "1E5", "true", "false", "null"]
TEXTS = ["", "resp_1", "{", "}]", '\\"', 'a"b\\', "\u00fc\u20ac\U0001f600", "\u2028", "\x00", "error", "[,:1"]
SPACES = ["", "", "", " ", "\n", "\t \r\n"]


def written(random: Random, text: str) -> str:
    """One string: as it is where that is allowed, or every character escaped."""
    if random.random() < 0.2:
        units = text.encode("utf-16-be")
        return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'
    return json.dumps(text, ensure_ascii=random.random() < 0.5)


def an_object(random: Random, depth: int = 4) -> str:
    space = random.choice(SPACES)
    members = (
        f"{written(random, random.choice(NAMES))}{space}:{space}{a_value(random, depth - 1)}"
        for _ in range(random.randrange(6))
    )
    return f"{{{space}{f'{space},{space}'.join(members)}{space}}}"


def a_value(random: Random, depth: int = 4) -> str:
    kind = random.random()
    if depth == 0 or kind < 0.2:
        return random.choice(SCALARS)
    if kind < 0.4:
        return written(random, random.choice(TEXTS))
    if kind < 0.6:
        space = random.choice(SPACES)
        values = (a_value(random, depth - 1) for _ in range(random.randrange(4)))
        return f"[{space}{f'{space},{space}'.join(values)}{space}]"
    return an_object(random, depth)


def cut_up(document: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """In pieces of these sizes, which are used round and round; in one where there are none."""
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
