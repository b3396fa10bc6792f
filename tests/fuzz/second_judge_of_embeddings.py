"""A second judge of embeddings, deliberately naive: from the contract's words alone, never from the tables."""

from collections.abc import Iterator
from typing import Any, Final

KNOWN: Final = frozenset(("model", "input", "dimensions", "encoding_format", "user"))
TAKEN_OUT: Final = frozenset(("user",))


def objections(body: dict[str, Any]) -> Iterator[str]:
    """Why this body may not leave. A known member that is null says nothing, as one that is absent."""
    said = {name: value for name, value in body.items() if value is not None}
    for name in body.keys() - KNOWN:
        yield f"unknown field {name}"
    if "input" in said and not _is_input(said["input"]):
        yield "input"
    dimensions = said.get("dimensions", 1)
    if type(dimensions) is not int or not 1 <= dimensions <= 3072:
        yield "dimensions"
    if said.get("encoding_format", "float") not in ("float", "base64"):
        yield "encoding_format"


def _is_input(value: Any) -> bool:
    if isinstance(value, str):
        return True
    if not isinstance(value, list) or not value:
        return False
    if isinstance(value[0], int):
        return _are_tokens(value)
    return len(value) <= 2048 and (all(type(each) is str for each in value) or all(map(_are_tokens, value)))


def _are_tokens(value: Any) -> bool:
    return type(value) is list and 1 <= len(value) <= 8192 and all(type(each) is int and each >= 0 for each in value)
