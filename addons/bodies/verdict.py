"""What the body policy decided about one request body."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

type Json = Any
"""One parsed JSON value."""


class Absent:
    """Stands for a member that is taken out of the body."""


ABSENT: Final = Absent()


class Thinned(list[Json]):
    """A list as it may be sent: elements changed or taken out. ``kept``: the earlier index of each element."""

    def __init__(self, elements: Iterable[tuple[int, Json]]) -> None:
        placed = list(elements)
        super().__init__(element for _, element in placed)
        self.kept: tuple[int, ...] = tuple(place for place, _ in placed)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the body that the policy refuses.

    ``path`` is the JSON path (``tools[0].type``), ``rule`` the reason a reviewer knows it by
    (``ZERO_DATA_RETENTION``, ``GEORESTRICTION``, ``FEATURE_DISABLED``, ``COST``, ``UNKNOWN``),
    ``refusal`` a row of ``foundry.refusals.KINDS``, ``message`` what is wrong and what to change, ``row`` the row of
    the policy's tables that decided (``tool.mcp``), as ``policy.rules`` takes it, and ``setting`` the key of
    ``policy`` by which the operator would decide otherwise; both empty where there is none.
    """

    path: str
    rule: str
    message: str
    refusal: str = "refused_feature"
    row: str = ""
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One change to the body before it is sent."""

    path: str
    action: Literal["forced", "stripped", "added"]
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy decides about one body.

    ``refused`` holds what stops the call, the first to be reported first; ``warned`` what would have, under
    a rule that only warns. ``members`` are the top-level members to splice into the caller's bytes:
    a new JSON value, or ``ABSENT`` to take the member out. ``changes`` explains each of them.
    """

    refused: tuple[Finding, ...]
    warned: tuple[Finding, ...]
    changes: tuple[Change, ...]
    members: dict[str, Json | Absent]
