"""Visits every single value of a configuration."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from addons.values.secret import Secret

type Keys = tuple[object, ...]
"""The keys that lead to a value, from the outermost; a number is a position in a list."""


def leaves(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Each value within a section or a whole configuration, with its keys. A ``Secret`` counts as one value."""
    if isinstance(value, BaseModel) and not isinstance(value, Secret):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from leaves(each, (*keys, name))
    elif isinstance(value, tuple | list):
        for index, each in enumerate(value):
            yield from leaves(each, (*keys, index))
    else:
        yield keys, value
