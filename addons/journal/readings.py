"""What is looked at when metrics are collected."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple


class Reading(NamedTuple):
    """``read`` gives values with their labels, of which there must be few; it is called on any thread.

    ``counts``: the value only ever grows, from 0 at the start of the process.
    """

    name: str
    unit: str
    about: str
    read: Callable[[], Iterable[tuple[float, Mapping[str, str]]]]
    counts: bool = False
