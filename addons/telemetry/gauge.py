"""What is looked at when metrics are collected."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple


class Gauge(NamedTuple):
    """``read`` gives values with their labels, of which there must be few; it is called on any thread."""

    name: str
    unit: str
    about: str
    read: Callable[[], Iterable[tuple[float, Mapping[str, str]]]]
