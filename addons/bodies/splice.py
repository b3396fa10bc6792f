"""Reads a request body, and changes single members of it while every other byte stays as the caller wrote it."""

import gc
import json
import re
from collections.abc import Mapping
from typing import Final

import jiter
import msgspec

from addons.bodies.count import an_object_holds_more_than
from addons.bodies.verdict import ABSENT, Absent, Json, Thinned
from addons.foundry.refusals import Refusal

MAX_DEPTH: Final = 64
"""How deep objects and lists may nest; the body itself is the first level (docs/contract.md#body)."""

MAX_MEMBERS: Final = 32_768
"""Of one object. Up to here its keys fit into a processor's cache; twice as many take the parser, which lets no other
thread go on, five times as long."""

_POSITION = re.compile(r"(?s)(?P<problem>.*) at line (?P<line>\d+) column (?P<column>\d+)")
_SPACE = rb"[ \t\n\r]*+"
_OPEN = re.compile(_SPACE + rb"\{")
_OPEN_LIST = re.compile(_SPACE + rb"\[")
_KEY = re.compile(_SPACE + rb'(?P<key>"(?:[^"\\]++|\\.)*+")' + _SPACE + rb":" + _SPACE)
_SPACES = re.compile(_SPACE)
_CLOSE = re.compile(_SPACE + rb"(?P<brace>\})" + _SPACE + rb"\Z")
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_HALF_A_CHARACTER: Final = ("unexpected end of hex escape", "lone leading surrogate in hex escape")
_SMALL: Final = 4096  # bytes, below which copies take less memory than views of what is copied
_CONTAINERS: Final = frozenset({dict, list})
_JSON_NAMES = {list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}

type Pieces = list[bytes | memoryview]


def read(body: bytes) -> dict[str, Json]:
    """Parse the body for judging.

    A number too large for a double reads as infinity; jiter refuses only the words NaN and Infinity.

    Raises:
        Refusal: ``invalid_json`` when it is not one JSON object in UTF-8, holds a key twice at any level or an
            object of more than ``MAX_MEMBERS``, or nests deeper than ``MAX_DEPTH``. The message gives the place and
            never anything the caller wrote.
    """
    if an_object_holds_more_than(body, MAX_MEMBERS):
        raise Refusal(
            "invalid_json",
            f"An object in the request body has more than {MAX_MEMBERS:,} members. Divide it.",
        )
    try:
        # "none": jiter's cache of strings lasts as long as the process, and would hold what callers wrote.
        value = jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="none")
    except ValueError as error:
        raise _unreadable(str(error)) from None
    if not isinstance(value, dict):
        raise Refusal(
            "invalid_json", f"The request body must be a JSON object, but it is {_JSON_NAMES.get(type(value), 'null')}."
        )
    if _deeper_than(value, MAX_DEPTH):
        raise Refusal(
            "invalid_json",
            f"The request body nests deeper than {MAX_DEPTH} levels. Flatten the objects or lists in it.",
        )
    return value


def splice(body: bytes, document: dict[str, Json], members: Mapping[str, Json | Absent]) -> Pieces:
    """The body with top-level members replaced, taken out (``ABSENT``) or appended.

    A new value keeps the bytes of whatever in it is the very object that ``document`` holds at the same place, so
    that changing one tool leaves its siblings as the caller wrote them. White space belongs to the member it
    surrounds and leaves with it. It comes in pieces that refer to the body; with nothing to change that is the one.

    Args:
        body: bytes that ``read`` accepted.
        document: what ``read`` made of them.
        members: new JSON values by member name; lists that are to keep bytes are ``Thinned``.

    Raises:
        ValueError: the body is not what ``read`` accepts.
        Refusal: ``invalid_json`` when a new value holds a number beyond the range of a double, which cannot be
            written again as the caller wrote it.
    """
    if not any(name in document or not isinstance(value, Absent) for name, value in members.items()):
        return [body]
    return _object(body, document, members)


