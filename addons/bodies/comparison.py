"""Two decisions about the same call, and where the second differs: for a candidate, and for ``explain``."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

type Effect = Literal["refuses", "lets_pass", "refuses_otherwise", "warns", "changes", "sends_otherwise"]
"""What the second decision does and the first does not."""


class Place(NamedTuple):
    """A rule, and the JSON path it was applied at."""

    rule: str
    path: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided. ``refused`` is the first thing that stops the call; None: it may leave.

    ``changed`` names each change by its rule, and its path with what is done there. ``leaves_as`` is the region and the
    provider's name of the model.
    """

    refused: Place | None = None
    warned: frozenset[Place] = frozenset()
    changed: frozenset[Place] = frozenset()
    leaves_as: str = ""


class Difference(NamedTuple):
    effect: Effect
    rule: str
    path: str

    def __str__(self) -> str:
        return " ".join(filter(None, self))


@dataclass(frozen=True, slots=True)
class Trial:
    """How a candidate would treat a call. ``failed``: it could not be judged, so nothing is known of differences."""

    policy_hash: str
    differences: tuple[Difference, ...] = ()
    failed: bool = False


def differences(first: Decided, second: Decided) -> tuple[Difference, ...]:
    """Where the second decision differs, in a fixed order; empty where both are the same."""
    return tuple(_differences(first, second))


def _differences(first: Decided, second: Decided) -> Iterator[Difference]:
    if first.refused and second.refused:
        if first.refused != second.refused:
            yield Difference("refuses_otherwise", *second.refused)
    elif second.refused:
        yield Difference("refuses", *second.refused)
    elif first.refused:
        yield Difference("lets_pass", *first.refused)
    else:
        for place in sorted(second.warned - first.warned):
            yield Difference("warns", *place)
        for place in sorted(first.changed ^ second.changed):
            yield Difference("changes", *place)
        if first.leaves_as != second.leaves_as:
            yield Difference("sends_otherwise", "MODEL", second.leaves_as)
