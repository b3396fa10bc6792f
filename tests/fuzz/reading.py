"""A body as another parser reads it."""

import json
from typing import Any


class DuplicateError(ValueError):
    """An object holds a key twice."""


def read_again(body: bytes) -> Any:
    """Strict where the contract is: one document, no key twice, no NaN, UTF-8 without a BOM."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(found)) != len(found):
            raise DuplicateError
        return dict(found)

    def constant(name: str) -> None:
        raise ValueError(name)

    return json.loads(body.decode(), object_pairs_hook=pairs, parse_constant=constant)
