"""Metrics that are read when they are collected, and not counted from calls."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple


class Reading(NamedTuple):
    """One such metric: ``unit`` as UCUM writes it, ``about`` is its help text."""

    name: str
    unit: str
    about: str
    read: Callable[[], Iterable[tuple[float, Mapping[str, str]]]]
    """Gives the values with their labels, of which there must be few. It is called on any thread."""
    counts: bool = False
    """Whether it is a counter: the value only grows, from 0 at the start of the process."""