def _object(raw: bytes, old: dict[str, Json], changes: Mapping[str, Json | Absent]) -> Pieces:
    present = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    view = memoryview(raw)
    start = _expect(_OPEN, raw, 0).end()
    parts: Pieces = [view[:start]]
    for name, value in present.items():
        key = _expect(_KEY, raw, start)
        if msgspec.json.decode(key["key"]) != name:
            raise ValueError("the body holds a key twice")
        value_end = key.end() + len(value)
        end = _expect(_SPACES, raw, value_end).end()
        if name not in changes or changes[name] is old[name]:
            parts += (view[start:end], b",")
        elif not isinstance(changes[name], Absent):
            new = _value(bytes(value), old[name], changes[name], name)
            parts += (view[start : key.end()], *new, view[value_end:end], b",")
        start = end + 1  # past the comma, or past the closing brace
    for name, new_value in changes.items():
        if name not in present and not isinstance(new_value, Absent):
            parts += (_write("", name), b":", _write(name, new_value), b",")
    if len(parts) > 1:
        parts.pop()  # the comma after the last member
    closing = _expect(_CLOSE, raw, start - 1 if present else start)
    return [*parts, view[closing.start("brace") :]]


def _list(raw: bytes, old: list[Json], new: Thinned, name: str) -> Pieces:
    if not old:
        return [raw]
    view = memoryview(raw)
    start = _expect(_OPEN_LIST, raw, 0).end()
    parts: Pieces = [view[:start]]
    kept = dict(zip(new.kept, new, strict=True))
    for place, value in enumerate(msgspec.json.decode(raw, type=list[msgspec.Raw])):
        value_start = _expect(_SPACES, raw, start).end()
        value_end = value_start + len(value)
        end = _expect(_SPACES, raw, value_end).end()
        if place in kept and kept[place] is old[place]:
            parts += (view[start:end], b",")
        elif place in kept:
            new_value = _value(bytes(value), old[place], kept[place], name)
            pieces = view[start:value_start], *new_value, view[value_end:end]
            parts += ((b"".join(pieces),) if end - start < _SMALL else pieces) + (b",",)
        start = end + 1  # past the comma, or past the closing bracket
    if len(parts) > 1:
        parts.pop()
    return [*parts, view[start - 1 :]]


def _value(raw: bytes, old: Json, new: Json, name: str) -> Pieces:
    if isinstance(new, dict) and isinstance(old, dict):
        gone = {key: ABSENT for key in old if key not in new}
        return _object(raw, old, gone | new)
    if isinstance(new, Thinned) and isinstance(old, list):
        return _list(raw, old, new, name)
    return [_write(name, new)]


def _expect(pattern: re.Pattern[bytes], body: bytes, position: int) -> re.Match[bytes]:
    match = pattern.match(body, position)
    if match is None:
        raise ValueError(f"the body is not a JSON object with distinct keys (byte {position})")
    return match


def _write(name: str, value: Json) -> bytes:
    try:
        return _ENCODER.encode(value).encode()
    except ValueError:
        message = f"A number in '{name}' is too large. Use one within the range of a 64-bit floating-point number."
        raise Refusal("invalid_json", message, param=name) from None


def _unreadable(message: str) -> Refusal:
    """A refusal from jiter's message, which ends in the position and for duplicate keys quotes the key."""
    found = _POSITION.fullmatch(message)
    if found is None:
        return Refusal("invalid_json", "The request body is not valid JSON.")
    problem, line, column = found["problem"], found["line"], found["column"]
    if problem.startswith("Detected duplicate key"):
        problem = "an object holds the same key twice"
    elif problem in _HALF_A_CHARACTER:
        problem = "half of a surrogate pair (\\ud800 to \\udfff) stands alone, which is no character"
    return Refusal(
        "invalid_json",
        f"The request body is not valid JSON: {problem} (line {line}, column {column}).",
        parameters={"line": line, "column": column},
    )


def _deeper_than(value: Json, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for child in gc.get_referents(*level) if type(child) in _CONTAINERS]  # half of a loop's time
        if not level:
            return False
    return True
