"""A setting that holds for all models alike, or has a value of its own for each."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel


def shape(whole: type[BaseModel], tag: str) -> Callable[[Any], str]:
    """Tells by its keys which of both a value is: ``tag`` for one ``whole``, else ``[by model]``.

    Tags stand in brackets, so that errors name the key in the file and not this choice. A key that nobody knows is told
    as one of ``whole``, unless all values could be wholes of their own.
    """

    def of(value: Any) -> str:
        if not isinstance(value, dict) or value.keys() & whole.model_fields.keys():
            return tag
        return "[by model]" if all(isinstance(each, dict | whole) for each in value.values()) else tag

    return of
